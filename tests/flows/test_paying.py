"""What the payment provider is told of a booking, and payers who do not come back: through the product, over HTTP."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit
from uuid import UUID

import pytest
from aiohttp import web

from sandbox.stripe import wire
from tests.flows.test_charges import ask as ask_for_fee
from tests.flows.test_charges import link_of, pay_online, served
from tests.flows.test_counter import clerk_at, counters_of, office_id
from tests.staff import StaffBrowser
from tests.town import Town

PAID = "Führungszeugnis"
FEE = 1300
PERSON = {
    "name": "Ottilie Zwetschgenbaum",
    "email": "ottilie.zwetschge@example.org",
    "mobile": "+4915112345678",
    "language": "de",
}
SECRETS = ("ottilie", "zwetschge", "15112345678", "führungszeugnis", "certificate of good conduct", "bürgerbüro")


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    fields: dict[str, str]
    text: str  # with all that stands in the address and the headers


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Every request that reaches the provider, as it came over the wire."""
    recorded: list[Asked] = []
    read = wire._call

    async def keep(request: web.Request) -> Any:
        body = (await request.read()).decode()
        headers = " ".join(f"{name}: {value}" for name, value in request.headers.items())
        text = unquote_plus(f"{request.path_qs} {headers} {body}")
        recorded.append(Asked(request.method, request.path, dict(parse_qsl(body)), text))
        return await read(request)

    monkeypatch.setattr(wire, "_call", keep)
    return recorded


async def _secrets(town: Town, service: dict[str, Any]) -> list[str]:
    """With the names of service and offices in every language, and of the service's keys those that say something."""
    [row] = await town.rows("SELECT name::text AS names, key FROM service WHERE id = $1", service["id"])
    offices = await town.rows("SELECT name::text AS names FROM office")
    names = re.findall(r': "([^"]{6,})"', " ".join([row["names"], *(one["names"] for one in offices)]))
    return [*SECRETS, row["key"], *names]


def _assert_discreet(asked: list[Asked], secrets: list[str]) -> None:
    for one in asked:
        told = [secret for secret in secrets if secret.casefold() in one.text.casefold()]
        assert told == [], (one.method, one.path)


@pytest.mark.parametrize("capture", ["automatic", "manual"])
async def test_the_provider_is_told_an_amount_and_an_opaque_reference_only(
    town: Town, asked: list[Asked], capture: str
) -> None:
    await town.rows("UPDATE service SET capture = $1 RETURNING id", capture)
    await town.fresh()
    secrets = await _secrets(town, await town.service(PAID))
    made = await town.appointment(PAID, PERSON)
    checkout = await town.checkout(made)
    await town.pay(checkout)
    await town.webhooks()
    assert (await town.look(made))["status"] == "confirmed"
    assert (await town.cancel(made)).status == 200
    await town.work()
    town.clock.advance(minutes=2)
    await town.work()

    opened = next(one for one in asked if one.method == "POST" and one.path == "/v1/checkout/sessions")
    price = "line_items[0][price_data]"
    assert (opened.fields[f"{price}[unit_amount]"], opened.fields[f"{price}[currency]"]) == (str(FEE), "eur")
    [payment] = await town.rows("SELECT id, reference FROM payment")
    assert opened.fields["client_reference_id"] == opened.fields["metadata[payment_id]"] == str(payment["id"])
    assert {name for name in opened.fields if "metadata" in name} == {
        "metadata[payment_id]",
        "payment_intent_data[metadata][payment_id]",
    }
    for name in ("success_url", "cancel_url"):
        way = urlsplit(opened.fields[name])
        assert (f"{way.scheme}://{way.netloc}", way.query, way.fragment) == (town.origin, "", "")
        assert re.fullmatch(r"/de/appointments/[0-9a-f-]{36}/\w+", way.path), way.path
    shown = {opened.fields[f"{price}[product_data][name]"], opened.fields["payment_intent_data[description]"]}
    assert len(shown) == 1
    assert made["number"] in shown.pop()  # and nothing else that says who or what for
    assert not {"customer", "customer_email", "customer_creation", "receipt_email"} & set(opened.fields)

    refunds = [one for one in asked if one.path == "/v1/refunds" and one.method == "POST"]
    assert [set(one.fields) for one in refunds] == (
        [{"payment_intent", "amount", "metadata[refund_id]", "metadata[payment_id]"}] if capture == "automatic" else []
    )
    for one in refunds:
        assert UUID(one.fields["metadata[refund_id]"]).version is not None
    _assert_discreet(asked, secrets)


async def test_a_further_fee_tells_no_more(town: Town, asked: list[Asked]) -> None:
    """What a clerk asks for during a visit, and writes beside it, is a number and an amount for the provider."""
    office = await office_id(town)
    async with (
        await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as kim,
        StaffBrowser(town) as phone,
    ):
        day = await ask_for_fee(kim, await served(town, kim), PAID, text="Ottilie Zwetschgenbaum")
        await pay_online(town, phone, await phone.get(link_of(day, town)))
    await town.webhooks()
    [charge] = await town.rows("SELECT label, status FROM charge")
    assert ("Zwetschgenbaum" in charge["label"], charge["status"]) == (True, "paid")
    [opened] = [one for one in asked if one.method == "POST" and one.path == "/v1/checkout/sessions"]
    assert opened.fields["line_items[0][price_data][unit_amount]"] == str(FEE)
    _assert_discreet(asked, await _secrets(town, await town.service(PAID)))


async def _on_page(town: Town, checkout: dict[str, Any], action: str, step: str = "") -> str:
    """Where the provider's page sends the browser, which does not follow."""
    url = checkout["pay_url"] + step
    async with town.http.post(url, data={"action": action}, allow_redirects=False) as response:
        assert response.status == 303, await response.text()
        return str(response.headers["Location"])


@pytest.mark.parametrize("heard", ["webhook", "worker", "late"])
async def test_a_browser_that_is_closed_after_3d_secure_is_confirmed(town: Town, heard: str) -> None:
    """The payer confirms with the bank and never comes back: the provider's message says it, or the worker finds it."""
    made = await town.appointment(PAID)
    checkout = await town.checkout(made)
    assert (await _on_page(town, checkout, "3ds")).endswith("/3ds")
    await town.webhooks()
    await town.work()
    assert (await town.look(made))["status"] == "held"  # asked by the bank is not paid
    if heard != "webhook":
        await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})
    await _on_page(town, checkout, "confirm", "/3ds")
    if heard == "webhook":
        await town.webhooks()
    else:
        town.clock.advance(minutes=16 if heard == "late" else 2)  # the hold is over, and nobody has looked yet
        await town.work()
    seen = await town.look(made)
    assert (seen["status"], seen["payment"]) == ("confirmed", "paid")
    await town.work()
    assert len(town.mails()) == 1
    await town.assert_sound()


async def test_who_fails_3d_secure_has_paid_nothing(town: Town) -> None:
    made = await town.appointment(PAID)
    checkout = await town.checkout(made)
    await _on_page(town, checkout, "3ds")
    await _on_page(town, checkout, "fail", "/3ds")
    await town.webhooks()
    assert (await town.look(made))["status"] == "held"
    town.clock.advance(minutes=16)
    await town.work()
    assert (await town.look(made))["status"] == "expired"
    assert await town.books() == []
    await town.assert_sound()


@pytest.mark.parametrize("comes_back", [True, False])
@pytest.mark.parametrize("method", ["paypal", "wero"])
async def test_paypal_and_wero_are_confirmed_and_given_back(town: Town, method: str, comes_back: bool) -> None:
    await town.sandbox("PUT", "methods", {"methods": ["card", "paypal", "wero"]})
    made = await town.appointment(PAID)
    checkout = await town.checkout(made)
    back = await _on_page(town, checkout, method)
    assert back.startswith(f"{town.origin}/de/appointments/{made['id']}/")
    if comes_back:
        await town.good("GET", back.removeprefix(town.origin), made["token"])
    else:
        await town.webhooks()
    assert (await town.look(made))["status"] == "confirmed"
    [charge] = town.machine.state.rows("charges")
    assert charge["payment_method_details"]["type"] == method
    answer = await town.cancel(made)
    assert [refund["cents"] for refund in answer.body["refunds"]] == [FEE]
    await town.work()
    await town.webhooks()
    assert [refund["status"] for refund in (await town.look(made))["refunds"]] == ["succeeded"]
    [refund] = town.machine.state.rows("refunds")
    assert (refund["amount"], refund["status"]) == (FEE, "succeeded")
    assert sum(cents for _, account, cents in await town.books() if account == "psp_clearing") == 0
    await town.assert_sound()

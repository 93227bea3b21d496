"""Differences on screen, the provider played over HTTP through its SDK: found, taken over, settled by two; the days as lights."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any

import pytest

from payment.endpoints import MATCHING
from tests.flows.test_till import paid
from tests.staff import Page, StaffBrowser, hire, sign_in, words
from tests.town import Town

LIST = "/de/finance/differences"


@pytest.fixture
async def staff(town: Town) -> Any:
    async with AsyncExitStack() as stack:
        browsers = {}
        for name, role in (("kim", "finance"), ("lou", "finance"), ("auditor", "auditor")):
            await hire(town, name, role)
            browsers[name] = await stack.enter_async_context(await sign_in(town, name))
        yield browsers


async def edited_there(town: Town) -> None:
    """A payment whose amount is another one at the provider; more than an hour ago."""
    await paid(town)
    (charge,) = town.machine.state.rows("charges")
    town.machine.edit_charge(charge["id"], charge["amount"] - 500)
    town.clock.advance(minutes=70)


def link(text: str) -> str:
    found = re.search(rf'href="({LIST}/\d+)[?"]', text)
    assert found
    return found.group(1)


async def test_another_amount_at_the_provider_is_found_and_written_off_by_two(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    await edited_there(town)
    kim, lou = staff["kim"], staff["lou"]
    page = await kim.post(f"{LIST}/runs")
    assert "Offene Differenzen: 1" in words(page)
    assert "Abweichender Betrag" in words(page)
    one = link(page.text)
    assert "Geben Sie sie zurück" not in words(await kim.post(f"{one}/take"))
    assert "übernommen" in words(await kim.post(f"{one}/comments", comment="Ich frage nach."))
    refused = await kim.post(f"{one}/requests", note=" ", request_key="4e2a1b1c-0000-4000-8000-000000000001")
    assert (refused.status, "Bitte sagen Sie es in einem Satz." in words(refused)) == (422, True)
    noted = await kim.post(f"{one}/explain", note="Egal.")
    assert (noted.status, "Dafür braucht es zwei Personen" in words(noted)) == (409, True)
    asked = await kim.post(
        f"{one}/requests", note="Kulanz, von Hand.", request_key="4e2a1b1c-0000-4000-8000-000000000001"
    )
    assert "Eine andere Person muss freigeben" in words(asked)
    approve = re.search(rf'action="({one}/requests/[^"]+/approve)"', (await lou.get(one)).text)
    assert approve
    own = await kim.post(approve.group(1))
    assert (own.status, "Das muss eine andere Person tun." in words(own)) == (409, True)
    assert (await staff["auditor"].post(approve.group(1))).status == 403
    done = await lou.post(approve.group(1))
    assert "Ausgebucht" in words(done)
    assert "genehmigt" in words(done)
    assert "Keine Differenz ist offen." in words(await lou.post(f"{LIST}/runs"))
    assert "Kulanz" in words(await staff["auditor"].get(one))
    await town.assert_sound()


async def test_the_list_by_cause_and_owner_and_the_days(town: Town, staff: dict[str, StaffBrowser]) -> None:
    await edited_there(town)
    await staff["kim"].post(f"{LIST}/runs")
    auditor = staff["auditor"]
    assert "Jetzt abgleichen" not in words(await auditor.get(LIST))
    assert "Abweichender Betrag" in words(await auditor.get(f"{LIST}?cause=amount&owner=none"))
    assert "Keine." in words(await auditor.get(f"{LIST}?owner=me"))
    assert "Keine." in words(await auditor.get(f"{LIST}?age=30"))
    days = await auditor.get(f"{LIST}/days")
    assert "1 offen" in words(days)
    assert (await auditor.get(f"{LIST}/days?from=gestern")).status == 422
    assert (await auditor.get(f"{LIST}/4711")).status == 404
    assert (await auditor.get(f"{LIST}/x")).status == 404


async def test_by_night_once_and_prices_are_booked(town: Town) -> None:
    await hire(town, "kim", "finance")
    await paid(town)
    matching = town.app[MATCHING]
    assert await matching.by_night() == 1
    assert await matching.by_night() == 0
    town.clock.advance(hours=24)
    assert await matching.by_night() == 1
    (row,) = await town.rows("SELECT sum(amount_cents) AS cents FROM entry WHERE account = 'psp_fees'")
    assert row["cents"] == sum(one["fee"] for one in town.machine.state.rows("balance_transactions"))
    async with await sign_in(town, "kim") as kim:
        assert "Keine Differenz ist offen." in words(await kim.get(LIST))
        account = await kim.get("/de/finance/books/account?name=psp_fees&from=2026-12-01&to=2026-12-31")
        assert "txn_" in words(account)


async def test_a_payout_is_read_with_its_parts_and_booked(town: Town) -> None:
    await paid(town)
    town.clock.advance(days=4)
    payout = town.machine.pay_out()
    assert payout is not None
    town.machine.payout_arrives(payout["id"])
    town.clock.advance(minutes=1)
    assert await town.app[MATCHING].by_night() == 1
    rows = await town.rows(
        "SELECT p.status, p.amount_cents, t.net_cents FROM provider_payout_now p JOIN provider_payout_part t ON t.payout_id = p.id"
    )
    assert [tuple(row.values()) for row in rows] == [("paid", payout["amount"], payout["amount"])]
    (transit,) = await town.rows("SELECT sum(amount_cents) AS cents FROM entry WHERE account = 'bank_in_transit'")
    assert transit["cents"] == payout["amount"]
    await town.assert_sound()


async def test_a_price_list_is_entered_and_what_deviates_is_a_difference_to_be_noted(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    kim, here = staff["kim"], "/de/finance/prices"

    async def enter(who: str, percent: str, day: str) -> Page:
        return await staff[who].post(
            here, request_key="x", method="card", percent_bp=percent, fixed_cents="0,10", tolerance_cents="0,01", valid_from=day
        )  # fmt: skip

    wrong = await enter("kim", "viel", "bald")
    assert (wrong.status, words(wrong).count("Eine Zahl mit"), "0,10" in wrong.text) == (422, 2, True)
    assert "1,50 %" in words(await enter("kim", "1,5", "2026-01-01"))
    assert "Preis eintragen" not in words(await staff["auditor"].get(here))
    assert (await enter("auditor", "1,5", "2026-01-01")).status == 403
    await paid(town)
    town.clock.advance(minutes=70)
    page = await kim.post(f"{LIST}/runs")
    assert "Abweichendes Entgelt" in words(page)
    one = link(page.text)
    assert "in seiner Preisliste" in words(await kim.get(one))
    done = await kim.post(f"{one}/explain", note="Der Vertrag wurde geändert.")
    assert "Erledigt" in words(done)
    await town.assert_sound()


async def test_the_price_list_over_the_api(town: Town, staff: dict[str, StaffBrowser]) -> None:
    given = {"method": "card", "percent_bp": 150, "fixed_cents": 25, "tolerance_cents": 1, "valid_from": "2026-01-01"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    kim, auditor = staff["kim"].http, staff["auditor"].http
    for _twice in range(2):
        async with kim.post(f"{town.origin}/api/provider-prices", json=given, headers=headers) as made:
            assert made.status == 200
    async with auditor.get(f"{town.origin}/api/provider-prices") as read:
        [one] = (await read.json())["prices"]
    assert {name: one[name] for name in given} == given
    assert (one["provider"], one["set_by"]) == ("stripe", "Kim")
    async with kim.post(
        f"{town.origin}/api/provider-prices", json={**given, "percent_bp": 10_001}, headers=headers
    ) as refused:
        assert refused.status == 422
    async with auditor.post(f"{town.origin}/api/provider-prices", json=given, headers=headers) as forbidden:
        assert forbidden.status == 403

"""Staff book for somebody on the telephone: free of charge at once, with a fee by a link to pay; they find, move and cancel for callers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Town

OFFICE = "buergerbuero-mitte"
FREE, WITH_FEE = "Wohnsitzanmeldung", "Führungszeugnis"
CALLER: dict[str, Any] = {"name": "Alex Mustermann", "mobile": "0151 23456789", "language": "de"}


@pytest.fixture
async def rosa(town: Town) -> AsyncIterator[StaffBrowser]:
    async with AsyncExitStack() as stack:
        await hire(town, "rosa", "supervisor", OFFICE)
        yield await stack.enter_async_context(await sign_in(town, "rosa"))


async def base_of(town: Town, office: str = OFFICE) -> str:
    [row] = await town.rows("SELECT id FROM office WHERE key = $1", office)
    return f"/de/bookings/{row['id']}"


def fields_of(page: Page, action: str) -> dict[str, Any]:
    """The hidden fields of the form that is sent there."""
    [form] = re.findall(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page.text, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


async def times(town: Town, rosa: StaffBrowser, words: str, **more: str) -> Page:
    service = (await town.service(words))["id"]
    query = "&".join(f"{name}={value}" for name, value in {"service": service, "channel": "onsite", **more}.items())
    return await rosa.get(f"{await base_of(town)}?{query}")


async def take(town: Town, rosa: StaffBrowser, page: Page, number: int = 0) -> Page:
    action = f"{await base_of(town)}/holds"
    slot = re.findall(r'name="slot" value="([^"]+)"', page.text)[number]

    return await rosa.post(action, slot=slot, **fields_of(page, action))


async def book(town: Town, rosa: StaffBrowser, words: str, **contact: str) -> Page:
    form = await take(town, rosa, await times(town, rosa, words))
    assert "Wer kommt?" in form.text
    return await rosa.post(form.url.path, **fields_of(form, form.url.path), **(CALLER | contact))


async def test_free_of_charge_is_booked_at_once_and_the_caller_gets_a_text(town: Town, rosa: StaffBrowser) -> None:
    done = await book(town, rosa, FREE)
    assert "Die Bestätigung geht an +49 1512 3456789." in done.text
    await town.work()
    [text] = town.texts.messages.arrived()
    [row] = await town.rows("SELECT number, status FROM appointment")
    assert (row["status"], str(row["number"]) in text.phone_text, str(row["number"]) in done.text) == (
        "confirmed",
        True,
        True,
    )


async def test_with_a_fee_the_caller_pays_by_the_link_of_the_message(town: Town, rosa: StaffBrowser) -> None:
    done = await book(town, rosa, WITH_FEE, email="alex@example.org")
    assert "Der Link zum Bezahlen ist unterwegs" in done.text
    await town.work()
    [mail] = town.mail.messages
    assert "Bitte bis" in mail.header("Subject")
    [link] = re.findall(rf"{town.origin}(/\S+)", mail.part("text/plain") or "")
    async with AsyncExitStack() as stack:
        caller = await stack.enter_async_context(StaffBrowser(town))
        case = await caller.get(link)
        [action] = re.findall(r'action="(/de/appointments/[^"]+/pay)"', case.text)
        sent = await caller.post(action, follow=False, **fields_of(case, action))
    await town.pay({"pay_url": sent.headers["Location"]})
    await town.webhooks()
    booked = await rosa.get(done.url.path)
    assert "Der Termin ist gebucht" in booked.text
    assert "erstatten wir die ganze Gebühr" in booked.text
    cancelled = await rosa.post(f"{done.url.path}/cancel", **fields_of(booked, f"{done.url.path}/cancel"))
    assert "Dieser Termin wurde abgesagt." in cancelled.text
    await town.webhooks()
    assert await town.rows("SELECT 1 FROM refund WHERE status = 'succeeded'")
    await town.assert_sound()


async def test_a_fee_needs_a_way_to_send_the_link(town: Town, rosa: StaffBrowser) -> None:
    by_post = {"mobile": "", "street": "Weg 1", "postcode": "70173", "place": "Stuttgart"}
    refused = await book(town, rosa, WITH_FEE, **by_post)
    assert refused.status == 422
    assert "Hierfür fällt eine Gebühr an" in refused.text
    assert 'value="Weg 1"' in refused.text
    assert await town.rows("SELECT id FROM appointment") == []


async def test_wrong_details_are_named_and_everything_is_kept(town: Town, rosa: StaffBrowser) -> None:
    refused = await book(town, rosa, FREE, name="", email="alex@", mobile="")
    assert refused.status == 422
    assert "Geben Sie den Namen der Person ein" in refused.text
    assert 'value="alex@"' in refused.text


async def test_the_form_sent_twice_books_once(town: Town, rosa: StaffBrowser) -> None:
    form = await take(town, rosa, await times(town, rosa, FREE))
    fields = fields_of(form, form.url.path) | CALLER
    pages = [await rosa.post(form.url.path, **fields) for _ in range(2)]
    assert pages[0].url == pages[1].url
    assert len(await town.rows("SELECT id FROM appointment")) == 1


async def test_a_time_that_somebody_else_has_taken_meanwhile(town: Town, rosa: StaffBrowser) -> None:
    """The last lane of that moment goes to the public while the page is open: it says so, and nothing is lost."""
    page = await times(town, rosa, FREE)
    slot = re.findall(r'name="slot" value="([^"]+)"', page.text)[4]
    office, starts_at = slot.split("@")
    service = (await town.service(FREE))["id"]
    wanted = {"service": service, "channel": "onsite", "office": int(office), "starts_at": starts_at}
    while (await town.call("POST", "/api/holds", key=uuid4().hex, json=wanted)).status == 201:
        pass
    refused = await take(town, rosa, page, 4)
    assert refused.status == 422
    assert "Diese Zeit ist nicht mehr frei" in refused.text
    assert slot not in re.findall(r'name="slot" value="([^"]+)"', refused.text)


async def test_although_there_is_no_time_with_a_reason(town: Town, rosa: StaffBrowser) -> None:
    page = await times(town, rosa, FREE)
    action = f"{await base_of(town)}/overrides"
    fields = fields_of(page, action)
    [counter, *_] = re.findall(r'<option value="(\d+)">', page.text.split('id="counter"')[1])
    night: dict[str, Any] = {"counter": counter, "starts_at": "2026-12-08T22:00", "reason": ""}
    refused = await rosa.post(action, **(fields | night))
    assert refused.status == 422
    assert "Geben Sie den Grund an" in refused.text
    form = await rosa.post(action, **(fields | night | {"reason": "Notfall"}))
    done = await rosa.post(form.url.path, **fields_of(form, form.url.path), **CALLER)
    assert "22:00 Uhr" in done.text
    [row] = await town.rows("SELECT reason FROM override")
    assert row["reason"] == "Notfall"


@pytest.mark.parametrize(
    ("starts_at", "said"),
    [
        ("", "Geben Sie Tag und Uhrzeit ein"),
        ("2026-11-02T08:00", "Das ist schon vorbei"),
        ("2026-12-08T08:03", "Termine beginnen alle fünf Minuten"),
    ],
)
async def test_a_moment_at_which_nothing_can_begin_is_said(
    town: Town, rosa: StaffBrowser, starts_at: str, said: str
) -> None:
    base, page = await base_of(town), await times(town, rosa, FREE)
    [counter] = re.findall(r'<select[^>]*name="counter"[^>]*>\s*<option value="(\d+)"', page.text)
    fields = fields_of(page, f"{base}/overrides") | {"starts_at": starts_at, "counter": counter, "reason": "Notfall"}
    refused = await rosa.post(f"{base}/overrides", **fields)
    assert (refused.status, said in refused.text) == (422, True)


async def test_found_by_its_number_moved_and_cancelled_for_the_caller(town: Town, rosa: StaffBrowser) -> None:
    base = await base_of(town)
    done = await book(town, rosa, FREE)
    [row] = await town.rows("SELECT number, id FROM appointment")
    found = await rosa.get(f"{base}/cases?number={str(row['number']).lower().replace('-', ' ')}")
    assert found.url == done.url
    page = await rosa.get(f"{base}?moves={row['id']}")
    assert f"Der Termin {row['number']} wird auf die gewählte Zeit verschoben" in page.text
    before = await town.rows("SELECT starts_at FROM claim WHERE appointment_id = $1 AND status < 8", row["id"])
    moved = await take(town, rosa, page, 3)
    assert moved.url == done.url
    after = await town.rows("SELECT starts_at FROM claim WHERE appointment_id = $1 AND status < 8", row["id"])
    assert before != after
    cancelled = await rosa.post(f"{done.url.path}/cancel")
    assert "Dieser Termin wurde abgesagt." in cancelled.text
    await town.assert_sound()


@pytest.mark.parametrize(("typed", "said"), [("K7F", "zu kurz"), ("K7F-3QM", "Zu dieser Nummer gibt es keinen Termin")])
async def test_a_number_that_is_none(town: Town, rosa: StaffBrowser, typed: str, said: str) -> None:
    refused = await rosa.get(f"{await base_of(town)}/cases?number={typed}")
    assert refused.status == 422
    assert said in refused.text
    assert f'value="{typed}"' in refused.text


async def test_another_office_sees_neither_hold_nor_case(town: Town, rosa: StaffBrowser) -> None:
    form = await take(town, rosa, await times(town, rosa, FREE))
    done = await book(town, rosa, FREE)
    [row] = await town.rows("SELECT number FROM appointment")
    west = await base_of(town, "buergerbuero-west")
    await hire(town, "olga", "clerk", "buergerbuero-west")
    async with AsyncExitStack() as stack:
        olga = await stack.enter_async_context(await sign_in(town, "olga"))
        for path in (form.url.path, done.url.path):
            assert (await olga.get(path)).status == 403
            assert (await olga.get(re.sub(r"^/de/bookings/\d+", west, path))).status == 404
        assert (await olga.get(f"{west}/cases?number={row['number']}")).status == 422


async def test_given_back_it_is_free_for_others(town: Town, rosa: StaffBrowser) -> None:
    form = await take(town, rosa, await times(town, rosa, FREE))
    back = await rosa.post(f"{form.url.path}/release")
    assert "Freie Zeiten" in back.text
    assert await town.rows("SELECT id FROM claim WHERE kind = 0 AND status < 8") == []


async def test_the_link_to_pay_over_the_api_is_sent_once(town: Town) -> None:
    made = await town.appointment(WITH_FEE)
    for _ in range(2):
        await town.good("POST", f"/api/appointments/{made['id']}/payment-link", made["token"])
    await town.work()
    assert len(town.mail.messages) == 1
    free = await town.appointment(FREE)
    refused = await town.call("POST", f"/api/appointments/{free['id']}/payment-link", free["token"])
    assert (refused.status, refused.body["code"]) == (409, "nothing_to_pay")


async def test_several_in_one_visit_booked_by_staff(town: Town, rosa: StaffBrowser) -> None:
    """More than the service allows becomes as many as it allows, and that is said."""
    page = await times(town, rosa, "Meldebescheinigung", quantity="9")
    assert "Weniger als gewählt" in page.text
    assert "Meldebescheinigung: 4" in page.text
    assert fields_of(page, f"{await base_of(town)}/holds")["quantity"] == "4"
    form = await take(town, rosa, await times(town, rosa, "Meldebescheinigung", quantity="3"))
    await rosa.post(form.url.path, **fields_of(form, form.url.path), **CALLER)
    [case] = await town.rows("SELECT id, fee_cents FROM appointment")
    assert case["fee_cents"] == 3 * (await town.service("Meldebescheinigung"))["fee"]["cents"]
    [part] = await town.rows(
        "SELECT quantity, ends_at - starts_at AS length FROM claim WHERE appointment_id IS NOT NULL"
    )
    assert (part["quantity"], part["length"]) == (3, timedelta(minutes=20))


async def test_several_services_in_one_visit_booked_by_staff(town: Town, rosa: StaffBrowser) -> None:
    """What is chosen twice is two of it; the overbook lane takes one service once, so it is not there."""
    card, record = [(await town.service(words))["id"] for words in ("Personalausweis", "Führungszeugnis")]
    page = await times(town, rosa, FREE, also=f"{card}&also={card}&also={record}&also=")
    assert "Trotzdem reservieren" not in page.text
    action = f"{await base_of(town)}/holds"
    shown = fields_of(page, action)
    assert f'name="also" value="{card}*2"' in page.text
    [first, *_] = re.findall(r'name="slot" value="([^"]+)"', page.text)
    sent = [*(pair for pair in shown.items() if pair[0] != "also"), ("also", f"{card}*2"), ("also", str(record))]
    form = await rosa.ask("POST", action, data=[*sent, ("slot", first)])
    assert "2 × Personalausweis" in form.text
    await rosa.post(form.url.path, **fields_of(form, form.url.path), **CALLER)
    parts = await town.rows("SELECT service_id, quantity FROM claim WHERE appointment_id IS NOT NULL")
    assert {(part["service_id"], part["quantity"]) for part in parts} >= {(card, 2), (record, 1)}
    await town.assert_sound()


async def test_what_is_not_offered_in_this_way_is_said(town: Town, rosa: StaffBrowser) -> None:
    page = await times(town, rosa, FREE, channel="video")
    assert "Wohnsitzanmeldung: wird hier so nicht angeboten (Per Video)" in page.text


async def test_a_visit_is_moved_as_it_is(town: Town, rosa: StaffBrowser) -> None:
    service, base = await town.service("Meldebescheinigung"), await base_of(town)
    wanted = {"service": service["id"], "channel": "onsite", "quantity": 2, "office": int(base.rpartition("/")[2])}
    [slot, *_] = (await town.good("GET", "/api/slots/next", params=wanted))["slots"]
    asked = {**wanted, "starts_at": slot["starts_at"]}
    hold = await town.good("POST", "/api/holds", key=str(uuid4()), json=asked)
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    await take(town, rosa, await rosa.get(f"{base}?moves={made['id']}"), 5)
    seen = await town.look(made)
    assert (seen["status"], seen["items"]) == ("confirmed", [{"service": service["id"], "quantity": 2}])
    assert seen["starts_at"] != made["starts_at"]
    await town.assert_sound()


async def test_a_callers_appointment_is_found_moved_and_cancelled_over_the_api(town: Town, rosa: StaffBrowser) -> None:
    """What was booked online, for whoever telephones; of another office there is nothing."""
    base = await base_of(town)
    office = int(base.rpartition("/")[2])

    async def ask(method: str, path: str, status: int, who: StaffBrowser = rosa, at: int = office, **given: Any) -> Any:
        url = f"{town.origin}/api/offices/{at}{path}"
        async with who.http.request(method, url, headers={"Idempotency-Key": uuid4().hex}, **given) as response:
            found = await response.json()
            assert response.status == status, found
            return found

    service = (await town.service(FREE))["id"]
    found = await town.good(
        "GET", "/api/slots/next", params={"service": service, "channel": "onsite", "office": office}
    )
    hold = await town.hold(service, slot=found["slots"][0])
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=uuid4().hex, json=given)
    await town.checkout(made)
    number = made["number"].lower().replace("-", " ")
    seen = await ask("GET", f"/appointments/{number}", 200)
    assert (seen["id"], seen["contact"]["name"]) == (made["id"], KIM["name"])
    assert "token" not in seen
    await ask("GET", "/appointments/ZZZ-ZZZ", 404)
    await hire(town, "elsewhere", "clerk", "buergerbuero-ost")
    [ost] = await town.rows("SELECT id FROM office WHERE key = 'buergerbuero-ost'")
    async with await sign_in(town, "elsewhere") as other:
        await ask("GET", f"/appointments/{number}", 404, other, ost["id"])
        await ask("POST", f"/appointments/{number}/cancel", 404, other, ost["id"])
        await ask("POST", f"/appointments/{number}/cancel", 403, other)
    wanted = {"service": service, "channel": "onsite", "starts_at": found["slots"][-1]["starts_at"]}
    kept = await ask("POST", "/holds", 201, json=wanted)
    stolen = {"hold": kept["id"], "hold_token": "x" * 43}
    await ask("POST", f"/appointments/{number}/move", 401, json=stolen)
    for _time in range(2):
        moved = await ask(
            "POST", f"/appointments/{number}/move", 200, json={"hold": kept["id"], "hold_token": kept["token"]}
        )
        assert (moved["starts_at"], moved["pay_url"]) == (wanted["starts_at"], None)
    await ask("POST", f"/appointments/{number}/cancel", 409, json={"refund_cents": 1})
    for _time in range(2):
        assert (await ask("POST", f"/appointments/{number}/cancel", 200))["status"] == "cancelled"
    await town.assert_sound()

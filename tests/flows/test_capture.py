"""A fee that is reserved when the citizen pays and taken after the visit: over HTTP, with the provider's sandbox."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sandbox.stripe import captures
from tests.flows.test_cash_desk import a_till, begun, books, words
from tests.flows.test_counter import clerk_at, counters_of, office_id, step_url
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Town

RECORD = "Führungszeugnis"


@pytest.fixture
async def citizen(town: Town) -> AsyncIterator[StaffBrowser]:
    async with StaffBrowser(town) as browser:
        yield browser


async def by_hand(town: Town) -> None:
    await town.rows("UPDATE service SET capture = 'manual' RETURNING id")
    await town.fresh()


async def reserved(town: Town, office: int | None = None) -> dict[str, Any]:
    await by_hand(town)
    if office is None:
        made = await town.appointment(RECORD)
    else:
        service = await town.service(RECORD)
        query = {"service": service["id"], "channel": "onsite", "office": office, "limit": 1}
        [slot] = (await town.good("GET", "/api/slots/next", params=query))["slots"]
        place = {"office": slot["office"], "starts_at": slot["starts_at"]}
        asked = {"service": service["id"], "channel": "onsite", "quantity": 1, **place}
        held = await town.good("POST", "/api/holds", key=str(uuid4()), json=asked)
        given = {"hold": held["id"], "contact": KIM}
        made = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    assert (await town.look(made))["status"] == "confirmed"
    return made


def mails(town: Town) -> list[str]:
    """Subject and text of each."""
    return [f"{mail.header('Subject')}\n{mail.part('text/plain')}" for mail in town.mail.messages]


async def payment(town: Town) -> dict[str, Any]:
    [row] = await town.rows("SELECT id, status, captured_cents, take_cents, keep_cents, authorised_until FROM payment")
    return row


async def test_reserved_then_served_then_taken(town: Town, citizen: StaffBrowser) -> None:
    office = await office_id(town)
    counter = (await counters_of(town, office))[0]
    made = await reserved(town, office)
    assert (await payment(town))["status"] == "authorised"
    assert await town.books() == []  # nothing is taken, so nothing is booked
    page = await citizen.get(f"/de/case/{made['token']}")
    assert "ist bei Ihrem Zahlungsmittel vorgemerkt. Wir buchen sie nach Ihrem Besuch ab" in page.text
    assert "Quittung" not in page.text
    await town.work()
    assert any("vorgemerkt" in mail and made["number"] in mail for mail in mails(town))
    async with await clerk_at(town, "kim", office, counter) as clerk:
        await clerk.post(f"/de/counter/{office}/check-in", number=made["number"])
        called = await clerk.post(f"/de/counter/{office}/next")
        started = await clerk.post(step_url(called.text, "start"))
        await clerk.post(step_url(started.text, "finish"))
    assert (await payment(town))["take_cents"] == 1300
    await town.work()
    taken = await payment(town)
    assert (taken["status"], taken["captured_cents"]) == ("paid", 1300)
    assert any("wurde abgebucht" in mail for mail in mails(town))
    assert "Quittung" in (await citizen.get(f"/de/case/{made['token']}")).text
    await town.assert_sound()


async def test_cancelled_in_time_nothing_is_taken(town: Town, citizen: StaffBrowser) -> None:
    made = await reserved(town)
    await citizen.get(f"/de/case/{made['token']}")
    asked = await citizen.get(f"/de/appointments/{made['id']}?cancel=1")
    assert "wird nichts abgebucht: Die Vormerkung von 13,00\xa0€ wird aufgehoben" in asked.text
    done = await citizen.post(f"/de/appointments/{made['id']}/cancel", refund_cents="1300", request_key=str(uuid4()))
    assert "Ihr Termin ist abgesagt" in done.text
    gone = await payment(town)
    assert (gone["status"], gone["captured_cents"], gone["take_cents"]) == ("fenced", 0, 0)
    assert await town.rows("SELECT FROM refund") == []
    assert await town.books() == []
    await town.work()
    assert any("13,00\xa0€ waren bei Ihrem Zahlungsmittel vorgemerkt" in mail for mail in mails(town))
    await town.assert_sound()


async def test_cancelled_late_only_the_kept_share_is_taken(town: Town, citizen: StaffBrowser) -> None:
    await town.rows(
        """
        INSERT INTO refund_policy (key, share_percent, step_hours, step_percent, text)
        VALUES ('steps', 100, '{3,1}', '{100,50}', '{"de": "Spät abgesagt kostet."}') RETURNING id"""
    )
    made = await reserved(town)
    town.clock.set(datetime.fromisoformat(made["starts_at"]) - timedelta(hours=2))
    await citizen.get(f"/de/case/{made['token']}")
    asked = await citizen.get(f"/de/appointments/{made['id']}?cancel=1")
    assert "buchen wir 6,50\xa0€ der Gebühr von 13,00\xa0€ ab" in asked.text
    assert (await town.cancel(made)).status == 200
    taken = await payment(town)
    assert (taken["status"], taken["captured_cents"]) == ("paid", 650)
    assert await town.rows("SELECT FROM refund") == []
    page = await citizen.get(f"/de/case/{made['token']}")
    assert "Von der vorgemerkten Gebühr wurden 6,50\xa0€ abgebucht" in page.text
    await town.work()
    [receipt] = await town.rows("SELECT number FROM receipt")
    assert receipt["number"] == 1
    sheet = await citizen.get(f"/de/appointments/{made['id']}/receipts/{taken['id']}")
    assert "6,50\xa0€" in sheet.text
    assert "13,00\xa0€" not in sheet.text
    await town.assert_sound()


async def test_a_reservation_that_ran_out_is_paid_anew(town: Town, citizen: StaffBrowser) -> None:
    made = await reserved(town)
    await town.rows("UPDATE payment SET authorised_until = authorised_until + interval '30 days' RETURNING id")
    town.clock.advance(days=8)
    await town.work()
    assert (await payment(town))["status"] == "fenced"
    await hire(town, "kim", role="finance")
    async with await sign_in(town, "kim") as till:
        assert "abgelaufen, bevor das Geld eingezogen wurde" in (await till.get("/de/finance/work")).text
    page = await citizen.get(f"/de/case/{made['token']}")
    assert "Bitte bezahlen Sie erneut" in page.text
    assert "13,00\xa0€ bezahlen" in page.text
    assert any("Bitte bezahlen Sie erneut" in mail for mail in mails(town))
    await town.pay(await town.checkout(made))
    await town.webhooks()
    rows = await town.rows("SELECT status, capture, captured_cents FROM payment ORDER BY created_at, id")
    assert [tuple(row.values()) for row in rows] == [("fenced", "manual", 0), ("paid", "automatic", 1300)]
    assert "Bitte bezahlen Sie erneut" not in (await citizen.get(f"/de/case/{made['token']}")).text
    await town.assert_sound()


async def ran_out(town: Town, office: int | None = None) -> dict[str, Any]:
    """Booked, and its reservation is gone although we wanted it."""
    made = await reserved(town, office)
    [intent] = await town.rows("SELECT id, charge_id FROM payment")
    captures.run_out(town.machine.core, intent["charge_id"])
    await town.worker.payments.settle(intent["id"])
    assert (await payment(town))["status"] == "fenced"
    return made


async def test_a_till_takes_what_ran_out(town: Town, citizen: StaffBrowser, robin: StaffBrowser) -> None:
    made = await ran_out(town)
    till = await a_till(town, robin)
    found = words(await robin.get(f"{till}?q={made['number']}"))
    assert "Was dafür vorgemerkt war, ist abgelaufen und ist neu zu bezahlen: 13,00 €" in found
    path = await begun(town, robin, till, made)
    await citizen.get(f"/de/case/{made['token']}")
    assert "Bitte bezahlen Sie erneut" in words(await citizen.get(f"/de/case/{made['token']}"))
    done = await robin.post(f"{path}/take", method="cash", given="20", request_key=str(uuid4()))
    assert "Bezahlt. Rückgeld: 7,00 €" in words(done)
    assert "neu zu bezahlen" not in words(await robin.get(f"{till}?q={made['number']}"))
    assert await books(town, "fee") == [("fee", "cash", 1300), ("fee", "received_in_advance", -1300)]
    seen = await town.look(made)
    assert (seen["status"], seen["payment"]) == ("confirmed", "paid")
    assert "Bitte bezahlen Sie erneut" not in words(await citizen.get(f"/de/case/{made['token']}"))
    await town.assert_sound()


async def test_begun_at_a_till_and_paid_online_it_is_paid_once(town: Town, robin: StaffBrowser) -> None:
    made = await ran_out(town)
    till = await a_till(town, robin)
    path = await begun(town, robin, till, made)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    refused = await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
    assert refused.status == 409
    rows = await town.rows("SELECT status, provider FROM payment ORDER BY created_at, id")
    assert sorted(tuple(row.values()) for row in rows) == [
        ("fenced", "counter"),
        ("fenced", "stripe"),
        ("paid", "stripe"),
    ]
    await town.assert_sound()


async def test_cancelled_while_a_till_has_begun_to_take_it(town: Town, robin: StaffBrowser) -> None:
    made = await ran_out(town)
    till = await a_till(town, robin)
    path = await begun(town, robin, till, made)
    assert (await town.cancel(made)).status == 200
    refused = await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
    assert refused.status == 409
    assert {row["status"] for row in await town.rows("SELECT status FROM payment")} == {"fenced"}
    await town.assert_sound()


async def test_the_visit_asks_for_what_ran_out_and_does_not_end_in_silence(town: Town) -> None:
    office = await office_id(town)
    counter = (await counters_of(town, office))[0]
    made = await ran_out(town, office)
    async with await clerk_at(town, "kim", office, counter) as clerk:
        await clerk.post(f"/de/counter/{office}/check-in", number=made["number"])
        called = await clerk.post(f"/de/counter/{office}/next")
        started = await clerk.post(step_url(called.text, "start"))
        asked = (
            "Was für die Buchung vorgemerkt war, ist abgelaufen, bevor es abgebucht wurde: 13,00 € sind neu zu bezahlen"
        )
        assert asked in words(started)
        refused = await clerk.post(step_url(started.text, "finish"))
        assert "Eine Gebühr ist noch offen" in words(refused)
        day = await clerk.get(f"/de/counter/{office}")
        [url] = re.findall(r'action="([^"]*/finish-unpaid)"', day.text)
        await clerk.post(url, reason="pays_later", note="")
    assert (await town.look(made))["status"] == "finished"
    await hire(town, "toni", "finance")
    async with await sign_in(town, "toni") as toni:
        listed = words(await toni.get("/de/finance/open-fees"))
        assert f"{made['number']} " in listed
        assert "13,00 €" in listed
        await town.pay(await town.checkout(made))
        await town.webhooks()
        assert "Es ist keine Gebühr offen" in words(await toni.get("/de/finance/open-fees"))
    await town.assert_sound()


async def test_before_it_runs_out_and_the_visit_is_far_it_is_taken(town: Town) -> None:
    await reserved(town)
    town.clock.advance(days=6)
    await town.work()
    assert (await payment(town))["status"] == "paid"
    await town.assert_sound()

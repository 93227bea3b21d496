"""A city that takes no money online: what costs something is booked at once, and a till takes the fee until the visit is over."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from tests.flows.test_bookings import CALLER, fields_of, take, times
from tests.flows.test_cash_desk import MITTE, a_till, begun, books, words
from tests.flows.test_counter import book_today, clerk_at, counters_of, office_id, step_url
from tests.flows.test_moving import send, slots, to_times
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town
from tests.town import town as open_town

FREE, PAID = "Wohnsitzanmeldung", "Führungszeugnis"  # 13 euros
UNPAID = "Die Gebühr von 13,00 € ist noch nicht bezahlt"


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with open_town(city_dsn, clock, payment_providers=("none",)) as opened:
        yield opened


@pytest.fixture
async def citizen(town: Town) -> AsyncIterator[StaffBrowser]:
    async with StaffBrowser(town) as browser:
        yield browser


async def booked(town: Town, what: str = PAID) -> dict[str, Any]:
    made = await town.appointment(what)
    done = await town.checkout(made)
    assert done == {"status": "confirmed", "pay_url": None}
    return made


async def test_it_is_booked_at_once_and_everywhere_said_to_be_unpaid(town: Town, citizen: StaffBrowser) -> None:
    made = await town.appointment(PAID)
    page = await citizen.get(f"/de/case/{made['token']}")
    check = await citizen.get(f"/de/appointments/{made['id']}/check")
    assert "Sie bezahlen die Gebühr an einer Kasse der Stadt" in check.text
    assert "Zahlungsdienst" not in check.text
    page = await citizen.post(f"/de/appointments/{made['id']}/pay", request_key=str(uuid4()))
    assert "Ihr Termin ist bestätigt" in page.text
    assert UNPAID in words(page)
    seen = await town.look(made)
    assert (seen["status"], seen["payment"]) == ("confirmed", None)
    assert seen["due_at_till"] == {"cents": 1300, "currency": "EUR"}
    assert (await citizen.get(f"/de/appointments/{made['id']}?cancel=1")).text.count("Es wurde nichts bezahlt") == 1
    await town.work()
    [mail] = town.mail.messages
    text = (mail.part("text/plain") or "").replace("\n", " ").replace("\xa0", " ")
    assert UNPAID in text
    assert "haben die Gebühr" not in text
    assert await town.rows("SELECT id FROM payment") == []
    await town.assert_without_faults()


async def test_what_is_free_is_as_before(town: Town) -> None:
    seen = await town.look(await booked(town, FREE))
    assert (seen["status"], seen["due_at_till"]) == ("confirmed", None)


async def test_a_till_takes_it_by_the_appointments_number(town: Town, robin: StaffBrowser) -> None:
    made, till = await booked(town), await a_till(town, robin)
    assert "Gebucht, ohne bezahlt zu sein: 13,00 €" in words(await robin.get(f"{till}?q={made['number']}"))
    path = await begun(town, robin, till, made)
    done = await robin.post(f"{path}/take", method="cash", given="20", request_key=str(uuid4()))
    assert "Bezahlt. Rückgeld: 7,00 €" in words(done), words(done)
    seen = await town.look(made)
    assert (seen["status"], seen["payment"], seen["due_at_till"]) == ("confirmed", "paid", None)
    assert await books(town, "fee") == [("fee", "cash", 1300), ("fee", "received_in_advance", -1300)]
    await town.assert_without_faults()


async def test_cancelled_unpaid_nothing_is_owed_and_no_till_takes_it_any_more(town: Town, robin: StaffBrowser) -> None:
    made, till = await booked(town), await a_till(town, robin)
    path = await begun(town, robin, till, made)
    assert (await town.cancel(made)).status == 200
    refused = await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
    assert refused.status == 409
    assert await town.rows("SELECT status FROM payment") == [{"status": "fenced"}]
    assert (await town.look(made))["due_at_till"] is None
    await town.assert_without_faults()


async def test_cancelled_after_it_was_paid_the_till_gives_it_back(town: Town, robin: StaffBrowser) -> None:
    made, till = await booked(town), await a_till(town, robin)
    path = await begun(town, robin, till, made)
    await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
    assert (await town.cancel(made)).status == 200
    assert "Zurückzugeben: 13,00 €" in words(await robin.get(path))


async def test_moved_it_stays_unpaid(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town)
    offered = await to_times(town, citizen, made)
    asked = await send(citizen, offered, slot=slots(offered)[-1])
    assert "Es ist noch nichts bezahlt" in asked.text
    moved = await send(citizen, asked)
    assert UNPAID in words(moved)
    await town.assert_without_faults()


async def test_staff_book_it_without_a_link_to_pay(town: Town) -> None:
    await hire(town, "rosa", "supervisor", MITTE)
    async with await sign_in(town, "rosa") as rosa:
        form = await take(town, rosa, await times(town, rosa, PAID))
        assert "bekommt einen Link" not in form.text
        done = await rosa.post(form.url.path, **fields_of(form, form.url.path), **CALLER)
    assert done.status == 200, words(done)
    assert await town.rows("SELECT status, pays_at_till FROM appointment") == [
        {"status": "confirmed", "pays_at_till": True}
    ]


async def test_that_it_was_booked_unpaid_is_never_taken_back(town: Town) -> None:
    await booked(town)
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        await town.rows("UPDATE appointment SET pays_at_till = false RETURNING id")
    assert refused.value.constraint_name == "appointment_pays_at_till_stays"
    held = await town.appointment(FREE)
    with pytest.raises(asyncpg.CheckViolationError) as refused_held:
        await town.rows("UPDATE appointment SET pays_at_till = true WHERE id = $1 RETURNING id", held["id"])
    assert refused_held.value.constraint_name == "appointment_pays_at_till"


async def test_the_visit_does_not_end_unpaid_without_a_reason(town: Town, robin: StaffBrowser) -> None:
    office = await office_id(town)
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as kim:
        made = await book_today(town, office, words=PAID)
        await kim.post(f"/de/counter/{office}/check-in", number=made["number"])
        called = await kim.post(f"/de/counter/{office}/next")
        day = await kim.post(step_url(called.text, "start"))
        assert "Die Gebühr der Buchung ist noch nicht bezahlt: 13,00 €" in words(day)
        assert "Eine Gebühr ist noch offen" in words(await kim.post(step_url(day.text, "finish")))
        till = await a_till(town, robin)
        path = await begun(town, robin, till, made)
        await robin.post(f"{path}/take", method="cash", given="13", request_key=str(uuid4()))
        done = await kim.post(step_url(day.text, "finish"))
        assert "Niemand ist an Ihrem Schalter" in words(done)
    assert (await town.look(made))["status"] == "finished"
    await town.assert_without_faults()


async def test_left_open_it_stands_in_finances_list_until_a_till_takes_it(town: Town, robin: StaffBrowser) -> None:
    office = await office_id(town)
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as kim:
        made = await book_today(town, office, words=PAID)
        await kim.post(f"/de/counter/{office}/check-in", number=made["number"])
        called = await kim.post(f"/de/counter/{office}/next")
        day = await kim.post(step_url(called.text, "start"))
        [url] = re.findall(r'action="([^"]*/finish-unpaid)"', day.text)
        await kim.post(url, reason="pays_later")
    assert (await town.look(made))["due_at_till"] == {"cents": 1300, "currency": "EUR"}
    await hire(town, "toni", "finance")
    async with await sign_in(town, "toni") as toni:
        listed = words(await toni.get("/de/finance/open-fees"))
        assert made["number"] in listed
        assert "Bezahlt später" in listed
        path = await begun(town, robin, await a_till(town, robin), made)
        await robin.post(f"{path}/take", method="terminal", slip="", request_key=str(uuid4()))
        assert "Es ist keine Gebühr offen" in words(await toni.get("/de/finance/open-fees"))
    await town.assert_without_faults()

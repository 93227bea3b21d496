"""The counter when things go another way: over midnight, cancelled while being called, taken back, come back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import violates
from booking.appointments import store as cases
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import AppointmentStatus, sources
from booking.availability.model import ClaimStatus
from booking.queue import places_store, store
from tests.flows.test_counter import (
    FREE,
    _Stream,
    _waits_for_a_lock,
    book_today,
    clerk_at,
    counters_of,
    office_id,
    statuses,
    step_url,
)
from tests.staff import sign_in
from tests.town import Town, eventually


async def test_who_was_left_open_yesterday_is_seen_and_finished(town: Town, clock: SettableClock) -> None:
    office = await office_id(town)
    counter = (await counters_of(town, office))[0]
    made = await book_today(town, office)
    async with await clerk_at(town, "kim", office, counter) as clerk:
        await clerk.post(f"/de/counter/{office}/check-in", appointment=made["id"])
        called = await clerk.post(f"/de/counter/{office}/next")
        await clerk.post(step_url(called.text, "start"))
    clock.advance(days=1)
    async with await sign_in(town, "kim") as clerk:
        day = await clerk.post(f"/de/counter/{office}/take", counter=str(counter))
        assert "Kim Mustermann" in day.text
        assert "seit " in day.text
        finished = await clerk.post(step_url(day.text, "finish"))
        assert finished.status == 200
        empty = await clerk.post(f"/de/counter/{office}/next")
        assert "Es wartet niemand" in empty.text
    assert await statuses(town) == [(1, "done", counter)]


async def test_who_is_called_cannot_cancel(town: Town) -> None:
    office = await office_id(town)
    made = await book_today(town, office)
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk:
        await clerk.post(f"/de/counter/{office}/check-in", appointment=made["id"])
        await clerk.post(f"/de/counter/{office}/next")
        refused = await town.cancel(made)
        assert (refused.status, refused.body["code"]) == (409, "being_served")
    assert (await town.look(made))["status"] == "confirmed"


async def _waiting(town: Town) -> tuple[dict[str, Any], int, int, places_store.OfficeDay]:
    office = await office_id(town)
    made = await book_today(town, office)
    await town.worker.queue.check_in(office, UUID(made["id"]))
    async with town.worker.db.connection() as conn:
        today = await places_store.office_day(conn, office, town.clock())
    assert today is not None
    return made, office, (await counters_of(town, office))[0], today


async def test_who_is_just_cancelling_is_not_called(town: Town) -> None:
    made, office, counter, today = await _waiting(town)
    async with town.worker.db.transaction() as cancelling:
        await cases.lock_appointment(cancelling, UUID(made["id"]))
        async with town.worker.db.transaction() as conn, asyncio.timeout(10):
            assert await store.call_next(conn, office, today.day, counter, town.clock()) is None


async def test_cancelling_waits_for_a_call_and_is_then_refused(town: Town) -> None:
    made, office, counter, today = await _waiting(town)
    async with town.worker.db.transaction() as conn:
        assert await store.call_next(conn, office, today.day, counter, town.clock()) is not None
        cancelling = asyncio.create_task(town.cancel(made))
        await eventually(lambda: _waits_for_a_lock(town))
    assert (await cancelling).status == 409


async def test_a_case_that_had_ended_is_seen_and_told(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    office = await office_id(town)
    made = await book_today(town, office)
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk:
        await clerk.post(f"/de/counter/{office}/check-in", appointment=made["id"])
        await clerk.post(f"/de/counter/{office}/next")
        async with town.worker.db.transaction() as conn:
            to = AppointmentStatus.CANCELLED
            assert await cases.move(conn, UUID(made["id"]), sources(to), to, ClaimStatus.CANCELLED)
        day = await clerk.get(f"/de/counter/{office}")
        assert f"{made['number']} (abgesagt)" in day.text
        await clerk.post(step_url(day.text, "no-show"))
    assert [status for _, status, _ in await statuses(town)] == ["no_show"]
    assert (await town.look(made))["status"] == "cancelled"
    assert "queue.case-had-ended" in caplog.messages


async def test_a_no_show_is_taken_back_on_the_same_day_only(town: Town, clock: SettableClock) -> None:
    office = await office_id(town)
    counter = (await counters_of(town, office))[0]
    made = await book_today(town, office)
    async with await clerk_at(town, "kim", office, counter) as clerk:
        await clerk.post(f"/de/counter/{office}/check-in", appointment=made["id"])
        called = await clerk.post(f"/de/counter/{office}/next")
        missed = await clerk.post(step_url(called.text, "no-show"))
        assert "Nummer 001 ist doch da" in missed.text
        await clerk.post(step_url(missed.text, "undo"))
        back = await clerk.post(step_url(missed.text, "undo"))
        assert back.status == 200
        assert await statuses(town) == [(1, "called", counter)]
        assert (await town.look(made))["status"] == "confirmed"
        await town.assert_sound()
        await clerk.post(step_url(back.text, "no-show"))
    clock.advance(days=1)
    async with await sign_in(town, "kim") as clerk:
        await clerk.post(f"/de/counter/{office}/take", counter=str(counter))
        assert "nicht mehr da" in (await clerk.post(step_url(missed.text, "undo"))).text
    assert (await town.look(made))["status"] == "no_show"


async def test_who_comes_back_waits_from_then_on(town: Town, clock: SettableClock) -> None:
    made, office, _, _ = await _waiting(town)
    queue, ident = town.worker.queue, UUID(made["id"])
    first = await queue.check_in(office, ident)
    await queue.leave_queue(office, first.id)
    clock.advance(minutes=1)
    assert (await queue.check_in(office, ident)).arrived_at == first.arrived_at  # a lost connection, perhaps
    await queue.leave_queue(office, first.id)
    clock.advance(minutes=10)
    assert (await queue.check_in(office, ident)).arrived_at == first.arrived_at + timedelta(minutes=11)


async def test_the_board_of_a_new_day_is_empty(town: Town, clock: SettableClock) -> None:
    office = await office_id(town)
    service = (await town.service(FREE))["id"]
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk:
        await clerk.post(f"/de/counter/{office}/walk-in", service=str(service), request_key=str(uuid4()))
        await clerk.post(f"/de/counter/{office}/next")
    url = f"{town.origin}/de/board/{office}/live"
    async with town.http.get(url) as response:
        await _Stream(response).until("001", "calls")
    clock.advance(days=1)
    async with town.http.get(url) as response:
        assert "001" not in await _Stream(response).until("", "calls")


async def test_the_own_part_opens_no_name_but_its_own(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    office = await office_id(town)
    await book_today(town, office)
    appointments = town.app[APPOINTMENTS]
    names, asked = appointments.names, []

    async def listening(ids: Collection[UUID]) -> Mapping[UUID, str]:
        asked.append(len(ids))
        return await names(ids)

    monkeypatch.setattr(appointments, "names", listening)
    async with (
        await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk,
        clerk.http.get(f"{town.origin}/de/counter/{office}/live") as response,
    ):
        asked.clear()
        await _Stream(response).until("", "mine")
    assert 0 in asked


async def test_two_tabs_that_say_the_same_are_no_mistake(town: Town) -> None:
    """Both have read the number before either changed it."""
    made, office, _, _ = await _waiting(town)
    ticket = await town.worker.queue.check_in(office, UUID(made["id"]))
    async with town.worker.db.transaction() as conn:
        await conn.execute("SELECT FROM ticket WHERE id = $1 FOR UPDATE", ticket.id)
        leaving = [asyncio.create_task(town.worker.queue.leave_queue(office, ticket.id)) for _ in range(2)]
        await eventually(lambda: _two_wait(town))
    await asyncio.gather(*leaving)


async def _two_wait(town: Town) -> bool:
    rows = await town.rows(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return len(rows) == 2


async def test_start_from_two_tabs_at_once_is_one_start(town: Town) -> None:
    _, office, counter, _ = await _waiting(town)
    async with await clerk_at(town, "kim", office, counter) as clerk:
        called = await clerk.post(f"/de/counter/{office}/next")
        async with town.worker.db.transaction() as conn:
            await conn.execute("SELECT FROM counter_clerk WHERE counter_id = $1 FOR UPDATE", counter)
            pressed = [asyncio.create_task(clerk.post(step_url(called.text, "start"))) for _ in range(2)]
            await eventually(lambda: _two_wait(town))
        assert [(await one).status for one in pressed] == [200, 200]
    assert [status for _, status, _ in await statuses(town)] == ["serving"]


async def test_the_schema_refuses_a_second_number_for_an_appointment(town: Town) -> None:
    await _waiting(town)
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await town.rows(
            "INSERT INTO ticket (id, office_id, day, number, appointment_id, service_id, channel, due_at, arrived_at, changed_at) "
            "SELECT gen_random_uuid(), office_id, day, 2, appointment_id, service_id, channel, due_at, arrived_at, changed_at FROM ticket"
        )
    assert violates(refused.value, "ticket_appointment_once")

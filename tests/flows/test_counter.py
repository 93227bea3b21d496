"""The counter's day over HTTP: check in, call, serve; two clerks at once; live on the page and on the board."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from base.clock import SettableClock
from booking.appointments.store import lock_appointment
from sandbox.smtp.faults import Fault
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town, eventually
from video.rooms.model import Invitation
from video.rooms.usecases import RoomOver

FREE, VIDEO = "Wohnsitzanmeldung", "Wohnsitz abmelden"
MITTE = "buergerbuero-mitte"
BOTH_WAYS = {"email": "kim@example.org", "mobile": "0151 23456789"}


async def office_id(town: Town, key: str = MITTE) -> int:
    [row] = await town.rows("SELECT id FROM office WHERE key = $1", key)
    return int(row["id"])


async def counters_of(town: Town, office: int) -> list[int]:
    rows = await town.rows("SELECT id FROM counter WHERE office_id = $1 AND channel = 'onsite' ORDER BY id", office)
    return [row["id"] for row in rows]


async def book_today(
    town: Town, office: int, channel: str = "onsite", words: str = FREE, reach: dict[str, str] = BOTH_WAYS
) -> dict[str, Any]:
    """A confirmed appointment of this office, today."""
    service = await town.service(words)
    query = {"service": service["id"], "channel": channel, "office": office, "limit": 1}
    [slot] = (await town.good("GET", "/api/slots/next", params=query))["slots"]
    hold = await town.hold(service["id"], channel, slot)
    given = {"hold": hold["id"], "contact": {"name": "Kim Mustermann", "language": "de", **reach}}
    made: dict[str, Any] = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    await town.checkout(made)
    return made


async def video_call(town: Town) -> tuple[dict[str, Any], Invitation]:
    """A confirmed video consultation that begins in ten minutes, and its citizen's link."""
    made = await town.appointment(VIDEO, channel="video")
    await town.checkout(made)
    town.clock.set(datetime.fromisoformat(made["starts_at"]) - timedelta(minutes=10))
    invitation = await town.worker.appointments.invitation(UUID(made["id"]))
    assert invitation is not None
    return made, invitation


async def clerk_at(town: Town, login: str, office: int, counter: int, key: str = MITTE) -> StaffBrowser:
    await hire(town, login, "clerk", key)
    browser = await sign_in(town, login)
    page = await browser.post(f"/de/counter/{office}/take", counter=str(counter))
    assert page.status == 200
    return browser


async def statuses(town: Town) -> list[tuple[int, str, int | None]]:
    rows = await town.rows("SELECT number, status, counter_id FROM ticket ORDER BY number")
    return [(row["number"], row["status"], row["counter_id"]) for row in rows]


def step_url(page: str, step: str) -> str:
    found = re.search(rf'action="([^"]*/tickets/[0-9a-f-]+/{step})"', page)
    assert found is not None, step
    return found[1]


async def test_from_the_door_to_finished(town: Town) -> None:
    office = await office_id(town)
    counter = (await counters_of(town, office))[0]
    made = await book_today(town, office)
    async with await clerk_at(town, "kim", office, counter) as clerk:
        day = await clerk.get(f"/de/counter/{office}")
        assert "Kim Mustermann" in day.text
        assert made["number"] in day.text
        typed = made["number"].replace("-", " ").lower()
        arrived = await clerk.post(f"/de/counter/{office}/check-in", number=typed)
        assert "Nummer 001 wartet jetzt." in arrived.text
        again = await clerk.post(f"/de/counter/{office}/check-in", number=made["number"])
        assert "Nummer 001 wartet jetzt." in again.text
        called = await clerk.post(f"/de/counter/{office}/next")
        assert await statuses(town) == [(1, "called", counter)]
        board = await town.call("GET", f"/de/board/{office}")
        assert "001" in board.body
        assert "Kim" not in board.body
        assert made["number"] not in board.body
        await clerk.post(step_url(called.text, "recall"))
        serving = await clerk.post(step_url(called.text, "start"))
        twice = await clerk.post(step_url(called.text, "start"))
        assert twice.status == 200  # it is so already
        await clerk.post(step_url(serving.text, "finish"))
    assert await statuses(town) == [(1, "done", counter)]
    assert (await town.look(made))["status"] == "finished"
    history = await town.rows("SELECT status, counter_id FROM ticket_history ORDER BY id")
    assert [row["status"] for row in history] == ["waiting", "called", "called", "serving", "done"]
    assert [row["counter_id"] for row in history] == [None, counter, counter, counter, counter]
    columns = await town.rows("SELECT column_name FROM information_schema.columns WHERE table_name LIKE 'ticket%'")
    assert not {row["column_name"] for row in columns} & {"account_id", "by_user", "name"}  # no clerk, no citizen
    await town.assert_sound()


async def test_another_office_sells_the_time_and_the_queue_is_at_the_counter(town: Town) -> None:
    """The case keeps the office that was chosen; the claim, the ticket and the board are where the counter is."""
    mitte, west = await office_id(town), await office_id(town, "buergerbuero-west")
    own = await counters_of(town, west)
    desk = (await counters_of(town, mitte))[0]
    async with town.worker.db.transaction() as conn:
        await conn.execute("INSERT INTO counter_office VALUES ($1, $2)", desk, west)
        await conn.execute(
            "UPDATE counter SET is_active = false WHERE id = ANY ($1)", own
        )  # so there is only the shared one
        await conn.execute("UPDATE city SET version = version + 1")
    await town.fresh()
    made = await book_today(town, west)
    assert made["office"] == west
    [claim] = await town.rows("SELECT counter_id, office_id, sold_by FROM claim WHERE kind = 0")
    assert claim == {"counter_id": desk, "office_id": mitte, "sold_by": west}
    await hire(town, "west", "clerk", "buergerbuero-west")
    async with await clerk_at(town, "mitte", mitte, desk) as clerk, await sign_in(town, "west") as other:
        assert made["number"] not in (await other.get(f"/de/counter/{west}")).text
        refused = await other.post(f"/de/counter/{west}/check-in", number=made["number"])
        assert "wartet jetzt" not in refused.text
        assert made["number"] in (await clerk.get(f"/de/counter/{mitte}")).text
        arrived = await clerk.post(f"/de/counter/{mitte}/check-in", number=made["number"])
        assert "Nummer 001 wartet jetzt." in arrived.text
        called = await clerk.post(f"/de/counter/{mitte}/next")
        assert await statuses(town) == [(1, "called", desk)]
        assert "001" in (await town.call("GET", f"/de/board/{mitte}")).body
        assert "001" not in (await town.call("GET", f"/de/board/{west}")).body
        serving = await clerk.post(step_url(called.text, "start"))
        await clerk.post(step_url(serving.text, "finish"))
    seen = await town.look(made)
    assert (seen["status"], seen["office"]) == ("finished", west)
    await town.assert_sound()


async def test_who_does_not_come_is_a_no_show_of_the_case_too(town: Town) -> None:
    office = await office_id(town)
    made = await book_today(town, office)
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk:
        await clerk.post(f"/de/counter/{office}/check-in", appointment=made["id"])
        called = await clerk.post(f"/de/counter/{office}/next")
        await clerk.post(step_url(called.text, "no-show"))
    assert (await town.look(made))["status"] == "no_show"
    await town.assert_sound()


async def test_appointments_by_time_come_before_walk_ins_by_arrival(town: Town, clock: SettableClock) -> None:
    office = await office_id(town)
    first, second = await book_today(town, office), await book_today(town, office)
    service = (await town.service(FREE))["id"]
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk:
        key = str(uuid4())
        for _ in range(2):  # the same form twice is one number
            page = await clerk.post(f"/de/counter/{office}/walk-in", service=str(service), request_key=key)
            assert "Nummer 001 wartet jetzt." in page.text
        clock.advance(minutes=1)
        await clerk.post(f"/de/counter/{office}/walk-in", service=str(service), request_key=str(uuid4()))
        for one in (second, first):
            await clerk.post(f"/de/counter/{office}/check-in", appointment=one["id"])
        order = []
        for _ in range(4):
            page = await clerk.post(f"/de/counter/{office}/next")
            [open_one] = [number for number, status, _ in await statuses(town) if status == "called"]
            order.append(open_one)
            await clerk.post(step_url(page.text, "no-show"))
        assert order == ([4, 3, 1, 2] if first["starts_at"] != second["starts_at"] else [3, 4, 1, 2])
        empty = await clerk.post(f"/de/counter/{office}/next")
        assert "Es wartet niemand" in empty.text


async def test_two_clerks_never_get_the_same_person(town: Town) -> None:
    office = await office_id(town)
    places = await counters_of(town, office)
    service = (await town.service(FREE))["id"]
    clerks = [await clerk_at(town, f"clerk{n}", office, place) for n, place in enumerate(places)]
    for _ in range(len(clerks) - 1):
        await clerks[0].post(f"/de/counter/{office}/walk-in", service=str(service), request_key=str(uuid4()))
    pages = await asyncio.gather(*(clerk.post(f"/de/counter/{office}/next") for clerk in clerks for _ in range(3)))
    open_ones = [(number, counter) for number, status, counter in await statuses(town) if status == "called"]
    assert len(open_ones) == len(clerks) - 1
    assert len({counter for _, counter in open_ones}) == len(open_ones)
    assert {page.status for page in pages} == {200}
    assert sum("Es wartet niemand" in page.text for page in pages) >= 3  # one clerk gets nobody
    for clerk in clerks:
        await clerk.__aexit__(None, None, None)


async def test_a_counter_has_one_clerk_and_a_supervisor_frees_it(town: Town) -> None:
    office = await office_id(town)
    counter = (await counters_of(town, office))[0]
    async with await clerk_at(town, "kim", office, counter) as kim:
        await hire(town, "sam", "clerk", MITTE)
        await hire(town, "alex", "supervisor", MITTE)
        async with await sign_in(town, "sam") as sam, await sign_in(town, "alex") as alex:
            refused = await sam.post(f"/de/counter/{office}/take", counter=str(counter))
            assert "arbeitet heute schon jemand" in refused.text
            without = await sam.post(f"/de/counter/{office}/next")
            assert "zuerst Ihren Schalter" in without.text
            assert (await sam.post(f"/de/counter/{office}/free", counter=str(counter))).status == 403
            assert (await alex.post(f"/de/counter/{office}/free", counter=str(counter))).status == 200
            assert (await sam.post(f"/de/counter/{office}/take", counter=str(counter))).status == 200
        assert "zuerst Ihren Schalter" in (await kim.post(f"/de/counter/{office}/next")).text


async def test_another_offices_people_are_neither_seen_nor_touched(town: Town) -> None:
    mitte, west = await office_id(town), await office_id(town, "buergerbuero-west")
    made = await book_today(town, west)
    async with await clerk_at(town, "kim", mitte, (await counters_of(town, mitte))[0]) as kim:
        assert (await kim.get(f"/de/counter/{west}")).status == 403
        for given in ({"appointment": made["id"]}, {"number": made["number"]}):
            refused = await kim.post(f"/de/counter/{mitte}/check-in", **given)
            assert "an einer anderen Dienststelle: Bürgerbüro West" in refused.text
            assert "Kim Mustermann" not in refused.text
    assert await statuses(town) == []


async def test_who_cancels_while_waiting_is_not_called(town: Town) -> None:
    office = await office_id(town)
    made = await book_today(town, office)
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk:
        await clerk.post(f"/de/counter/{office}/check-in", appointment=made["id"])
        assert (await town.cancel(made)).status == 200
        assert "Es wartet niemand" in (await clerk.post(f"/de/counter/{office}/next")).text


async def test_a_citizen_in_the_video_waiting_room_is_a_waiting_ticket(town: Town) -> None:
    made, invitation = await video_call(town)
    rooms = town.worker.rooms
    for _ in range(2):  # a browser that comes back
        entry = await rooms.enter(invitation.room_id, invitation.token)
        assert await statuses(town) == [(1, "waiting", None)]
        await rooms.leave(invitation.room_id, invitation.number, entry.connection)
        assert await statuses(town) == [(1, "left", None)]
    await rooms.enter(invitation.room_id, invitation.token)
    await town.cancel(made)  # ends the call, too
    assert await statuses(town) == [(1, "left", None)]


async def test_the_clerk_enters_the_call_and_finishing_ends_it(town: Town) -> None:
    made, invitation = await video_call(town)
    await town.worker.rooms.enter(invitation.room_id, invitation.token)
    [lane] = await town.rows(
        "SELECT counter_id AS id, office_id AS office, o.key FROM claim JOIN office o ON o.id = office_id "
        "WHERE appointment_id = $1",
        UUID(made["id"]),
    )
    async with await clerk_at(town, "kim", lane["office"], lane["id"], lane["key"]) as clerk:
        await clerk.post(f"/de/counter/{lane['office']}/next")
        day = await clerk.get(f"/de/counter/{lane['office']}")
        room = await clerk.post(step_url(day.text, "admit"))
        assert (room.status, str(invitation.room_id) in room.text) == (200, True)
        assert [status for _, status, _ in await statuses(town)] == ["serving"]
        day = await clerk.get(f"/de/counter/{lane['office']}")
        assert "Zurück ins Gespräch" in day.text
        await clerk.post(step_url(day.text, "finish"))
    assert (await town.look(made))["status"] == "finished"
    with pytest.raises(RoomOver):
        await town.worker.rooms.enter(invitation.room_id, invitation.token)


async def test_a_clerks_seat_is_worth_nothing_without_the_session(town: Town) -> None:
    made, invitation = await video_call(town)
    [lane] = await town.rows(
        "SELECT counter_id AS id, office_id AS office, o.key FROM claim JOIN office o ON o.id = office_id "
        "WHERE appointment_id = $1",
        UUID(made["id"]),
    )
    seat = await town.worker.appointments.invite_counter(UUID(made["id"]), lane["id"])
    room, link = f"/de/room/{seat.room_id}", seat.path("de")
    async with await clerk_at(town, "kim", lane["office"], lane["id"], lane["key"]) as clerk:
        assert (await clerk.get(link)).status == 200
        assert f"room-{seat.room_id}" in clerk.cookies
        await clerk.post("/de/staff/sign-out")
        assert not clerk.cookies  # the seat's cookie went, too
        page = await clerk.get(link)
        assert (page.url.path, page.url.query["next"]) == ("/de/staff/sign-in", room)
    other = next(key for key in (MITTE, "buergerbuero-west") if key != lane["key"])
    await hire(town, "robin", "clerk", other)
    async with await sign_in(town, "robin") as away:
        assert (await away.get(link)).status == 403
    assert (await town.call("GET", room, invitation.token)).status == 200  # the citizen needs none


async def test_who_hangs_up_while_the_clerk_finishes_stands_in_nobodys_way(town: Town) -> None:
    """Both want the room and the ticket; in another order they would wait for each other, and one would be ended."""
    made, invitation = await video_call(town)
    await town.worker.rooms.enter(invitation.room_id, invitation.token)
    [lane] = await town.rows(
        "SELECT counter_id AS id, office_id AS office, o.key FROM claim JOIN office o ON o.id = office_id "
        "WHERE appointment_id = $1",
        UUID(made["id"]),
    )
    async with await clerk_at(town, "kim", lane["office"], lane["id"], lane["key"]) as clerk:
        await clerk.post(f"/de/counter/{lane['office']}/next")
        day = await clerk.get(f"/de/counter/{lane['office']}")
        await clerk.post(step_url(day.text, "admit"))
        day = await clerk.get(f"/de/counter/{lane['office']}")
        async with town.worker.db.transaction() as conn:
            await conn.execute("SELECT FROM room WHERE id = $1 FOR UPDATE", invitation.room_id)
            finishing = asyncio.create_task(clerk.post(step_url(day.text, "finish")))
            await eventually(lambda: _waits_for_a_lock(town))
            await conn.execute("UPDATE ticket SET changed_at = changed_at WHERE appointment_id = $1", UUID(made["id"]))
        assert (await finishing).status == 200
    assert [status for _, status, _ in await statuses(town)] == ["done"]


async def test_who_enters_the_waiting_room_does_not_wait_for_the_case(town: Town) -> None:
    """A ticket points at the case, and cancelling holds the case while it asks for the room."""
    made, invitation = await video_call(town)
    async with town.worker.db.transaction() as conn:
        assert await lock_appointment(conn, UUID(made["id"]))
        async with asyncio.timeout(10):
            await town.worker.rooms.enter(invitation.room_id, invitation.token)
    assert [status for _, status, _ in await statuses(town)] == ["waiting"]


async def _waits_for_a_lock(town: Town) -> bool:
    return bool(
        await town.rows(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1"
        )
    )


class _Stream:
    """Server-sent events, read by hand."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def until(self, words: str, event: str) -> str:
        """The contents of the next event of this name that has these words."""
        async with asyncio.timeout(5):
            while True:
                lines: list[str] = []
                while line := (await self._response.content.readline()).decode().rstrip("\n"):
                    lines.append(line)
                text = "\n".join(line[6:] for line in lines if line.startswith("data: "))
                if f"event: {event}" in lines and words in text:
                    return text


async def test_the_day_and_the_board_change_by_themselves_within_a_second(town: Town) -> None:
    office = await office_id(town)
    made = await book_today(town, office)
    async with (
        await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk,
        clerk.http.get(f"{town.origin}/de/counter/{office}/live") as day_response,
        town.http.get(f"{town.origin}/de/board/{office}/live") as board_response,
    ):
        assert day_response.content_type == "text/event-stream"
        day, board = _Stream(day_response), _Stream(board_response)
        await day.until("Niemand wartet.", "lists")
        await board.until("niemand aufgerufen", "calls")
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await clerk.post(f"/de/counter/{office}/check-in", appointment=made["id"])
        assert "Kim Mustermann" in await day.until("1 Person wartet", "lists")
        await clerk.post(f"/de/counter/{office}/next")
        said = await board.until("Nummer 001: bitte zu", "calls")
        assert loop.time() - begun < 2  # two changes, each in less than a second
        assert "Kim" not in said


async def test_an_open_day_says_at_once_that_a_message_was_given_up(town: Town) -> None:
    """A mail whose mailbox there is not, and a text that the network gives up: before any sweep of the worker."""
    office = await office_id(town)
    for reach in ({"email": "kim@example.org"}, {"mobile": "0151 23456789"}):
        await book_today(town, office, reach=reach)
    async with (
        await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk,
        clerk.http.get(f"{town.origin}/de/counter/{office}/live") as response,
    ):
        day, said = _Stream(response), "Nachricht nicht zugestellt: bitte anrufen"
        assert said not in await day.until("Kim Mustermann", "lists")
        town.mail.faults.plan(Fault("550"))
        town.texts.messages.outcome = "undelivered"
        await town.worker.notifications.send_due()
        while (await day.until(said, "lists")).count(said) < 2:  # each arrives by itself
            pass


async def test_an_open_day_shows_what_its_clerk_may_see_now_and_ends_with_the_role(town: Town) -> None:
    office = await office_id(town)
    made = await book_today(town, office)
    async with (
        await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk,
        await clerk_at(town, "robin", office, (await counters_of(town, office))[1]) as other,
        clerk.http.get(f"{town.origin}/de/counter/{office}/live") as response,
    ):
        day = _Stream(response)
        assert "Kim Mustermann" in await day.until("Niemand wartet.", "lists")
        await town.rows("UPDATE role SET permissions = '{queue.call}' WHERE name = 'clerk'")
        await other.post(f"/de/counter/{office}/check-in", appointment=made["id"])
        assert "Kim Mustermann" not in await day.until("1 Person wartet", "lists")
        await town.worker.identity.give_role("kim", "clerk", MITTE, takes_away=True)
        await other.post(f"/de/counter/{office}/next")
        async with asyncio.timeout(5):
            rest = await response.content.read()
        assert b"event: lists" not in rest


async def test_an_open_day_that_nobody_uses_does_not_keep_its_session(town: Town) -> None:
    office = await office_id(town)
    async with await clerk_at(town, "kim", office, (await counters_of(town, office))[0]) as clerk:
        live = f"{town.origin}/de/counter/{office}/live"
        for minutes, status in ((90, 200), (40, 401)):  # the stream came back by itself after an hour and a half
            town.clock.advance(minutes=minutes)
            async with clerk.http.get(live, headers={"Accept": "text/event-stream"}) as response:
                assert response.status == status


async def test_streams_end_at_once_on_shutdown(city_dsn: str, clock: SettableClock) -> None:
    from base.web import STOPPING
    from tests.town import town as open_town

    async with open_town(city_dsn, clock) as town:
        office = await office_id(town)
        async with town.http.get(f"{town.origin}/de/board/{office}/live") as response:
            await _Stream(response).until("niemand aufgerufen", "calls")
            begun = asyncio.get_running_loop().time()
            town.app[STOPPING].set()
            await response.content.read()
            assert asyncio.get_running_loop().time() - begun < 0.5


@pytest.mark.parametrize("counter", ["x", "0", "99999999999999", "4711"])
async def test_a_counter_that_is_none_is_refused(town: Town, counter: str) -> None:
    office = await office_id(town)
    await hire(town, "kim", "clerk", MITTE)
    async with await sign_in(town, "kim") as clerk:
        page = await clerk.post(f"/de/counter/{office}/take", counter=counter)
        assert page.status == 404 or "arbeitet heute schon jemand" in page.text

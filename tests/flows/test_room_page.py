"""The page of a call before anybody sits down: early, over, cancelled; the clerk's own frame; and whose turn it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from base.clock import SettableClock
from tests.flows.test_counter import clerk_at, step_url, video_call
from tests.staff import StaffBrowser
from tests.town import Town
from tests.video.signalling.caller import dial, enter
from video.rooms.model import Invitation


async def page(town: Town, invitation: Invitation, language: str = "de") -> Any:
    return await town.call(
        "GET", f"/{language}/room/{invitation.room_id}", invitation.token, headers={"Accept": "text/html"}
    )


async def lane_of(town: Town, made: dict[str, Any]) -> tuple[StaffBrowser, int]:
    """A clerk at the counter of this appointment."""
    [lane] = await town.rows(
        "SELECT counter_id AS id, office_id AS office, o.key FROM claim JOIN office o ON o.id = office_id "
        "WHERE appointment_id = $1",
        UUID(made["id"]),
    )
    return await clerk_at(town, "kim", lane["office"], lane["id"], lane["key"]), lane["office"]


async def test_early_it_says_when_and_asks_for_no_camera(town: Town, clock: SettableClock) -> None:
    made, invitation = await video_call(town)
    starts_at = datetime.fromisoformat(made["starts_at"])
    clock.set(starts_at - timedelta(minutes=50))
    early = await page(town, invitation)
    assert "Für dieses Videogespräch ist es noch zu früh" in early.body
    assert "Der Raum öffnet am " in early.body
    assert 'data-opens-in="1201"' in early.body
    local = starts_at.astimezone()
    assert f"{local.year}" in early.body
    assert "data-room=" not in early.body
    assert "Neuen Termin buchen" not in early.body
    clock.set(starts_at - timedelta(minutes=30))
    assert "data-room=" in (await page(town, invitation)).body


async def test_over_it_says_so_and_leads_to_a_new_appointment(town: Town, clock: SettableClock) -> None:
    made, invitation = await video_call(town)
    starts_at = datetime.fromisoformat(made["starts_at"])
    clock.set(starts_at + timedelta(hours=5))
    late = (await page(town, invitation)).body
    clock.set(starts_at - timedelta(minutes=10))
    await town.cancel(made)
    cancelled = (await page(town, invitation)).body
    for body, words in ((late, "Dieses Videogespräch ist vorbei"), (cancelled, "Dieser Termin wurde abgesagt")):
        assert words in body
        assert "Neuen Termin buchen" in body
        assert "data-room=" not in body


async def test_who_works_at_the_counter_stays_in_the_staffs_frame(town: Town) -> None:
    made, invitation = await video_call(town)
    await town.worker.rooms.enter(invitation.room_id, invitation.token)
    clerk, office = await lane_of(town, made)
    async with clerk:
        await clerk.post(f"/de/counter/{office}/next")
        day = await clerk.get(f"/de/counter/{office}")
        room = await clerk.post(step_url(day.text, "admit"))
        assert "data-room=" in room.text
        assert "Kim Mustermann" in room.text
        assert made["number"] in room.text
        assert "Wohnsitz abmelden" in room.text
        assert f'href="/de/counter/{office}"' in room.text
        assert "Abmelden</button>" in room.text  # of the staff's frame
        assert "115" not in room.text.replace(made["number"], "")
        await town.rows("UPDATE role SET permissions = '{queue.call}' WHERE name = 'clerk'")
        without = await clerk.get(room.url.path)
        assert ("Kim Mustermann" in without.text, made["number"] in without.text) == (False, True)
    citizen = (await page(town, invitation)).body
    assert "/de/counter/" not in citizen
    assert made["number"] not in citizen


async def test_who_is_called_is_told_at_once(town: Town) -> None:
    made, invitation = await video_call(town)
    citizen = await enter(town, invitation)
    assert (await citizen.hear("snapshot"))["is_called"] is False
    clerk, office = await lane_of(town, made)
    async with clerk:
        before = len(citizen.heard)
        await clerk.post(f"/de/counter/{office}/next")
        told = await citizen.hear("delta", is_called=True)
        assert (told["state"], len(citizen.heard) > before) == ("waiting", True)


async def test_another_window_takes_the_seat_over_only_on_purpose_and_waits_anew(town: Town) -> None:
    made, invitation = await video_call(town)
    first = await enter(town, invitation)
    clerk, office = await lane_of(town, made)
    async with clerk:
        await clerk.post(f"/de/counter/{office}/next")
        seat = await town.worker.appointments.invite_counter(
            UUID(made["id"]), (await town.rows("SELECT counter_id FROM counter_clerk"))[0]["counter_id"]
        )
        desk = await town.worker.rooms.enter(seat.room_id, seat.token)
        await town.worker.rooms.admit(seat.room_id, invitation.number, by=desk.seat.number)
        await first.hear("delta", state="admitted")
    second = await dial(town, invitation)
    await second.send("hello")
    assert await second.closed() == 4403
    assert second.heard[-1]["code"] == "seat_taken"
    third = await enter(town, invitation, takes_over=True)
    assert (await third.hear("snapshot"))[
        "state"
    ] == "waiting"  # a link that others have read leads nobody unseen into a call
    assert await first.closed() == 4409
    assert first.heard[-1]["code"] == "session_over"

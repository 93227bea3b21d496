"""A video appointment: its room comes with the confirmation, its link by mail and on the case's page, and both go with the cancellation."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.town import KIM, Town
from tests.video.signalling.caller import dial
from video.rooms.model import Invitation

VIDEO = "Wohnsitz abmelden"  # without a fee


async def booked(town: Town, **contact: Any) -> dict[str, Any]:
    made = await town.appointment(VIDEO, channel="video", contact=KIM | contact)
    assert (await town.checkout(made))["status"] == "confirmed"
    await town.work()
    return made


async def page(town: Town, path: str, token: str | None = None) -> Any:
    return await town.call("GET", path, token, headers={"Accept": "text/html"}, allow_redirects=False)


async def test_the_mail_has_the_link_into_the_call(town: Town) -> None:
    made = await booked(town)
    [mail] = town.mail.messages
    [link] = re.findall(rf"{town.origin}(/de/join/\S+)", mail.part("text/plain") or "")
    assert link in (mail.part("text/html") or "")
    arrived = await page(town, link)
    room = arrived.headers["Location"]
    assert re.fullmatch(r"/de/room/[0-9a-f-]{36}", room)
    assert (arrived.status, link.split("/")[-1] in arrived.headers["Set-Cookie"]) == (303, True)
    assert "HttpOnly" in arrived.headers["Set-Cookie"]
    assert (await page(town, room)).status == 200
    [row] = await town.rows("SELECT reference, opens_at, closes_at FROM room")
    starts_at = datetime.fromisoformat(made["starts_at"])
    assert (row["reference"], row["opens_at"]) == (UUID(made["id"]), starts_at - timedelta(minutes=30))


async def test_the_cases_page_leads_into_the_call_without_showing_the_token(town: Town) -> None:
    made = await booked(town)
    case = f"/de/appointments/{made['id']}"
    shown = await page(town, case, made["token"])
    assert f'href="{case}/call"' in shown.body
    assert "/join/" not in shown.body
    entered = await page(town, f"{case}/call", made["token"])
    assert re.fullmatch(r"/de/room/[0-9a-f-]{36}", entered.headers["Location"])
    assert (await page(town, entered.headers["Location"])).status == 200
    assert (await page(town, f"{case}/call", "x" * 43)).status == 401


async def test_an_unknown_link_and_a_room_of_others(town: Town) -> None:
    await booked(town)
    assert (await page(town, f"/de/join/{'x' * 43}")).status == 401
    [row] = await town.rows("SELECT id FROM room")
    assert (await page(town, f"/de/room/{row['id']}")).status == 401


async def test_looking_changes_nothing(town: Town) -> None:
    made = await booked(town)
    before = await town.rows("SELECT * FROM room, seat, join_token")
    for _ in range(2):
        await page(town, f"/de/appointments/{made['id']}/call", made["token"])
        await page(town, f"/de/room/{before[0]['room_id']}")
    assert await town.rows("SELECT * FROM room, seat, join_token") == before


async def test_a_cancelled_appointment_has_no_call(town: Town) -> None:
    made = await booked(town)
    [mail] = town.mail.messages
    token = re.findall(r"/de/join/(\S+)", mail.part("text/plain") or "")[0]
    assert (await town.cancel(made)).status == 200
    [row] = await town.rows("SELECT id, status FROM room")
    assert row["status"] == "ended"
    case = f"/de/appointments/{made['id']}"
    assert "/call" not in (await page(town, case, made["token"])).body
    assert (await page(town, f"{case}/call", made["token"])).status == 404
    caller = await dial(town, Invitation(row["id"], 1, token))
    await caller.send("hello")
    await caller.closed()
    assert caller.heard[-1]["code"] == "room_over"


async def test_without_an_address_for_mail_there_is_a_room_all_the_same(town: Town) -> None:
    made = await booked(town, email=None, mobile="+4915123456789")
    assert town.mails() == []
    assert (await page(town, f"/de/appointments/{made['id']}/call", made["token"])).status == 303


async def test_other_appointments_have_no_room(town: Town) -> None:
    made = await town.appointment(VIDEO, channel="onsite")
    await town.checkout(made)
    assert await town.rows("SELECT * FROM room") == []
    assert (await page(town, f"/de/appointments/{made['id']}/call", made["token"])).status == 404

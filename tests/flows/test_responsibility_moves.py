"""Who was said to come when a time was booked is asked for no second time, and no move goes to another team's counter."""

from __future__ import annotations

import html
import re
from typing import Any
from uuid import UUID, uuid4

from booking.appointments.responsible import NotResponsible
from booking.availability.model import Who
from tests.flows.test_bookings import base_of, fields_of
from tests.flows.test_moving import link, send, slots, to_times
from tests.flows.test_responsibility import SERVICE, desks
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Town

OFFICE = "auslaenderbehoerde"


async def hold(town: Town, surname: str, n: int = 0, **more: Any) -> dict[str, Any]:
    service = (await town.service(SERVICE))["id"]
    query = {"service": service, "channel": "onsite", "limit": n + 1, "surname": surname}
    slot = (await town.good("GET", "/api/slots/next", params=query))["slots"][n]
    return await hold_at(town, f"{slot['office']}@{slot['starts_at']}", surname, **more)


async def hold_at(town: Town, slot: str, surname: str, **more: Any) -> dict[str, Any]:
    office, starts_at = html.unescape(slot).split("@")
    wanted = {"service": (await town.service(SERVICE))["id"], "channel": "onsite", "office": int(office)}
    given = {**wanted, "starts_at": starts_at, "surname": surname, **more}
    made: dict[str, Any] = await town.good("POST", "/api/holds", key=str(uuid4()), json=given)
    return made


async def booked(town: Town, surname: str, **more: Any) -> dict[str, Any]:
    held = await hold(town, surname, **more)
    given = {"hold": held["id"], "contact": KIM}
    made: dict[str, Any] = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
    done = await town.checkout(made)
    if done["pay_url"]:
        await town.pay(done)
        await town.webhooks()
    return made


async def desk(town: Town, made: dict[str, Any]) -> str:
    sql = "SELECT k.key FROM claim c JOIN counter k ON k.id = c.counter_id WHERE c.appointment_id = $1 AND c.status < 8"
    [row] = await town.rows(sql, made["id"])
    return str(row["key"])


async def move(town: Town, made: dict[str, Any], to: dict[str, Any]) -> tuple[int, Any]:
    given = {"hold": to["id"], "hold_token": to["token"]}
    answer = await town.call(
        "POST", f"/api/appointments/{made['id']}/move", made["token"], key=str(uuid4()), json=given
    )
    return answer.status, answer.body.get("code")


async def test_a_move_over_the_api_stays_with_the_team(town: Town) -> None:
    made = await booked(town, "Müller")
    assert await move(town, made, await hold(town, "Adler", 3)) == (409, NotResponsible.code)
    assert await move(town, made, await hold(town, "Meier", 3)) == (200, None)  # the same team
    assert await desk(town, made) in await desks(town, "m")
    await town.assert_sound()


async def test_a_move_on_the_pages_asks_no_second_time(town: Town) -> None:
    made = await booked(town, "Müller")
    async with StaffBrowser(town) as citizen:
        times = await to_times(town, citizen, made)
        assert "Mue…" in times.text  # and not the question
        asked = await send(citizen, times, slot=slots(times)[3])
        assert asked.status == 200
        done = await send(citizen, asked)
        assert "moved=1" in str(done.url)
        assert "letters=mue" in link(done, "Andere Zeit")
        here = f"/de/times?{link(done, 'Andere Zeit').partition('?')[2]}".replace("letters=mue", "letters=adl")
        other = await citizen.get(here)
        refused = await send(citizen, await send(citizen, other, slot=slots(other)[5]))
        assert (refused.status, "ein anderes Team zuständig" in refused.text) == (409, True)
    assert await desk(town, made) in await desks(town, "m")
    await town.assert_sound()


async def test_staff_move_where_they_think_right(town: Town) -> None:
    made = await booked(town, "Müller")
    await hire(town, "rosa", "supervisor", OFFICE)
    async with await sign_in(town, "rosa") as rosa:
        base = await base_of(town, OFFICE)
        page = await rosa.get(f"{base}?moves={made['id']}")
        hidden, free = fields_of(page, f"{base}/holds"), re.findall(r'name="slot" value="([^"]+)"', page.text)
        for _ in range(5):  # the team's counters then
            await hold_at(town, free[2], "Meier")
        gone = await rosa.post(f"{base}/holds", slot=free[2], **hidden)
        assert (gone.status, f'name="others" value="{free[2]}"' in gone.text) == (422, True)
        hidden = fields_of(gone, f"{base}/holds")
        moved = await rosa.post(f"{base}/holds", others=free[2], **hidden)
        assert (moved.status, f"/cases/{made['id']}" in str(moved.url)) == (200, True)
    assert await desk(town, made) in await desks(town, "a")
    await town.assert_sound()


async def test_staff_said_nothing_so_the_citizen_is_asked_and_then_it_is_kept(town: Town) -> None:
    made = await booked(town, "Müller")
    await town.rows("DELETE FROM hold_who")  # as staff book
    async with StaffBrowser(town) as citizen:
        case = await citizen.get(f"/de/case/{made['token']}")
        question = await citizen.get(link(case, "Andere Zeit"))
        assert "Anfangsbuchstaben des Familiennamens" in question.text
    assert await move(town, made, await hold(town, "Adler", 2)) == (200, None)
    assert await desk(town, made) in await desks(town, "a")
    assert await move(town, made, await hold(town, "Meier", 3)) == (409, NotResponsible.code)
    assert len(await town.rows("SELECT FROM hold_who WHERE appointment_id = $1", made["id"])) == 1


async def test_only_what_is_asked_is_kept_sealed_and_not_for_long(town: Town) -> None:
    made = await booked(town, "Mustermann", postcode="70173", kind="anything")
    [row] = await town.rows("SELECT sealed FROM hold_who WHERE appointment_id = $1", made["id"])
    assert b"mus" not in row["sealed"]
    case = await town.worker.appointments.case(UUID(made["id"]))
    assert case.who == Who(letters="mus")
    abandoned = await hold(town, "Müller", 2)
    await town.good("DELETE", f"/api/holds/{abandoned['id']}", abandoned["token"])
    assert await town.worker.appointments.forget_said() == 0  # its page may be open still
    town.clock.advance(hours=2)
    assert await town.worker.appointments.forget_said() == 1
    assert len(await town.rows("SELECT FROM hold_who")) == 1
    await town.good("POST", f"/api/appointments/{made['id']}/erase", made["token"])
    assert await town.rows("SELECT FROM hold_who") == []


async def test_a_visit_of_several_parts_remembers_too(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    sql = """
        SELECT s.service_id FROM responsibility r JOIN counter c ON c.id = r.counter_id AND c.key = 'desk-6'
          JOIN counter_service s ON s.counter_id = c.id AND s.service_id <> $1
          JOIN service v ON v.id = s.service_id AND v.duration_min IS NOT NULL WHERE r.service_id = $1 ORDER BY 1 LIMIT 1"""
    [other] = await town.rows(sql, service)
    query = {"service": service, "also": str(other["service_id"]), "channel": "onsite", "limit": 1, "surname": "Müller"}
    [slot] = (await town.good("GET", "/api/slots/next", params=query))["slots"]
    also = [{"service": other["service_id"], "quantity": 1}]
    held = await hold_at(town, f"{slot['office']}@{slot['starts_at']}", "Müller", also=also)
    made = await town.good(
        "POST", "/api/appointments", held["token"], key=str(uuid4()), json={"hold": held["id"], "contact": KIM}
    )
    case = await town.worker.appointments.case(UUID(made["id"]))
    assert (case.who, len(case.items)) == (Who(letters="mue"), 2)
    assert case.visit.who == case.who

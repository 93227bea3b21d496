"""Hours, shares and the overbook lane over HTTP: what a supervisor changes is what citizens and clerks find in the next second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Town


class Office:
    """The citizens' office Mitte with a clerk and a supervisor; everything that its desks serve shares time out alike."""

    def __init__(self, town: Town, ident: int, boss: StaffBrowser, clerk: StaffBrowser) -> None:
        self.town = town
        self.id = ident
        self.boss = boss
        self.clerk = clerk

    async def ask(self, who: StaffBrowser, method: str, path: str, status: int = 200, **given: Any) -> Any:
        headers = {"Accept-Language": "de", "Idempotency-Key": given.pop("key", uuid4().hex)}
        url = f"{self.town.origin}/api/offices/{self.id}/{path}"
        async with who.http.request(method, url, headers=headers, **given) as response:
            found = await response.json()
            assert response.status == status, found
            return found

    async def change(self, change: dict[str, Any], path: str = "hours", status: int = 200) -> Any:
        return await self.ask(self.boss, "POST", path, status, json={"change": change})

    async def desks(self) -> list[int]:
        rows = await self.town.rows(
            "SELECT id FROM counter WHERE office_id = $1 AND channel = 'onsite' ORDER BY id", self.id
        )
        return [row["id"] for row in rows]

    async def services(self) -> list[int]:
        rows = await self.town.rows(
            """SELECT DISTINCT service_id FROM counter_service cs JOIN counter c ON c.id = cs.counter_id
                WHERE c.office_id = $1 ORDER BY 1""",
            self.id,
        )
        return [row["service_id"] for row in rows]

    async def times(self, service: int) -> list[str]:
        await self.town.fresh()
        query = {"service": service, "channel": "onsite", "office": self.id, "limit": 50}
        found = await self.town.good("GET", "/api/slots/next", params=query)
        return [slot["starts_at"] for slot in found["slots"]]

    async def staff_times(self, service: int, day: str) -> list[str]:
        query = {"service": service, "channel": "onsite", "from": day, "to": day}
        found = await self.ask(self.clerk, "GET", "slots", params=query)
        return [slot["starts_at"] for slot in found["slots"]]


@pytest.fixture
async def office(town: Town) -> AsyncIterator[Office]:
    [row] = await town.rows("SELECT id FROM office WHERE key = 'buergerbuero-mitte'")
    await hire(town, "boss", "supervisor", "buergerbuero-mitte")
    await hire(town, "clerk", "clerk", "buergerbuero-mitte")
    async with AsyncExitStack() as stack:
        boss = await stack.enter_async_context(await sign_in(town, "boss"))
        clerk = await stack.enter_async_context(await sign_in(town, "clerk"))
        yield Office(town, row["id"], boss, clerk)


async def test_a_closure_is_previewed_refused_and_then_in_force(town: Town, office: Office) -> None:
    service = (await town.service("Wohnsitzanmeldung"))["id"]
    taken = (await office.times(service))[0]
    hold = await town.hold(service, slot={"office": office.id, "starts_at": taken})
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=uuid4().hex, json=given)
    await town.checkout(made)
    closure = {
        "kind": "closure",
        "starts_at": taken,
        "ends_at": "2026-12-01T22:00:00Z",
        "reason": "Wasserschaden",
    }
    preview = await office.change(closure, "hours/preview")
    assert [(one["appointment"], one["number"]) for one in preview["affected"]] == [(made["id"], made["number"])]
    refused = await office.change(closure, status=409)
    assert (refused["code"], refused["title"]) == (
        "hours_in_the_way",
        "In der Zeit, die geschlossen würde, liegen Termine: 1.",
    )
    assert refused["claims"] == [preview["affected"][0]["claim"]]
    assert taken[:10] == (await office.times(service))[0][:10]
    await town.cancel(made)
    assert (await office.change(closure))["changed"] is True
    assert (await office.change(closure))["changed"] is False
    assert (await office.times(service))[0] > "2026-12-01T22:00:00Z"
    history = await office.ask(office.boss, "GET", "hours/history")
    [entry] = history["entries"]
    assert entry["by"] == "Boss"
    assert entry["sentence"].startswith("Die ganze Dienststelle: geschlossen vom 01.12.2026")
    await town.assert_sound()


async def test_series_that_meet_are_named_in_the_readers_language(office: Office) -> None:
    desks = await office.desks()
    meeting = [
        {"weekday": 1, "opens": "08:00", "closes": "12:00", "week_of_month": 5},
        {"weekday": 1, "opens": "11:00", "closes": "13:00", "valid_from": "2026-12-01", "every_weeks": 3},
    ]
    refused = await office.change({"kind": "series", "counters": desks, "series": meeting}, status=422)
    assert refused["title"] == (
        "Zwei Serien überschneiden sich: „mo 08:00–12:00 #5“ und „mo 11:00–13:00 1/3 2026-12-01…“. "
        "Der erste Tag, an dem sie zusammentreffen: 2027-08-30."
    )


async def test_staffs_share_is_theirs_and_comes_back(town: Town, office: Office) -> None:
    service = (await town.service("Wohnsitzanmeldung"))["id"]
    before = await office.times(service)
    day = before[0][:10]
    terms = {"public_percent": 50, "staff_percent": 50, "walk_in_percent": 0}
    await office.change({"kind": "rule", "services": await office.services(), "terms": terms})
    desk = (await office.desks())[0]
    # Six desks share alike but not at the same moments: close all but one to see a time that only staff have
    closed = {"kind": "closure", "starts_at": f"{day}T00:00:00Z", "ends_at": f"{day}T23:00:00Z", "reason": "x"}
    for other in (await office.desks())[1:]:
        await office.change({**closed, "counter": other})
    public, staff = set(await office.times(service)), await office.staff_times(service, day)
    only_staff = [start for start in staff if start not in public]
    assert len(only_staff) > 5
    wanted = {"service": service, "channel": "onsite", "starts_at": only_staff[-1]}
    taken = await town.call("POST", "/api/holds", key=uuid4().hex, json={**wanted, "office": office.id})
    assert taken.status == 409
    hold = await office.ask(office.clerk, "POST", "holds", 201, json=wanted, key="the same request, twice")
    again = await office.ask(office.clerk, "POST", "holds", 201, json=wanted, key="the same request, twice")
    assert again == hold
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=uuid4().hex, json=given)
    await town.checkout(made)
    assert (await town.look(made))["status"] == "confirmed"
    await town.cancel(made)
    await town.fresh()
    taken = await town.call("POST", "/api/holds", key=uuid4().hex, json={**wanted, "office": office.id})
    assert taken.status == 409  # kept again: not for everybody
    assert only_staff[-1] in await office.staff_times(service, day)
    await town.work()
    assert await town.rows("SELECT * FROM hours_due WHERE due_at = '-infinity' AND counter_id = $1", desk) == []
    await town.assert_sound()


async def test_an_overbooked_appointment_is_an_ordinary_one(town: Town, office: Office) -> None:
    service = (await town.service("Wohnsitzanmeldung"))["id"]
    await office.times(service)
    desk = (await office.desks())[0]
    late = {"service": service, "channel": "onsite", "counter": desk, "starts_at": "2026-12-01T20:00:00Z"}
    await office.ask(office.clerk, "POST", "overrides", 403, json={**late, "reason": "Notfall"})
    await office.ask(office.boss, "POST", "overrides", 422, json={**late, "reason": "  "})
    hold = await office.ask(office.boss, "POST", "overrides", 201, json={**late, "reason": "Notfall"})
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=uuid4().hex, json=given)
    await town.checkout(made)
    assert (await town.look(made))["status"] == "confirmed"
    await town.work()
    assert len(town.mails()) == 1
    page = await office.clerk.get(f"/de/counter/{office.id}")
    assert made["number"] in page.text
    [row] = await town.rows(
        "SELECT o.kind, o.reason, a.login FROM claim c JOIN override o ON o.id = c.override_id JOIN account a ON a.id = o.by_user"
    )
    assert row == {"kind": 2, "reason": "Notfall", "login": "boss"}
    town.clock.advance(minutes=1)
    await town.cancel(made)
    assert (await town.look(made))["status"] == "cancelled"
    await town.assert_sound()


async def test_a_duration_and_a_buffer_of_the_offices_own(town: Town, office: Office) -> None:
    service = (await town.service("Wohnsitzanmeldung"))["id"]
    await office.change(
        {"kind": "rule", "services": [service], "terms": {"duration_min": 30, "buffer_min": 15, "lead_min": 120}}
    )
    first: dict[str, Any] = {"office": office.id, "starts_at": (await office.times(service))[0]}
    assert first["starts_at"] >= "2026-12-01T11:00:00Z"
    hold = await town.hold(service, slot=first)
    begin, end = (datetime.fromisoformat(hold[side]) for side in ("starts_at", "ends_at"))
    assert end - begin == timedelta(minutes=30)
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=uuid4().hex, json=given)
    assert (made["starts_at"], made["ends_at"]) == (hold["starts_at"], hold["ends_at"])
    [row] = await town.rows(
        "SELECT ends_at - starts_at AS long, buffer_min FROM claim WHERE appointment_id IS NOT NULL"
    )
    assert row == {"long": timedelta(minutes=45), "buffer_min": 15}

"""One person and one service twice: told in words with a choice, limited where the service says so, listed for staff."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.flows.test_bookings import base_of, book
from tests.flows.test_visits import hold
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Town

FREE, OTHER = "Wohnsitzanmeldung", "Führungszeugnis"
TYPED: dict[str, Any] = {
    "name": "Kim  MUSTERMANN",
    "email": "Kim@example.org",
    "mobile": "",
    "street": "",
    "postcode": "",
    "place": "",
}


async def booked(town: Town, contact: dict[str, Any] | None = None) -> dict[str, Any]:
    made = await town.appointment(FREE, contact)
    await town.checkout(made)
    return made


async def limit(town: Town, most: int) -> None:
    await town.rows("UPDATE service SET most_per_person = $2 WHERE id = $1", (await town.service(FREE))["id"], most)


async def create(town: Town, contact: dict[str, Any], words: str = FREE, **more: Any) -> Any:
    hold = await town.hold((await town.service(words))["id"])
    given = {"hold": hold["id"], "contact": contact, **more}
    return await town.call("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)


async def to_contact(town: Town, citizen: StaffBrowser) -> Page:
    """The contact step of a newly reserved time."""
    service = (await town.service(FREE))["id"]
    [slot] = await town.slots(service, limit=1)
    fields: dict[str, Any] = {
        "service": str(service),
        "channel": "onsite",
        "slot": f"{slot['office']}@{datetime.fromisoformat(slot['starts_at']):%Y-%m-%dT%H:%MZ}",
    }
    page = await citizen.post("/de/holds", request_key=str(uuid4()), **fields)
    assert "Wie erreichen wir Sie?" in page.text
    return page


async def send(citizen: StaffBrowser, page: Page, **more: Any) -> Page:
    return await citizen.post(page.url.path, request_key=str(uuid4()), language="de", **(TYPED | more))


def form(page: Page, ending: str) -> tuple[str, dict[str, Any]]:
    [(action, inner)] = re.findall(rf'action="(/de/holds/[^"]*{ending})">(.*?)</form>', page.text, re.S)
    return action, dict(re.findall(r'name="([^"]+)" value="([^"]*)"', inner))


async def statuses(town: Town) -> list[str]:
    return [row["status"] for row in await town.rows("SELECT status FROM appointment ORDER BY created_at, status")]


async def test_one_is_told_and_may_book_anyway(town: Town) -> None:
    made = await booked(town)
    async with StaffBrowser(town) as citizen:
        page = await send(citizen, await to_contact(town, citizen), note="Mit Kind")
        assert (page.status, "Sie haben schon einen Termin" in page.text) == (409, True)
        assert str(made["number"]) not in page.text  # name and contact are no proof
        assert "/de/my-appointments" in page.text
        action, fields = form(page, "[0-9a-f]")
        assert fields["note"] == "Mit Kind"  # nothing typed is lost
        assert re.search(r'<form method="post" action="/en/holds/', page.text)  # in another language neither
        check = await citizen.post(action, **fields)
        assert "Angaben" in check.text
        assert check.url.path.endswith("/check")
    assert await statuses(town) == ["confirmed", "held"]


async def test_keeping_the_booked_one_frees_the_reserved_time(town: Town) -> None:
    made = await booked(town)
    async with StaffBrowser(town) as citizen:
        await citizen.get(f"/de/case/{made['token']}")
        page = await send(citizen, await to_contact(town, citizen))
        assert f"/de/appointments/{made['id']}" in page.text  # this browser has shown its link
        action, fields = form(page, "keep-the-other")
        assert (await citizen.post(action, **fields)).url.path == "/de/"
    assert await town.rows("SELECT status FROM claim WHERE kind = 0 ORDER BY id") == [{"status": 2}, {"status": 9}]


async def test_where_the_service_allows_one_there_is_no_second(town: Town) -> None:
    await limit(town, 1)
    made = await booked(town)
    async with StaffBrowser(town) as citizen:
        page = await send(citizen, await to_contact(town, citizen))
        assert (page.status, "so viele Termine gebucht oder reserviert, wie erlaubt sind" in page.text) == (409, True)
        assert "anyway" not in page.text
    refused = await create(town, KIM)
    assert (refused.status, refused.body["code"]) == (409, "limit_reached")
    assert set(refused.body) <= {"type", "title", "status", "code", "request_id", "detail"}
    await town.cancel(made)
    assert (await create(town, KIM)).status == 201


@pytest.mark.parametrize(
    ("contact", "status"),
    [
        ({"name": "kim  MUSTERMANN", "email": "KIM@example.org", "language": "en"}, 409),
        ({"name": "Kim Mustermann", "mobile": "0151 23456789", "language": "de"}, 409),
        ({"name": "Alex Mustermann", "email": "kim@example.org", "language": "de"}, 201),  # of one family
        ({"name": "Kim Mustermann", "email": "another@example.org", "language": "de"}, 201),
    ],
)
async def test_a_person_is_name_and_contact(town: Town, contact: dict[str, Any], status: int) -> None:
    await limit(town, 1)
    await booked(town, {**KIM, "mobile": "+49 151 23456789"})
    assert (await create(town, contact)).status == status
    assert (await create(town, contact, OTHER)).status == 201


async def test_the_limit_holds_for_every_part_of_a_visit(town: Town) -> None:
    await limit(town, 1)
    free, other = [(await town.service(words))["id"] for words in (FREE, OTHER)]

    async def with_it() -> int:
        held = await hold(town, {"service": other, "also": [{"service": free}]})
        given = {"hold": held["id"], "contact": KIM}
        return (await town.call("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)).status

    assert await with_it() == 201
    assert (await create(town, KIM)).status == 409
    assert await with_it() == 409
    assert (await create(town, KIM, OTHER)).status == 201


async def test_programs_are_refused_only_where_they_ask_for_it(town: Town) -> None:
    await booked(town)
    refused = await create(town, KIM, asks_first=True)
    assert (refused.status, refused.body["code"]) == (409, "another_booked")
    assert (await create(town, KIM)).status == 201


async def test_many_at_once_are_no_way_round_the_limit(town: Town) -> None:
    await limit(town, 2)
    answers = await asyncio.gather(*(create(town, KIM) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [201, 201, 409, 409, 409, 409]
    assert len(await town.rows("SELECT FROM appointment")) == 2


async def test_correcting_the_contact_of_one_reservation_is_no_second(town: Town) -> None:
    await limit(town, 1)
    hold = await town.hold((await town.service(FREE))["id"])
    for note in ("", "with a child"):
        given = {"hold": hold["id"], "contact": {**KIM, "note": note}}
        answer = await town.call("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
        assert answer.status == 201


async def test_staff_see_the_same_mailbox_behind_another_spelling(town: Town) -> None:
    first, second = await booked(town), await booked(town, {**KIM, "email": "kim+again@example.org"})
    [row] = await town.rows("SELECT key FROM office WHERE id = $1", first["office"])
    await hire(town, "rosa", "supervisor", row["key"])
    async with await sign_in(town, "rosa") as rosa:
        staff = {"Cookie": f"staff={rosa.cookies['staff']}"}
        listed = await town.good("GET", f"/api/offices/{first['office']}/duplicates", headers=staff)
    assert [{one["id"] for one in group} for group in listed["duplicates"]] == [{first["id"], second["id"]}]


async def test_staff_see_who_has_booked_twice_and_are_refused_by_the_limit(town: Town) -> None:
    first, second, other = await booked(town), await booked(town), await booked(town, {**KIM, "name": "Alex"})
    [row] = await town.rows("SELECT key FROM office WHERE id = $1", first["office"])
    await hire(town, "rosa", "supervisor", row["key"])
    async with await sign_in(town, "rosa") as rosa:
        base = await base_of(town, row["key"])
        assert f'href="{base}/duplicates"' in (await rosa.get(base)).text
        page = await rosa.get(f"{base}/duplicates")
        for one in (first, second):
            assert f"{base}/cases/{one['id']}" in page.text
        assert str(other["number"]) not in page.text
        staff = {"Cookie": f"staff={rosa.cookies['staff']}"}
        listed = await town.good("GET", f"/api/offices/{first['office']}/duplicates", headers=staff)
        assert [{one["id"] for one in group} for group in listed["duplicates"]] == [{first["id"], second["id"]}]
        await town.cancel(second)
        assert "Niemand hat etwas doppelt gebucht." in (await rosa.get(f"{base}/duplicates")).text
        await limit(town, 1)
        if row["key"] == "buergerbuero-mitte":
            refused = await book(town, rosa, FREE, name="Kim Mustermann", email="kim@example.org")
            assert (refused.status, "wie erlaubt sind" in refused.text) == (422, True)
    await town.assert_sound()

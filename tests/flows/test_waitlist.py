"""The list for earlier times, over HTTP: joined on the case's page, offered by mail and text, swapped by one click, left by a link."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Town

SERVICE = "Wohnsitzanmeldung"
SOONER, LATER = "2026-12-08", "2026-12-10"
BO = {"name": "Bo Beispiel", "email": "bo@example.org", "mobile": "0151 23456789", "language": "de"}


async def times(town: Town, day: str) -> list[dict[str, Any]]:
    """Free at one office."""
    asked = {"service": (await town.service(SERVICE))["id"], "channel": "onsite", "office": 1, "from": day, "to": day}
    found: list[dict[str, Any]] = (await town.good("GET", "/api/slots", params=asked))["slots"]
    return found


async def booked(town: Town, contact: dict[str, Any], day: str) -> dict[str, Any]:
    """The first free time of this day."""
    hold = await town.hold((await town.service(SERVICE))["id"], slot=(await times(town, day))[0])
    given = {"hold": hold["id"], "contact": contact}
    made: dict[str, Any] = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    await town.checkout(made)
    await town.fresh()
    return made


async def statuses(town: Town, made: dict[str, Any]) -> list[int]:
    """Of whatever has taken the time that the case was made for."""
    sql = "SELECT status::int FROM claim WHERE kind = 0 AND starts_at = $1 ORDER BY 1"
    return [row["status"] for row in await town.rows(sql, datetime.fromisoformat(made["starts_at"]))]


def here(made: dict[str, Any], action: str = "") -> str:
    return f"/api/appointments/{made['id']}/waitlist{action}"


@pytest.fixture
async def freed(town: Town) -> dict[str, Any]:
    """A case that is given back as soon as somebody waits."""
    return await booked(town, KIM, SOONER)


async def test_from_the_wish_to_the_earlier_time(town: Town, freed: dict[str, Any]) -> None:
    mine = await booked(town, BO, LATER)
    async with StaffBrowser(town) as bo:
        await town.work()
        link = (town.mail.messages[-1].part("text/plain") or "").split("/de/case/")[1].split()[0]
        case = await bo.get(f"/de/case/{link}")
        assert "Früheren Termin wünschen" in case.text
        form = await bo.get(f"/de/appointments/{mine['id']}/waitlist")
        assert form.text.count(" checked") == 1  # the own office
        joined = await bo.post(f"/de/appointments/{mine['id']}/waitlist", request_key=str(uuid4()))
        assert "Sie stehen auf der Liste." in joined.text
        assert (await town.cancel(freed)).status == 200
        assert await statuses(town, freed) == [1, 9]  # kept
        await town.work()
        assert town.mails()[-1][1].startswith("Früherer Termin am")
        [text] = [one.phone_text for one in town.texts.messages.arrived()]
        assert f"/de/case/{link}" in text
        offered = await bo.get(f"/de/case/{link}")
        assert "Ein früherer Termin ist für Sie reserviert" in offered.text
        [accept] = re.findall(r'action="([^"]*/accept)"', offered.text)
        taken = await bo.post(accept, request_key=str(uuid4()))
        assert (taken.status, "Ihr Termin ist bestätigt" in taken.text) == (200, True)
        assert "Ein früherer Termin ist für Sie reserviert" not in taken.text
        seen = await town.look(mine)
        assert (seen["starts_at"], seen["number"]) == (freed["starts_at"], mine["number"])
        assert (await bo.post(accept, request_key=str(uuid4()))).status == 200  # sent again
        assert (await statuses(town, freed), await statuses(town, mine)) == ([2, 9], [10])
        await town.assert_sound()


async def test_left_by_the_mail_itself(town: Town, freed: dict[str, Any]) -> None:
    mine = await booked(town, BO, LATER)
    await town.good("POST", here(mine), mine["token"], json={})
    await town.cancel(freed)
    await town.work()
    link = town.mail.messages[-1].header("List-Unsubscribe").strip("<>").removeprefix(town.origin)
    async with StaffBrowser(town) as stranger:
        page = await stranger.get(link)
        assert "Liste für frühere Termine verlassen?" in page.text
        assert (await town.good("GET", here(mine), mine["token"]))["wish"] is not None  # looking changes nothing
        done = await stranger.ask("POST", link, data={"List-Unsubscribe": "One-Click"})
        assert (done.status, "Sie stehen nicht auf der Liste" in done.text) == (200, True)
        assert (await stranger.get(link[:-1] + "x")).status == 401
        assert (await stranger.get(f"/de/appointments/{mine['id']}")).status == 401
    standing = await town.good("GET", here(mine), mine["token"])
    assert (standing["wish"], standing["offer"], standing["may_join"]) == (None, None, True)


async def test_over_the_api(town: Town, freed: dict[str, Any]) -> None:
    mine = await booked(town, BO, LATER)
    window = {"days": [1, 2, 3, 4, 5, 6, 7], "from_time": "00:00", "to_time": "23:59", "first": "2026-12-01"}
    wish = {"offices": [freed["office"]], "windows": [window]}
    standing = await town.good("POST", here(mine), mine["token"], json=wish)
    assert standing["wish"]["windows"][0]["first"] == "2026-12-01"
    for wrong, code in (
        ({"windows": [{**window, "to_time": "00:00"}]}, "window"),
        ({"windows": [{**window, "last": "2026-11-30"}]}, "days"),
        ({"windows": [{**window, "days": []}]}, "too_short"),
        ({"offices": [4711]}, "not_offered"),
    ):
        answer = await town.call("POST", here(mine), mine["token"], json=wrong)
        assert (answer.status, answer.body["errors"][0]["code"]) == (422, code)
    assert (await town.call("POST", here(freed), mine["token"], json={})).status == 401
    await town.cancel(freed)
    await town.work()
    offer = (await town.good("GET", here(mine), mine["token"]))["offer"]
    assert (offer["starts_at"], offer["office"]) == (freed["starts_at"], freed["office"])
    answers = here(mine, f"/offers/{offer['id']}")
    for _time in range(2):
        assert (await town.good("POST", f"{answers}/decline", mine["token"]))["offer"] is None
    refused = await town.call("POST", f"{answers}/accept", mine["token"])
    assert (refused.status, refused.body["code"]) == (410, "offer_over")
    assert (await town.call("POST", here(mine, f"/offers/{uuid4()}/accept"), mine["token"])).status == 404
    assert (await town.good("POST", here(mine, "/leave"), mine["token"]))["wish"] is None
    gone = await town.call("POST", here(freed), freed["token"], json={})
    assert (gone.status, gone.body["code"]) == (409, "not_waiting")


async def test_what_is_wrong_in_the_form_is_said_and_nothing_ticked_is_lost(town: Town) -> None:
    mine = await booked(town, BO, LATER)
    async with StaffBrowser(town) as bo:
        bo.put_cookie(f"case-{mine['id']}", mine["token"])
        path = f"/de/appointments/{mine['id']}/waitlist"
        page = await bo.post(path, request_key=str(uuid4()), first="bald", last="2026-11-01", day="3", part="evening")
        assert page.status == 422
        for said in ("ersten Tag als Datum", "letzten Tag ein, der noch bevorsteht", 'value="bald"'):
            assert said in page.text
        assert re.findall(r'value="(\w+)" checked', page.text) == ["3", "evening"]
        await bo.post(path, request_key=str(uuid4()), last="2027-01-31", day="3", part="evening")
        again = await bo.get(path)
        assert re.findall(r'value="(\w+)" checked', again.text) == ["3", "evening"]
        assert 'value="2027-01-31"' in again.text


async def test_an_answer_that_comes_too_late_leaves_the_appointment(town: Town, freed: dict[str, Any]) -> None:
    mine = await booked(town, BO, LATER)
    await town.good("POST", here(mine), mine["token"], json={})
    await town.cancel(freed)
    await town.work()
    offer = (await town.good("GET", here(mine), mine["token"]))["offer"]
    async with StaffBrowser(town) as bo:
        bo.put_cookie(f"case-{mine['id']}", mine["token"])
        town.clock.advance(hours=25)
        path = f"/de/appointments/{mine['id']}/waitlist/offers/{offer['id']}/accept"
        late = await bo.post(path, request_key=str(uuid4()))
        assert (late.status, "nicht mehr für Sie reserviert" in late.text) == (410, True)


@pytest.fixture
async def sam(town: Town, freed: dict[str, Any]) -> AsyncIterator[StaffBrowser]:
    """A supervisor of the office about which all this is."""
    [office] = await town.rows("SELECT key FROM office WHERE id = $1", freed["office"])
    await hire(town, "sam", "supervisor", office["key"])
    async with await sign_in(town, "sam") as browser:
        yield browser


async def test_figures_for_the_office(town: Town, freed: dict[str, Any], sam: StaffBrowser) -> None:
    mine = await booked(town, BO, LATER)
    await town.good("POST", here(mine), mine["token"], json={})
    await town.cancel(freed)
    await town.work()
    figures = await sam.get(f"/api/offices/{freed['office']}/waitlist")
    assert '"kept":1,"open":1' in figures.text
    assert f'"starts_at":"{freed["starts_at"]}"' in figures.text
    assert (await sam.get("/api/offices/4711/waitlist")).status == 403
    page = await sam.get("/de/waitlist/")
    assert re.findall(r'data-label="[^"]*">(\d+)<', page.text) == ["1", "1", "0", "0", "0", "0"]
    assert "Dienstag, 8. Dezember 2026, 08:00 Uhr" in page.text
    assert "Im Angebot bis: " in page.text
    await town.good("POST", here(mine, "/leave"), mine["token"])
    await town.work()
    assert "Wieder für alle: " in (await sam.get("/de/waitlist/")).text
    await hire(town, "kim", "clerk", "buergerbuero-west")
    async with await sign_in(town, "kim") as kim:
        assert (await kim.get("/de/waitlist/")).status == 403


async def test_staff_answer_for_somebody_on_the_telephone(town: Town, freed: dict[str, Any], sam: StaffBrowser) -> None:
    mine = await booked(town, BO, LATER)
    case = f"/de/bookings/{mine['office']}/cases/{mine['id']}"
    page = await sam.post(f"{case}/waitlist", any_office="1")
    assert "Auf der Liste, für jede Dienststelle." in page.text
    await town.cancel(freed)
    await town.work()
    page = await sam.get(case)
    assert "Dienstag, 8. Dezember 2026, 08:00 Uhr" in page.text
    [accept] = re.findall(r'action="([^"]*/accept)"', page.text)
    taken = await sam.post(accept)
    assert taken.status == 200
    assert (await town.look(mine))["starts_at"] == freed["starts_at"]
    assert "Auf der Liste" not in taken.text
    page = await sam.post(f"{case}/waitlist")
    assert "Auf der Liste, für ausgewählte Dienststellen." in page.text
    assert "Auf der Liste" not in (await sam.post(f"{case}/waitlist/leave")).text
    assert (await sam.post(f"{case}/waitlist/offers/{uuid4()}/accept")).status == 404
    await town.cancel(mine)
    refused = await sam.post(f"{case}/waitlist")
    assert (refused.status, "kann nur stehen, wer einen bestätigten Termin hat" in refused.text) == (409, True)


async def test_staff_answer_for_somebody_over_the_api(town: Town, freed: dict[str, Any], sam: StaffBrowser) -> None:
    mine = await booked(town, BO, LATER)

    async def ask(method: str, path: str = "", status: int = 200, **given: Any) -> Any:
        url = f"{town.origin}/api/offices/{mine['office']}/appointments/{mine['number']}/waitlist{path}"
        async with sam.http.request(method, url, **given) as response:
            found = await response.json()
            assert response.status == status, found
            return found

    assert (await ask("GET"))["wish"] is None
    assert (await ask("POST", json={}))["wish"] == {"offices": [], "windows": []}
    await town.cancel(freed)
    await town.work()
    offer = (await ask("GET"))["offer"]
    assert offer["starts_at"] == freed["starts_at"]
    await ask("POST", f"/offers/{uuid4()}/decline", 404)
    for _time in range(2):
        assert (await ask("POST", f"/offers/{offer['id']}/accept"))["offer"] is None
    assert (await town.look(mine))["starts_at"] == freed["starts_at"]
    assert (await ask("POST", "/leave"))["wish"] is None
    await town.assert_sound()

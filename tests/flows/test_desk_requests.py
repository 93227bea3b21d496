"""A request by need for somebody without e-mail: entered at the counter or on the telephone, found by its number, withdrawn."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.flows.test_allocation import RUN, SEED, SERVICE
from tests.staff import PASSWORD, StaffBrowser, hire, sign_in
from tests.town import Town

ASKED: dict[str, Any] = {
    "name": "Kim Mustermann",
    "mobile": "0151 23456789",
    "birth_date": "1990-01-01",
    "deadline": "2026-12-09",
    "language": "de",
}


@pytest.fixture
async def service(town: Town) -> int:
    ident: int = (await town.service(SERVICE))["id"]
    await town.rows("INSERT INTO allocation_service (service_id) VALUES ($1)", ident)
    await town.fresh()
    return ident


@pytest.fixture
async def here(town: Town) -> str:
    [office] = await town.rows("SELECT id FROM office WHERE key = 'buergerbuero-mitte'")
    return f"/de/bookings/{office['id']}"


@pytest.fixture
async def clara(town: Town) -> Any:
    """At the counter."""
    async with AsyncExitStack() as stack:
        await hire(town, "clara", "clerk", "buergerbuero-mitte")
        yield await stack.enter_async_context(await sign_in(town, "clara"))


async def test_from_the_telephone_call_to_the_rank_in_words(
    town: Town, service: int, here: str, clara: StaffBrowser
) -> None:
    form = await clara.get(f"{here}?service={service}&channel=onsite")
    assert (form.url.path, "Wie entschieden wird" in form.text) == (f"{here}/need/{service}", True)
    wrong = await clara.post(form.url.path, request_key=str(uuid4()), **(ASKED | {"mobile": "", "street": "Weg 1"}))
    assert (wrong.status, 'value="Weg 1"' in wrong.text, "Kim Mustermann" in wrong.text) == (422, True, True)
    fields: dict[str, Any] = {"request_key": str(uuid4()), **ASKED, "time": "morning"}
    entered = await clara.post(form.url.path, **fields)
    assert re.fullmatch(rf"{here}/requests/[0-9A-Z]{{12}}", entered.url.path)
    assert "Bitte lesen Sie die Nummer vor." in entered.text
    assert "Wartet auf die Prüfung des Nachweises" in entered.text
    assert "+4915123456789" in entered.text
    assert (await clara.post(form.url.path, **fields)).url == entered.url  # sent twice
    again = await clara.post(form.url.path, **(fields | {"request_key": str(uuid4())}))
    assert (again.status, "gibt es schon eine Anfrage" in again.text) == (422, True)
    number = entered.url.path.rsplit("/", 1)[1]
    assert (await clara.get(f"{here}/cases?number={number[:4]}+{number[4:].lower()}")).url == entered.url
    await hire(town, "rosa", "allocation")
    async with await sign_in(town, "rosa") as rosa:
        work = await rosa.get("/de/allocation/")
        [action] = re.findall(r'action="(/de/allocation/requests/[^"]*)"', work.text)
        await rosa.post(action, decision="confirm", reason="Titel gesehen", deadline="2026-12-08")
        await rosa.post("/de/allocation/runs", service=str(service), request_key=str(uuid4()), **RUN)
        town.clock.advance(hours=32)  # Wednesday, six in the evening
        await town.work()
        town.clock.advance(hours=1)
        await rosa.post("/de/staff/sign-in", login="rosa", password=PASSWORD)  # a new day
        [seed] = re.findall(r'action="([^"]*/seed)"', (await rosa.get("/de/allocation/")).text)
        await rosa.post(seed, seed=SEED)
        await _called_and_booked(town, rosa, seed.removesuffix("/seed"))
    await clara.post("/de/staff/sign-in", login="clara", password=PASSWORD)
    assert "Ihre hat Rang 1." in (await clara.get(entered.url.path)).text
    await town.assert_sound()


async def _called_and_booked(town: Town, rosa: StaffBrowser, run: str) -> None:
    """What was given out is said on the telephone, over the API or the page, and booked there."""
    released = await rosa.post(f"{run}/release")
    assert "1 Person ohne E-Mail ist anzurufen oder anzuschreiben" in released.text
    page = await rosa.get("/de/allocation/calls")
    assert "Es gibt einen Termin: " in page.text
    assert "+4915123456789" in page.text
    assert "Ihre hat Rang 1." in page.text
    async with rosa.http.get(f"{town.origin}/api/allocation/calls") as answer:
        [call] = (await answer.json())["calls"]
        assert (call["status"], call["given"]["status"]) == ("placed", "held")
    booked = await rosa.post(f"/de/allocation/calls/{call['id']}/book")
    assert (booked.url.path, "Niemand." in booked.text) == ("/de/allocation/calls", True)
    for step in ("book", "said"):
        assert (await rosa.post(f"/de/allocation/calls/{call['id']}/{step}")).status == 200  # twice is no mistake
        url = f"{town.origin}/api/allocation/calls/{call['id']}/{step}"
        async with rosa.http.post(url, headers={"Origin": town.origin}) as answer:
            assert await answer.json() == {"calls": []}
    assert (await rosa.post("/de/allocation/calls/4711/said")).status == 404
    assert await town.rows("SELECT status FROM claim WHERE appointment_id IS NOT NULL") == [{"status": 2}]


async def test_withdrawn_for_the_caller_and_not_twice(town: Town, service: int, here: str, clara: StaffBrowser) -> None:
    entered = await clara.post(f"{here}/need/{service}", request_key=str(uuid4()), **ASKED)
    for _twice in range(2):
        done = await clara.post(f"{entered.url.path}/withdraw")
        assert (done.status, "Zurückgezogen" in done.text) == (200, True)
    await town.rows(
        """
        UPDATE allocation_request SET status = 'refused', checked_at = now(), check_reason = 'No document',
                                      checked_by = (SELECT max(id) FROM account)"""
    )
    late = await clara.post(f"{entered.url.path}/withdraw")
    assert (late.status, "ist nicht mehr offen" in late.text) == (409, True)
    assert (await clara.get(f"{here}/requests/000000000000")).status == 404


async def test_over_the_api(town: Town, service: int, here: str, clara: StaffBrowser) -> None:
    url = f"{town.origin}/api/offices/{here.rsplit('/', 1)[1]}/allocation/requests"
    given = {
        "service": service,
        "contact": {"name": "Kim Mustermann", "postal_address": ["Weg 1", "70173 Stuttgart"], "language": "de"},
        "birth_date": "1990-01-01",
    }
    headers = {"Origin": town.origin, "Idempotency-Key": str(uuid4())}
    made = []
    for _twice in range(2):
        async with clara.http.post(url, json=given, headers=headers) as answer:
            assert answer.status == 201
            made.append(await answer.json())
    assert made[0] == made[1]
    assert (made[0]["request"]["status"], made[0]["is_called"], made[0]["explained"]) == ("asked", True, [])
    number = made[0]["request"]["number"]
    async with clara.http.get(f"{url}/{number}") as answer:
        assert await answer.json() == made[0]
    async with clara.http.post(f"{url}/{number}/withdraw", headers=headers) as answer:
        assert (await answer.json())["request"]["status"] == "withdrawn"
    async with clara.http.get(f"{url}/nothing") as answer:
        assert answer.status == 404

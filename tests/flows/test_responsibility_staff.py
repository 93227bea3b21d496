"""Staff see whose times these are, book with another team where they think right, and what they say of whom it is for is remembered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.flows.test_bookings import CALLER, base_of, fields_of
from tests.flows.test_responsibility import SERVICE, desks
from tests.flows.test_responsibility_moves import OFFICE, booked, desk, hold_at
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import Town


@pytest.fixture
async def rosa(town: Town) -> AsyncIterator[StaffBrowser]:
    async with AsyncExitStack() as stack:
        await hire(town, "rosa", "supervisor", OFFICE)
        yield await stack.enter_async_context(await sign_in(town, "rosa"))


async def times(town: Town, rosa: StaffBrowser, **more: str) -> Page:
    query = {"service": str((await town.service(SERVICE))["id"]), "channel": "onsite", **more}
    return await rosa.get(f"{await base_of(town, OFFICE)}?{'&'.join(f'{k}={v}' for k, v in query.items())}")


def buttons(page: Page, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]+)"', page.text)


async def team_is_busy(town: Town, slot: str) -> None:
    for _ in range(5):
        await hold_at(town, slot, "Meier")


async def book(town: Town, rosa: StaffBrowser, page: Page, **button: Any) -> dict[str, Any]:
    action = f"{await base_of(town, OFFICE)}/holds"
    form = await rosa.post(action, **fields_of(page, action), **button)
    done = await rosa.post(form.url.path, **fields_of(form, form.url.path), **CALLER)
    assert done.status == 200
    [row] = await town.rows("SELECT id FROM appointment ORDER BY created_at DESC LIMIT 1")
    return row


async def test_the_page_asks_and_marks_what_is_of_another_team(town: Town, rosa: StaffBrowser) -> None:
    page = await times(town, rosa)
    assert "Geben Sie oben an, für wen der Termin ist" in page.text
    assert 'name="letters"' in page.text
    assert buttons(page, "others") == []
    slot = buttons(page, "slot")[2]
    await team_is_busy(town, slot)
    marked = await times(town, rosa, letters="Mül")
    assert "Zeiten mit einem Hinweis gehören einem anderen Team" in marked.text
    assert buttons(marked, "others") == [slot]
    assert slot not in buttons(marked, "slot")
    assert "anderes Team" in marked.text
    assert buttons(await times(town, rosa, letters="adl"), "others") == []


async def test_booked_with_the_team_and_remembered(town: Town, rosa: StaffBrowser) -> None:
    page = await times(town, rosa, letters="Mül")
    made = await book(town, rosa, page, slot=buttons(page, "slot")[0])
    assert await desk(town, made) in await desks(town, "m")
    case = await town.worker.appointments.case(made["id"])
    assert case.who.letters == "mue"


async def test_booked_with_another_team_that_helps_out(town: Town, rosa: StaffBrowser) -> None:
    slot = buttons(await times(town, rosa), "slot")[2]
    await team_is_busy(town, slot)
    marked = await times(town, rosa, letters="Mül")
    made = await book(town, rosa, marked, others=slot)
    assert await desk(town, made) in await desks(town, "a")


async def test_a_case_that_is_moved_knows_for_whom_it_is(town: Town, rosa: StaffBrowser) -> None:
    made = await booked(town, "Müller")
    page = await rosa.get(f"{await base_of(town, OFFICE)}?moves={made['id']}")
    slot = buttons(page, "slot")[3]
    await team_is_busy(town, slot)
    assert buttons(await rosa.get(page.url.path_qs), "others") == [slot]


async def test_over_the_api(town: Town, rosa: StaffBrowser) -> None:
    [office] = await town.rows("SELECT id FROM office WHERE key = $1", OFFICE)
    service, first = (await town.service(SERVICE))["id"], buttons(await times(town, rosa), "slot")[3]
    await team_is_busy(town, first)
    starts_at = first.partition("@")[2]
    day = starts_at[:10]
    here = f"/api/offices/{office['id']}"
    asked = f"{here}/slots?service={service}&channel=onsite&from={day}&to={day}"
    every, theirs = [(await rosa.get(f"{asked}{who}")).text for who in ("", "&surname=Meier")]
    assert every.count("starts_at") - theirs.count("starts_at") == 1

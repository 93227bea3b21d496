"""A service with teams that is given out by need asks for whom it is, on the page, at the desk and over the API."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.flows.test_allocation import ASKED
from tests.flows.test_bookings import base_of
from tests.flows.test_responsibility import SERVICE
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import KIM, Town


@pytest.fixture
async def service(town: Town) -> int:
    ident: int = (await town.service(SERVICE))["id"]
    await town.rows("INSERT INTO allocation_service (service_id) VALUES ($1)", ident)
    await town.fresh()
    return ident


async def test_on_the_page(town: Town, service: int) -> None:
    async with StaffBrowser(town) as citizen:
        here = f"/de/need/{service}"
        assert "Anfangsbuchstaben des Familiennamens" in (await citizen.get(here)).text
        typed = {"request_key": str(uuid4()), "language": "de", **ASKED}
        for letters in ("", "山田"):
            wrong = await citizen.post(here, **typed, letters=letters)
            assert (wrong.status, 'href="#letters"' in wrong.text) == (422, True)
            assert (f'value="{letters}"' in wrong.text, ASKED["email"] in wrong.text) == (True, True)  # all is kept
        assert (await citizen.post(here, **typed, letters="Mül")).url.path == "/de/need/sent"
    [row] = await town.rows("SELECT who FROM allocation_person")
    assert row["who"] is not None


async def test_nobody_is_responsible(town: Town, service: int) -> None:
    await town.rows("UPDATE responsibility SET first = 'a', last = 'k' WHERE service_id = $1", service)
    async with StaffBrowser(town) as citizen:
        typed = {"request_key": str(uuid4()), "language": "de", **ASKED}
        refused = await citizen.post(f"/de/need/{service}", **typed, letters="Mül")
        assert (refused.status, "hier keine Stelle zuständig" in refused.text) == (422, True)


async def test_at_the_desk(town: Town, service: int) -> None:
    await hire(town, "rosa", "supervisor", "auslaenderbehoerde")
    async with await sign_in(town, "rosa") as rosa:
        here = f"{await base_of(town, 'auslaenderbehoerde')}/need/{service}"
        typed = {"request_key": str(uuid4()), "language": "de", **ASKED, "email": "", "mobile": "0151 23456789"}
        wrong = await rosa.post(here, **typed)
        assert (wrong.status, 'href="#letters"' in wrong.text) == (422, True)
        assert "/requests/" in (await rosa.post(here, **typed, letters="Mus")).url.path


async def test_over_the_api(town: Town, service: int) -> None:
    given = {"service": service, "contact": KIM, "birth_date": "1990-01-01"}
    asked = await town.call("POST", "/api/allocation/requests", key=str(uuid4()), json=given)
    assert (asked.status, asked.body["errors"][0]["pointer"], asked.body["errors"][0]["code"]) == (
        422,
        "/surname",
        "who_needed",
    )
    done = await town.call(
        "POST", "/api/allocation/requests", key=str(uuid4()), json={**given, "surname": "Mustermann"}
    )
    assert done.status == 201

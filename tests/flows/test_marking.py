"""Which services are given out by need, said on the page and over the API; and what citizens meet then."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from tests.flows.test_allocation import SERVICE, ask
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town

RULE: dict[str, Any] = {"class_days": "3, 30", "offer_hours": "24", "rhythm_days": "14", "from_at": ""}


@pytest.fixture
async def rosa(town: Town) -> Any:
    async with AsyncExitStack() as stack:
        await hire(town, "rosa", "allocation")
        yield await stack.enter_async_context(await sign_in(town, "rosa"))


async def test_marked_and_taken_back_on_the_page(town: Town, rosa: StaffBrowser) -> None:
    service = (await town.service(SERVICE))["id"]
    assert "Keine Leistung wird nach Dringlichkeit vergeben" in (await rosa.get("/de/allocation/services")).text
    here = f"/de/allocation/services/{service}"
    assert here in (await rosa.get(f"/de/allocation/services?q={SERVICE}")).text
    assert "Bisher wurde nichts festgelegt" in (await rosa.get(here)).text
    done = await rosa.post(f"{here}/mark", **RULE)
    assert (done.url.path, "Gruppen: bis 3, 30 Tage" in done.text, "Rosa: ab" in done.text) == (here, True, True)
    assert "Eine Vergabe steht an: Wohnsitzanmeldung" in (await rosa.get("/de/allocation/")).text
    await town.fresh()
    async with StaffBrowser(town) as citizen:
        form = await citizen.get(f"/de/services/{service}")
        assert (form.url.path, "Vergeben wird etwa alle 14 Tage." in form.text) == (f"/de/need/{service}", True)
        request = await ask(town, citizen, service)
        assert "1 offene Anfrage endet." in (await rosa.get(here)).text
        silent = await rosa.post(f"{here}/unmark", because=" ")
        assert (silent.status, "Geben Sie den Grund an" in silent.text) == (422, True)
        over = await rosa.post(f"{here}/unmark", because="Genug Plätze")
        assert "Genug Plätze" in over.text
        await town.work()
        [to_book] = re.findall(rf"{town.origin}(/\S+)", town.mail.messages[-1].part("text/plain") or "")
        await town.fresh()
        assert "Die Leistung wird nicht mehr nach Dringlichkeit vergeben" in (await citizen.get(request)).text
        assert (await citizen.get(to_book)).url.path == f"/de/services/{service}"
        assert (await citizen.get(f"/de/need/{service}")).url.path == f"/de/services/{service}"
    await town.assert_sound()


async def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(town: Town, rosa: StaffBrowser) -> None:
    here = f"/de/allocation/services/{(await town.service(SERVICE))['id']}"
    for wrong, said in (
        ({"class_days": "30, 3"}, "Jede Zahl von Tagen ist größer als die davor."),
        ({"class_days": "soon"}, "ganze Zahl"),
        ({"offer_hours": "999"}, "Das ist zu groß."),
        ({"from_at": "2020-01-01T08:00"}, "Der Zeitpunkt, ab dem es gelten soll, ist vorbei."),
        ({"from_at": "gestern"}, "Geben Sie Datum und Uhrzeit ein"),
    ):
        page = await rosa.post(f"{here}/mark", **(RULE | wrong))
        [(field, typed)] = wrong.items()
        assert (page.status, said in page.text, f'href="#{field}"' in page.text) == (422, True, True), (
            wrong,
            page.text,
        )
        assert f'value="{typed}"' in page.text
    assert "Bisher wurde nichts festgelegt" in (await rosa.get(here)).text
    assert (await rosa.post("/de/allocation/services/4711/mark", **RULE)).status == 404


async def test_over_the_api(town: Town, rosa: StaffBrowser) -> None:
    service = (await town.service(SERVICE))["id"]
    url = f"{town.origin}/api/allocation/services/{service}"
    headers = {"Origin": town.origin}
    mark: dict[str, Any] = {"class_days": [5], "from_at": "2027-01-01T00:00:00+01:00"}
    for _twice in range(2):
        async with rosa.http.post(f"{url}/mark", json=mark, headers=headers) as answer:
            said = await answer.json()
            assert (answer.status, said["rule"], len(said["history"])) == (200, None, 1)
            assert said["comes"]["rule"] == {"class_days": [5], "offer_hours": 48, "rhythm_days": 7}
    async with rosa.http.post(f"{url}/mark", json={"class_days": [5, 5]}, headers=headers) as answer:
        assert (answer.status, (await answer.json())["errors"][0]["code"]) == (422, "rising")
    for _twice in range(2):
        async with rosa.http.post(f"{url}/unmark", json={"because": "Not now"}, headers=headers) as answer:
            assert (answer.status, len((await answer.json())["history"])) == (200, 2)
    async with rosa.http.get(f"{town.origin}/api/allocation/services/4711") as answer:
        assert answer.status == 404


async def test_an_unmarked_service_takes_no_request(town: Town, rosa: StaffBrowser) -> None:
    service = (await town.service(SERVICE))["id"]
    await rosa.post(f"/de/allocation/services/{service}/mark", **RULE)
    await rosa.post(f"/de/allocation/services/{service}/unmark", because="Genug Plätze")
    given = {"service": service, "contact": {"name": "Kim", "email": "kim@example.org", "language": "de"}}
    answer = await town.call(
        "POST", "/api/allocation/requests", key=str(uuid4()), json={**given, "birth_date": "1990-01-01"}
    )
    assert (answer.status, answer.body["code"]) == (409, "not_by_need")


async def test_the_way_there_is_shown_to_whoever_may_go_it(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    [office] = await town.rows("SELECT id FROM office WHERE key = 'buergerbuero-mitte'")
    rule = f"/de/hours/{office['id']}/rules/edit?service={service}"
    await hire(town, "sonja", "supervisor")
    async with await sign_in(town, "sonja") as sonja:
        assert "/allocation/services/" not in (await sonja.get(rule)).text
    await town.rows("UPDATE role SET permissions = permissions || ARRAY['allocation.mark'] WHERE name = 'supervisor'")
    async with await sign_in(town, "sonja") as sonja:
        assert f"/de/allocation/services/{service}" in (await sonja.get(rule)).text

"""Only times that suit: when on the day, without steps, not far from an office; over the API and on the page of times, kept to the end."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from booking.catalogue.nearby import Point
from tests.staff import StaffBrowser
from tests.town import Town

SERVICE = "Wohnsitzanmeldung"
BERLIN = ZoneInfo("Europe/Berlin")


async def slots(town: Town, **more: Any) -> list[dict[str, Any]]:
    service = (await town.service(SERVICE))["id"]
    query = {"service": service, "channel": "onsite", "from": "2026-12-01", "to": "2026-12-28", **more}
    found: list[dict[str, Any]] = (await town.good("GET", "/api/slots", params=query))["slots"]
    return found


def hours(found: list[dict[str, Any]]) -> set[int]:
    return {datetime.fromisoformat(one["starts_at"]).astimezone(BERLIN).hour for one in found}


async def test_parts_of_the_day_divide_what_is_free(town: Town) -> None:
    every = await slots(town)
    parts = {at: await slots(town, at=at) for at in ("morning", "afternoon", "after_work")}
    assert max(hours(parts["morning"])) < 12
    assert hours(parts["afternoon"]) <= set(range(12, 16))
    assert min(hours(parts["after_work"])) >= 16
    assert sum(map(len, parts.values())) == len(every)
    both = await town.good(
        "GET",
        "/api/slots/next",
        params=[
            ("service", every[0]["office"] and (await town.service(SERVICE))["id"]),
            ("channel", "onsite"),
            ("at", "afternoon"),
            ("at", "after_work"),
        ],
    )
    assert min(hours(both["slots"])) >= 12


async def test_the_earliest_within_some_kilometres(town: Town) -> None:
    service, here = (await town.service(SERVICE))["id"], Point(48.7727, 9.1766)
    places = {
        row["id"]: Point(row["latitude"], row["longitude"])
        for row in await town.rows("SELECT id, latitude, longitude FROM office")
    }
    query = {"service": service, "channel": "onsite", "near": "48.7727,9.1766", "limit": 50}
    for km in (0.1, 3, 20):
        found = await town.good("GET", "/api/slots/next", params={**query, "within_km": km})
        assert found["slots"]
        assert {one["office"] for one in found["slots"]} <= {
            office for office, at in places.items() if here.km_to(at) <= km
        }
    nowhere = await town.good("GET", "/api/slots/next", params={**query, "near": "0,0"})
    assert nowhere["slots"] == []


async def test_without_steps(town: Town) -> None:
    without = {row["id"] for row in await town.rows("SELECT id FROM office WHERE NOT is_step_free")}
    offices = {one["office"] for one in await slots(town)}
    assert {one["office"] for one in await slots(town, step_free="true")} == offices - without


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "night"},
        {"near": "Entenhausen"},
        {"near": "48.1;9.2"},
        {"near": "!"},
        {"within_km": "0"},
        {"step_free": "perhaps"},
    ],
)
async def test_wishes_that_are_none_are_refused(town: Town, wrong: dict[str, str]) -> None:
    service = (await town.service(SERVICE))["id"]
    answer = await town.call("GET", "/api/slots/next", params={"service": service, "channel": "onsite", **wrong})
    assert answer.status == 422


async def test_on_the_page_of_times_they_stay_in_the_address(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    async with StaffBrowser(town) as citizen:
        page = await citizen.get(
            f"/de/times?service={service}&channel=onsite&at=after_work&near=70173&within_km=5&step_free=1"
        )
        times = re.findall(r'name="slot" value="[0-9]+@([^"]+)"', page.text)
        assert times
        assert {datetime.fromisoformat(one).astimezone(BERLIN).hour for one in times} <= set(range(16, 24))
        links = re.findall(r'href="(/de/times\?[^"]+#times)"', page.text)
        assert links
        assert all("at=after_work" in link and "within_km=5" in link for link in links)
        assert 'value="after_work" selected' in page.text
        cleared = re.findall(r'href="([^"]+)"><span class="kern-label">Wieder alle Zeiten', page.text)
        assert "at=" not in cleared[0]
        nothing = await citizen.get(
            f"/de/times?service={service}&channel=onsite&office=2&near=Mitte&within_km=2&step_free=1&at=morning"
        )
        assert "Nach Ihren Wünschen ist keine Zeit frei" in nothing.text or "Wieder alle Zeiten" in nothing.text
        odd = await citizen.get(f"/de/times?service={service}&channel=onsite&at=&near=&within_km=5")
        assert odd.status == 200
        assert "Wieder alle Zeiten" not in odd.text


async def test_the_first_time_of_each_office_with_its_distance(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    query = {"service": service, "channel": "onsite", "near": "48.7727,9.1766", "within_km": 5}
    first = await town.call("GET", "/api/slots/earliest", params=query)
    found = first.body["offices"]
    assert [one["starts_at"] for one in found] == sorted(one["starts_at"] for one in found)
    assert len({one["office"] for one in found}) == len(found) > 1
    assert max(one["distance_km"] for one in found) <= 5
    soonest = await town.good("GET", "/api/slots/next", params=query)
    assert soonest["slots"][0]["starts_at"] == found[0]["starts_at"]
    same = await town.call("GET", "/api/slots/earliest", params=query, headers={"If-None-Match": first.headers["ETag"]})
    assert same.status == 304
    anywhere = await town.good("GET", "/api/slots/earliest", params={"service": service, "channel": "onsite"})
    assert len(anywhere["offices"]) > len(found)
    assert {one["distance_km"] for one in anywhere["offices"]} == {None}


async def test_who_wishes_a_time_near_an_office_sees_each_one_there_with_its_distance(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    async with StaffBrowser(town) as citizen:
        page = await citizen.get(f"/de/times?service={service}&channel=onsite&near=bürgerbüro+mitte&within_km=5")
    assert "Erste freie Zeit jeder Dienststelle" in page.text
    offices = re.findall(r'class="slot-row"[^>]* value="([0-9]+)@', page.text)
    assert len(set(offices)) == len(offices) > 1
    kilometres = re.findall(r"· ([0-9]+(?:,[0-9])?)\xa0?\s?km<", page.text)
    assert len(kilometres) == len(offices) - ("1" in offices)


async def test_an_office_that_takes_longer_says_so_before_it_is_chosen(town: Town) -> None:
    service = await town.service(SERVICE)
    longer = service["duration_min"] + 15
    async with StaffBrowser(town) as citizen:
        before = await citizen.get(f"/de/services/{service['id']}?channel=onsite")
        assert "Dauer: " not in before.text
        await town.rows(
            "INSERT INTO service_office (service_id, office_id, duration_min) VALUES ($1, 1, $2)", service["id"], longer
        )
        await town.rows("UPDATE city SET version = version + 1")
        await town.fresh()
        after = await citizen.get(f"/de/services/{service['id']}?channel=onsite")
    assert f"Dauer: etwa {longer} Minuten" in after.text
    assert f"Dauer: etwa {service['duration_min']} Minuten" in after.text


async def test_on_the_way_to_another_service_and_back_they_are_kept(town: Town) -> None:
    """Times, another service, its page, times of both; and to the service again to change the choice."""
    service = (await town.service(SERVICE))["id"]
    wishes = "at=morning&step_free=1&near=Mitte&within_km=10"
    way = re.escape(wishes.replace("&", "&amp;"))
    times = await town.good("GET", f"/de/times?service={service}&channel=onsite&{wishes}")
    [add] = set(re.findall(rf'href="(/de/\?[^"]*{way})"', times))
    more = await town.good("GET", f"{add.replace('&amp;', '&')}&q=Meldebescheinigung")
    card = re.findall(rf'href="(/de/services/\d+\?[^"]*{way})"', more)[0]
    chosen = await town.good("GET", card.replace("&amp;", "&"))
    form = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', chosen)
    wished = [("at", "morning"), ("step_free", "1"), ("near", "Mitte"), ("within_km", "10")]
    assert set(wished) <= set(form)
    both = await town.good("GET", "/de/times", params=form)
    assert set(wished) <= set(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', both))
    assert re.search(rf'href="/de/services/\d+\?[^"]*before={service}[^"]*{way}"', both)


async def test_near_a_postcode_or_a_district_is_near_its_point(town: Town) -> None:
    query = {"service": (await town.service(SERVICE))["id"], "channel": "onsite", "within_km": 3}
    place = (await town.rows("SELECT latitude, longitude FROM place WHERE name = 'Bad Cannstatt'"))[0]
    point = await town.good(
        "GET", "/api/slots/earliest", params={**query, "near": f"{place['latitude']},{place['longitude']}"}
    )
    assert point["offices"]
    for typed in ("Bad Cannstatt", " bad  cannstatt", "70372"):
        assert await town.good("GET", "/api/slots/earliest", params={**query, "near": typed}) == point
    other = await town.good("GET", "/api/slots/earliest", params={**query, "near": "Möhringen"})
    assert other != point
    unknown = await town.call("GET", "/api/slots/next", params={**query, "near": "Entenhausen"})
    assert unknown.status == 422
    assert [(one["pointer"], one["code"]) for one in unknown.body["errors"]] == [("/near", "unknown_place")]


async def test_a_place_that_is_unknown_stays_in_its_field_and_is_said(town: Town) -> None:
    service = (await town.service(SERVICE))["id"]
    here = f"/de/times?service={service}&channel=onsite"
    async with StaffBrowser(town) as citizen:
        wrong = await citizen.get(f"{here}&at=morning&near=Enten%22hausen&within_km=10&step_free=1")
        again = await citizen.get(f"{here}&at=morning&near=Enten%22hausen&within_km=10&step_free=1")
        right = await citizen.get(f"{here}&near=sued&within_km=10")
        video = await citizen.get(f"/de/times?service={service}&channel=video&near=Enten%22hausen&step_free=1")
    assert wrong.status == again.status == 422
    assert "Den Ort „Enten&#34;hausen“ kennen wir nicht" in wrong.text
    assert 'value="Enten&#34;hausen"' in wrong.text
    assert 'value="10" selected' in wrong.text
    assert 'value="morning" selected' in wrong.text
    assert 'name="step_free" value="1" checked' in wrong.text
    assert '<option value="70173"></option>' in wrong.text
    assert '<option value="Bad Cannstatt"></option>' in wrong.text
    links = re.findall(r'href="(/de/times\?[^"]+#times)"', wrong.text)
    assert links
    assert not any("hausen" in link for link in links)
    assert right.status == 200
    assert "kennen wir nicht" not in right.text
    assert video.status != 422

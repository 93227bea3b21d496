"""Several things in one visit, over HTTP: by the API and by pages without script; one case, one fee, one mail, seen at the counter."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest

from tests.flows.test_counter import clerk_at, statuses, step_url
from tests.flows.test_moving import form, send, slots
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Town

CARS, PLATES = "Fahrzeug abmelden", "Saisonkennzeichen"
OFFICE, AUTHORITY = "kfz-zulassung", "auslaenderbehoerde"


@pytest.fixture
async def citizen(town: Town) -> AsyncIterator[StaffBrowser]:
    async with StaffBrowser(town) as browser:
        yield browser


async def services(town: Town) -> tuple[dict[str, Any], dict[str, Any]]:
    return await town.service(CARS), await town.service(PLATES)


async def hold(town: Town, wanted: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The first free time for all of it, by the API."""
    also = [f"{item['service']}*{item.get('quantity', 1)}" for item in wanted.get("also", [])]
    query = {"service": wanted["service"], "channel": "onsite", "quantity": wanted.get("quantity", 1), "also": also}
    [slot, *_] = (await town.good("GET", "/api/slots/next", params=query))["slots"]
    asked = {**wanted, "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
    made: dict[str, Any] = await town.good("POST", "/api/holds", key=str(uuid4()), json=asked, **more)
    return made


async def booked(town: Town, held: dict[str, Any]) -> dict[str, Any]:
    """Paid and confirmed."""
    given = {"hold": held["id"], "contact": KIM}
    made: dict[str, Any] = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    return made


def minutes(made: dict[str, Any]) -> int:
    length = datetime.fromisoformat(made["ends_at"]) - datetime.fromisoformat(made["starts_at"])
    return int(length.total_seconds()) // 60


class TestByTheApi:
    async def test_three_vehicles_and_another_service(self, town: Town) -> None:
        cars, plates = await services(town)
        held = await hold(town, {"service": cars["id"], "quantity": 3, "also": [{"service": plates["id"]}]})
        items = [{"service": cars["id"], "quantity": 3}, {"service": plates["id"], "quantity": 1}]
        fee = 3 * cars["fee"]["cents"] + plates["fee"]["cents"]
        assert (held["items"], held["fee"]["cents"]) == (items, fee)
        assert minutes(held) == cars["duration_min"] + 2 * cars["further_min"] + plates["duration_min"]
        made = await booked(town, held)
        seen = await town.look(made)
        assert (seen["status"], seen["items"], seen["fee"]["cents"]) == ("confirmed", items, fee)
        await town.work()
        [mail] = town.mail.messages
        text = mail.part("text/plain") or ""
        assert f"3 × {CARS}" in text
        assert re.search(rf"Danach, etwa \d\d:\d\d Uhr: {PLATES}", text)
        await town.assert_sound()

    async def test_what_cannot_be(self, town: Town) -> None:
        cars, _ = await services(town)
        slot = (await town.slots(cars["id"]))[0]
        wanted = {"service": cars["id"], "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
        for more, status, code in (
            ({"quantity": 6}, 422, "too_many"),
            ({"quantity": 0}, 422, "invalid"),
            ({"also": [{"service": cars["id"]}]}, 422, "twice_in_a_visit"),
            ({"also": [{"service": 999999}]}, 404, "not_offered"),
            ({"also": [{"service": n} for n in range(1, 7)]}, 422, "invalid"),
        ):
            answer = await town.call("POST", "/api/holds", key=str(uuid4()), json={**wanted, **more})
            assert (answer.status, answer.body["code"]) == (status, code), more
        query = {"service": cars["id"], "channel": "onsite", "also": "12*x"}
        answer = await town.call("GET", "/api/slots/next", params=query, headers={"Accept-Language": "de"})
        assert answer.status == 422
        assert "17*2" in str(answer.body["errors"])


async def chosen(citizen: StaffBrowser, page: Page, button: str, **more: str) -> Page:
    """The form of the service's page, sent by one of its two buttons."""
    action, inner = re.findall(r'<form class="flow" method="get" action="([^"]+)">(.*?)</form>', page.text, re.S)[0]
    found = re.search(rf'formaction="([^"]+)"[^>]*><span[^>]*>{button}', inner)
    fields = [
        (name, html.unescape(value))
        for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', inner)
    ]
    return await citizen.get(found[1] if found else action, params=[*fields, *more.items()])


class TestOnPages:
    async def test_a_number_another_service_and_one_appointment(self, town: Town, citizen: StaffBrowser) -> None:
        cars, plates = await services(town)
        page = await citizen.get(f"/de/services/{cars['id']}")
        assert re.search(r'<label[^>]*for="quantity">Fahrzeuge</label>', page.text)
        page = await chosen(citizen, page, "Weitere Leistung hinzufügen", quantity="2")
        assert f"2 × {CARS}" in page.text
        page = await citizen.get("/de/", params=[*parse_qsl(urlsplit(str(page.url)).query), ("q", PLATES)])
        link = re.findall(rf'href="(/de/services/{plates["id"]}[^"]*)"', page.text)[0]
        page = await citizen.get(html.unescape(link))
        assert f"2 × {CARS}" in page.text
        page = await chosen(citizen, page, "Freie Zeiten anzeigen")
        facts = re.findall(r"<li><bdi>([^<]+)</bdi></li>", page.text)
        assert facts[:2] == [f"2 × {CARS}", PLATES]
        page = await send(citizen, page, slot=slots(page)[0])
        page = await send(citizen, page, name="Kim", email="kim@example.org", language="de")
        assert [text for text in (f"2 × {CARS}", PLATES) if text not in page.text] == []
        [row] = await town.rows("SELECT fee_cents FROM appointment")
        assert row["fee_cents"] == 2 * cars["fee"]["cents"] + plates["fee"]["cents"]
        parts = await town.rows(
            "SELECT service_id, quantity FROM claim WHERE kind = 0 AND status = 1 ORDER BY starts_at"
        )
        assert [(part["service_id"], part["quantity"]) for part in parts] == [(cars["id"], 2), (plates["id"], 1)]

    async def test_more_than_there_may_be_is_said(self, citizen: StaffBrowser, town: Town) -> None:
        cars, _ = await services(town)
        page = await citizen.get(f"/de/times?service={cars['id']}&channel=onsite&quantity=9")
        assert page.status == 422
        assert "höchstens 5" in page.text

    async def test_nowhere_together(self, citizen: StaffBrowser, town: Town) -> None:
        cars, other = await town.service(CARS), await town.service("Personalausweis")
        page = await citizen.get(f"/de/services/{other['id']}?channel=onsite&before={cars['id']}*2")
        assert "Nicht an einem Ort" in page.text
        assert not re.search(r'<form class="flow" method="get"', page.text)

    async def test_taken_meanwhile_keeps_what_the_visit_is_for(self, citizen: StaffBrowser, town: Town) -> None:
        cars, plates = await services(town)
        page = await citizen.get(f"/de/times?service={cars['id']}&channel=onsite&quantity=2&also={plates['id']}")
        wanted = slots(page)[0]
        action, fields = form(page)
        assert (fields["quantity"], fields["also"]) == ("2", str(plates["id"]))
        office, starts_at = wanted.split("@")
        body = {"service": cars["id"], "channel": "onsite", "office": int(office), "starts_at": starts_at}
        while (await town.call("POST", "/api/holds", key=str(uuid4()), json=body)).status == 201:
            pass
        page = await citizen.post(action, **fields, slot=wanted)
        assert page.status == 409
        assert f"2 × {CARS}" in page.text
        page = await send(citizen, page, slot=slots(page)[0])
        assert f"2 × {CARS}" in page.text


async def test_the_counter_sees_all_of_it(town: Town) -> None:
    [office] = await town.rows("SELECT id FROM office WHERE key = $1", OFFICE)
    cars, plates = await services(town)
    held = await hold(town, {"service": cars["id"], "quantity": 2, "also": [{"service": plates["id"]}]})
    await booked(town, held)
    await hire(town, "rosa", "clerk", OFFICE)
    async with await sign_in(town, "rosa") as rosa:
        page = await rosa.get(f"/de/counter/{office['id']}")
        assert re.search(rf"\d\d:\d\d 2 × {CARS} \([^)]+\); \d\d:\d\d {PLATES} \([^)]+\)", page.text)


async def test_the_list_for_earlier_times_is_for_one_service(town: Town) -> None:
    cars, _ = await services(town)
    made = await booked(town, await hold(town, {"service": cars["id"], "quantity": 2}))
    answer = await town.call("POST", f"/api/appointments/{made['id']}/waitlist", made["token"], json={})
    assert (answer.status, answer.body["code"]) == (409, "several_parts")


class TestFromCounterToCounter:
    """Information at the service point, and then a residence permit at a desk."""

    async def booked_today(self, town: Town) -> tuple[int, dict[str, Any], list[int]]:
        point, desk = await town.service("Verpflichtungserklärung"), await town.service("Blaue Karte EU")
        made = await booked(town, await hold(town, {"service": point["id"], "also": [{"service": desk["id"]}]}))
        rows = await town.rows(
            "SELECT counter_id, office_id FROM claim WHERE appointment_id IS NOT NULL ORDER BY starts_at"
        )
        counters = [row["counter_id"] for row in rows]
        assert len(set(counters)) == 2
        town.clock.set(datetime.fromisoformat(made["starts_at"]) - timedelta(minutes=5))
        return rows[0]["office_id"], made, counters

    async def test_the_next_counter_has_the_number_in_its_queue(self, town: Town) -> None:
        office, made, (first, second) = await self.booked_today(town)
        at_first, at_second = (
            await clerk_at(town, "rosa", office, first, AUTHORITY),
            await clerk_at(town, "emil", office, second, AUTHORITY),
        )
        async with at_first, at_second:
            await at_first.post(f"/de/counter/{office}/check-in", number=made["number"])
            page = await at_second.post(f"/de/counter/{office}/next")
            assert page.url.query["said"] == "nobody_waits"  # not yet for this counter
            page = await at_first.post(f"/de/counter/{office}/next")
            page = await at_first.post(step_url(page.text, "start"))
            on = step_url(page.text, "send-on")
            assert re.search(r"Weiter zu [^<]+</span>", page.text)
            for _ in range(2):  # sent twice is sent on once
                page = await at_first.post(on)
                assert page.status == 200
                assert await statuses(town) == [(1, "waiting", None)]
            page = await at_second.post(f"/de/counter/{office}/next")
            page = await at_second.post(step_url(page.text, "start"))
            assert "send-on" not in page.text
            await at_second.post(step_url(page.text, "finish"))
        assert await statuses(town) == [(1, "done", second)]
        assert (await town.look(made))["status"] == "finished"
        await town.assert_sound()

    async def test_finished_at_the_first_one(self, town: Town) -> None:
        office, made, (first, _second) = await self.booked_today(town)
        async with await clerk_at(town, "rosa", office, first, AUTHORITY) as clerk:
            await clerk.post(f"/de/counter/{office}/check-in", number=made["number"])
            page = await clerk.post(f"/de/counter/{office}/next")
            page = await clerk.post(step_url(page.text, "start"))
            await clerk.post(step_url(page.text, "finish"))
            page = await clerk.post(step_url(page.text, "send-on"))
            assert page.url.query["said"] == "ticket_moved"
        assert (await town.look(made))["status"] == "finished"


class TestAWedding:
    """A registrar's desk, a room and a second official, all at once or not at all."""

    async def test_takes_room_and_official_with_it(self, town: Town) -> None:
        wedding = await town.service("Eheschließung Durchführung")
        made = await booked_free(town, await town.hold(wedding["id"]))
        rows = await town.rows(
            """SELECT k.resource, c.quantity, c.status, c.starts_at FROM claim c JOIN counter k ON k.id = c.counter_id
                WHERE c.appointment_id IS NOT NULL ORDER BY k.resource NULLS FIRST"""
        )
        assert [(row["resource"], row["quantity"], row["status"]) for row in rows] == [
            (None, 1, 2),
            ("registrar", 0, 2),
            ("wedding-room", 0, 2),
        ]
        assert len({row["starts_at"] for row in rows}) == 1
        assert (await town.look(made))["items"] == [{"service": wedding["id"], "quantity": 1}]
        assert (await town.cancel(made)).status == 200
        assert {
            row["status"] for row in await town.rows("SELECT status FROM claim WHERE appointment_id IS NOT NULL")
        } == {9}
        await town.assert_sound()

    async def test_its_page_names_counter_room_and_official(self, town: Town) -> None:
        wedding = await town.service("Eheschließung Durchführung")
        made = await booked_free(town, await town.hold(wedding["id"]))
        rows = await town.rows(
            """SELECT k.name->>'de' AS name FROM claim c JOIN counter k ON k.id = c.counter_id WHERE c.appointment_id = $1""",
            made["id"],
        )
        [office] = await town.rows("SELECT id FROM office WHERE key = 'standesamt'")
        await hire(town, "rosa", "clerk", "standesamt")
        async with await sign_in(town, "rosa") as rosa:
            page = await rosa.get(f"/de/bookings/{office['id']}/cases/{made['id']}")
            assert len(rows) == 3
            for row in rows:
                assert html.escape(row["name"]) in page.text
            assert "Raum und weitere Beteiligte" in page.text
            await town.cancel(made)
            assert "Raum und weitere Beteiligte" not in (await rosa.get(page.url.path)).text

    async def test_its_person_reads_which_room_where_the_catalogue_says_so(self, town: Town) -> None:
        wedding = await town.service("Eheschließung Durchführung")
        made = await booked_free(town, await town.hold(wedding["id"]))
        await town.work()
        link = re.findall(rf"{town.origin}(/\S+)", town.mail.messages[-1].part("text/plain") or "")[0]
        async with StaffBrowser(town) as citizen:
            assert "Trauzimmer" not in (await citizen.get(link)).text
            await town.rows("UPDATE counter SET is_told = true WHERE resource = 'wedding-room'")
            page = await citizen.get(f"/de/appointments/{made['id']}")
            assert re.search(r"Raum oder Schalter.*?Trauzimmer \d", page.text, re.DOTALL)
            assert "Standesbeamt" not in page.text.split("Raum oder Schalter")[1].split("</dl>")[0]

    async def test_as_many_at_once_as_there_are_rooms(self, town: Town) -> None:
        """Five desks, but two rooms; ten who come at once."""
        wedding = await town.service("Eheschließung Durchführung")
        [slot, *_] = await town.slots(wedding["id"])
        wanted = {
            "service": wedding["id"],
            "channel": "onsite",
            "office": slot["office"],
            "starts_at": slot["starts_at"],
        }
        answers = await asyncio.gather(
            *(town.call("POST", "/api/holds", key=str(uuid4()), json=wanted) for _ in range(10))
        )
        assert sorted(answer.status for answer in answers) == [201] * 2 + [409] * 8
        assert slot["starts_at"] not in [later["starts_at"] for later in await town.slots(wedding["id"])]
        await town.assert_sound()

    async def test_no_earlier_time_is_promised_to_it(self, town: Town) -> None:
        """What is freed is one counter's time; nobody would ever be offered a room with it."""
        wedding = await town.service("Eheschließung Durchführung")
        made = await booked_free(town, await town.hold(wedding["id"]))
        path = f"/api/appointments/{made['id']}/waitlist"
        assert (await town.good("GET", path, made["token"]))["may_join"] is False
        answer = await town.call("POST", path, made["token"], json={})
        assert (answer.status, answer.body["code"]) == (409, "several_parts")

    async def test_the_counter_sees_the_room_and_nobody_works_there(self, town: Town) -> None:
        wedding = await town.service("Eheschließung Durchführung")
        [office] = await town.rows("SELECT id FROM office WHERE key = 'standesamt'")
        made = await booked_free(town, await town.hold(wedding["id"]))
        town.clock.set(datetime.fromisoformat(made["starts_at"]) - timedelta(minutes=10))
        await hire(town, "rosa", "clerk", "standesamt")
        async with await sign_in(town, "rosa") as rosa:
            page = await rosa.get(f"/de/counter/{office['id']}")
        assert re.search(r"Durchführung \((Standesbeamt[^,)]+|Trauzimmer \d), [^)]+\)", page.text)
        assert not re.search(r"<(option|button)[^>]*>[^<]*Trauzimmer", page.text)


async def booked_free(town: Town, held: dict[str, Any]) -> dict[str, Any]:
    given = {"hold": held["id"], "contact": KIM}
    made: dict[str, Any] = await town.good("POST", "/api/appointments", held["token"], key=str(uuid4()), json=given)
    assert (await town.checkout(made))["status"] == "confirmed"
    return made


class TestAGroup:
    """Eight places in a session."""

    async def test_never_one_more_than_there_are(self, town: Town, citizen: StaffBrowser) -> None:
        course = await town.service("Einstufungstest")
        [slot, *_] = await town.slots(course["id"])
        assert slot["places"] == 8
        page = await citizen.get(f"/de/times?service={course['id']}&channel=onsite")
        assert "noch 8 Plätze" in page.text
        wanted = {
            "service": course["id"],
            "channel": "onsite",
            "office": slot["office"],
            "starts_at": slot["starts_at"],
        }
        ask = partial(town.call, "POST", "/api/holds", json=wanted)
        assert (await ask(key=str(uuid4()))).status == 201
        assert (await town.slots(course["id"]))[0] == {**slot, "places": 7}
        page = await citizen.get(f"/de/times?service={course['id']}&channel=onsite")
        assert "noch 7 Plätze" in page.text
        answers = await asyncio.gather(*(ask(key=str(uuid4())) for _ in range(20)))
        assert sorted(answer.status for answer in answers) == [201] * 7 + [409] * 13
        assert (await town.slots(course["id"]))[0]["starts_at"] > slot["starts_at"]
        day = slot["starts_at"][:10]
        query = {"service": course["id"], "channel": "onsite", "from": day, "to": "2026-12-18"}
        assert {one["places"] for one in (await town.good("GET", "/api/slots", params=query))["slots"]} == {8}
        await town.assert_sound()

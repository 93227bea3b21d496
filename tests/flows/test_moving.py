"""A booked appointment gets another time on its own pages: the old time is kept until the new one is confirmed."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from booking.queue.arriving import arrive
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import KIM, Town

FREE, PAID, ADVICE = "Wohnsitzanmeldung", "Führungszeugnis", "Beratung zum Baurecht"


@pytest.fixture
async def citizen(town: Town) -> AsyncIterator[StaffBrowser]:
    """Only a browser: nobody signs in."""
    async with StaffBrowser(town) as browser:
        yield browser


async def booked(town: Town, words: str = FREE) -> dict[str, Any]:
    made = await town.appointment(words)
    done = await town.checkout(made)
    if done["pay_url"]:
        await town.pay(done)
        await town.webhooks()
    return made


def link(page: Page, label: str) -> str:
    found = re.findall(r'<a class="kern-btn[^>]*href="([^"]+)">(?:<span[^>]*></span>)?<span[^>]*>([^<]+)', page.text)
    return html.unescape({name: url for url, name in found}[label])


def slots(page: Page) -> list[str]:
    return re.findall(r'name="slot" value="([^"]+)"', page.text)


def form(page: Page) -> tuple[str, dict[str, Any]]:
    """The first of the main part that is sent."""
    action, inner = re.findall(
        r'<form[^>]*method="post" action="([^"]+)"[^>]*>(.*?)</form>', page.text.partition("<main")[2], re.S
    )[0]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', inner)
    return html.unescape(action), {name: html.unescape(value) for name, value in hidden}


async def send(browser: StaffBrowser, page: Page, **more: Any) -> Page:
    action, fields = form(page)
    return await browser.post(action, **(fields | more))


async def to_times(town: Town, citizen: StaffBrowser, made: dict[str, Any]) -> Page:
    case = await citizen.get(f"/de/case/{made['token']}")
    return await citizen.get(link(case, "Andere Zeit"))


async def sell_out(town: Town, service: int, slot: str) -> None:
    office, starts_at = slot.split("@")
    wanted = {"service": service, "channel": "onsite", "office": int(office), "starts_at": starts_at}
    while (await town.call("POST", "/api/holds", key=str(uuid4()), json=wanted)).status == 201:
        pass


async def test_from_the_link_to_another_time(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town, PAID)
    times = await to_times(town, citizen, made)
    assert "Ihr Termin bleibt bestehen, bis Sie eine neue Zeit bestätigt haben." in times.text
    wanted = slots(times)[-1]
    asked = await send(citizen, times, slot=wanted)
    assert (asked.status, asked.url.path) == (200, f"/de/appointments/{made['id']}/move")
    for expected in ("Bisherige Zeit", "Neue Zeit", "13,00\xa0€ bleibt bezahlt", "noch 4-mal verschieben"):
        assert expected in asked.text
    assert (await town.look(made))["starts_at"] == made["starts_at"]  # looking at it moves nothing
    for _ in range(2):  # a button pressed twice
        moved = await send(citizen, asked)
        assert (moved.status, moved.url.path) == (200, f"/de/appointments/{made['id']}")
        assert "Ihr Termin ist bestätigt" in moved.text
    case = await town.look(made)
    assert (case["status"], case["payment"], case["number"], case["moves_left"]) == (
        "confirmed",
        "paid",
        made["number"],
        4,
    )
    assert datetime.fromisoformat(case["starts_at"]) == datetime.fromisoformat(wanted.split("@")[1])
    await town.work()
    told = town.mails()
    assert [subject.split(":")[0].split(" ")[0] for _, subject in told][-1] == "Verschoben"
    first, second = [mail.part("text/calendar") or "" for mail in town.mail.messages]
    uid, sequence = re.compile("^UID:(.*)$", re.M), re.compile(r"^SEQUENCE:(\d+)", re.M)
    assert uid.findall(first) == uid.findall(second)
    assert int(sequence.findall(first)[0]) < int(sequence.findall(second)[0])
    assert "METHOD:REQUEST" in second
    await town.assert_sound()


async def test_taken_meanwhile(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town)
    times = await to_times(town, citizen, made)
    gone = slots(times)[0]
    await sell_out(town, made["service"], gone)
    answer = await send(citizen, times, slot=gone)
    assert answer.status == 409
    assert "Ihr Termin bleibt bestehen" in answer.text
    assert len(slots(answer)) == 3
    assert gone not in slots(answer)
    assert (await town.look(made))["starts_at"] == made["starts_at"]
    english = await citizen.post(f"/en/appointments/{made['id']}/times", **form_of_switch(answer))
    assert english.status == 409
    assert "Your appointment stays as it is" in english.text
    moved = await send(citizen, await send(citizen, answer, slot=slots(answer)[0]))
    assert "Er wurde auf diese Zeit verschoben." in moved.text


async def test_cancelled_in_another_tab_no_other_times_are_offered(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town)
    times = await to_times(town, citizen, made)
    asked = await send(citizen, times, slot=slots(times)[-1])
    assert (await town.cancel(made)).status == 200
    town.clock.advance(hours=1)  # and the reservation has run out
    await town.work()
    for page in (await citizen.get(str(asked.url.relative())), await send(citizen, asked)):
        assert "Ihr Termin ist abgesagt" in page.text
        assert "kann verschoben werden" in page.text
        assert "Ihr Termin bleibt bestehen" not in page.text
        assert slots(page) == []


def form_of_switch(page: Page) -> dict[str, Any]:
    head = page.text.partition("<main")[0]
    return {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', head)
    }


async def test_the_new_time_runs_out(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town)
    times = await to_times(town, citizen, made)
    asked = await send(citizen, times, slot=slots(times)[-1])
    town.clock.advance(minutes=16)
    await town.work()
    for answer in (await send(citizen, asked), await citizen.get(f"{asked.url.raw_path_qs}")):
        assert answer.status == 409
        assert "Ihr Termin bleibt bestehen" in answer.text
        assert len(slots(answer)) == 3
    assert (await town.look(made))["starts_at"] == made["starts_at"]


async def test_as_often_as_is_allowed(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town)
    times, asked = await to_times(town, citizen, made), None
    for _ in range(town.settings.moves_most):
        asked = await send(citizen, times, slot=slots(times)[-1])
        await send(citizen, asked)
        times = await citizen.get(times.url.raw_path_qs)
    assert asked is not None
    assert "Danach kann der Termin nicht noch einmal verschoben werden." in asked.text
    case = await citizen.get(f"/de/appointments/{made['id']}")
    assert "so oft verschoben, wie es möglich ist" in case.text
    assert "Andere Zeit" not in case.text
    refused = await send(citizen, times, slot=slots(times)[0])
    assert refused.status == 409
    assert "Dieser Termin wurde" in refused.text
    assert (await town.look(made))["moves_left"] == 0


async def test_who_has_checked_in_talks_to_the_staff(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town)
    times = await to_times(town, citizen, made)
    asked = await send(citizen, times, slot=slots(times)[-1])
    async with town.worker.db.transaction() as conn:
        assert await arrive(conn, UUID(made["id"]), datetime.fromisoformat(made["starts_at"])) is not None
    for answer in (await send(citizen, asked), await send(citizen, times, slot=slots(times)[0])):
        assert answer.status == 409
        assert "Bitte wenden Sie sich an das Personal" in answer.text
    assert (await town.look(made))["starts_at"] == made["starts_at"]


async def test_nobody_elses_time_and_nobody_elses_case(town: Town, citizen: StaffBrowser) -> None:
    made, other = await booked(town), await booked(town)
    times = await to_times(town, citizen, made)
    foreign = await town.hold(made["service"])
    key: dict[str, Any] = {"request_key": str(uuid4())}
    here = f"/de/appointments/{made['id']}/move"
    assert (await citizen.post(here, hold=foreign["id"], **key)).status == 401
    assert (await citizen.get(f"{here}?hold={foreign['id']}")).status == 401
    asked = await send(citizen, times, slot=slots(times)[-1])
    _, fields = form(asked)
    assert (await citizen.post(f"/de/appointments/{other['id']}/move", **fields)).status == 401
    assert (await citizen.post(here, hold="x", **key)).status == 400
    assert (await citizen.post(here, **key)).status == 400
    assert {(await town.look(one))["starts_at"] for one in (made, other)} == {made["starts_at"], other["starts_at"]}


async def test_by_text_where_there_is_no_address(town: Town, citizen: StaffBrowser) -> None:
    hold = await town.hold((await town.service(FREE))["id"])
    given = {"hold": hold["id"], "contact": {**KIM, "email": None, "mobile": "0151 23456789"}}
    made = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    await town.checkout(made)
    times = await to_times(town, citizen, made)
    await send(citizen, await send(citizen, times, slot=slots(times)[-1]))
    await town.work()
    sent = await town.rows("SELECT template, channel FROM message ORDER BY created_at")
    assert [tuple(row.values()) for row in sent] == [
        ("appointment_confirmed", "sms"),
        ("appointment_moved", "sms"),
    ]
    assert len(town.texts.texts) == 2


async def test_to_a_video_call_and_back(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town, ADVICE)
    here = f"/api/appointments/{made['id']}/move"

    async def move(channel: str) -> Any:
        hold = await town.hold(made["service"], channel)
        given = {"hold": hold["id"], "hold_token": hold["token"]}
        return await town.call("POST", here, made["token"], json=given)

    case = await citizen.get(f"/de/case/{made['token']}")
    assert "Zum Videotermin" not in case.text
    assert (await move("video")).body["channel"] == "video"
    await town.work()
    assert re.search(r"/de/join/\S+", town.mail.messages[-1].part("text/plain") or "")
    assert (await citizen.get(f"/de/appointments/{made['id']}/call", follow=False)).status == 303
    assert (await move("onsite")).body["channel"] == "onsite"
    assert (await citizen.get(f"/de/appointments/{made['id']}/call", follow=False)).status == 404
    assert [room["status"] for room in await town.rows("SELECT status FROM room")] == ["ended"]
    refused = await move("video")
    assert (refused.status, refused.body["code"]) == (409, "call_over")
    refused = await move("phone")
    assert (refused.status, refused.body["code"]) == (409, "no_number")
    assert (await town.look(made))["channel"] == "onsite"
    await town.assert_sound()


async def dearer(town: Town, service: int) -> None:
    """The fee rises today."""
    await town.rows(
        """
        WITH ended AS (UPDATE fee SET valid = 'empty' WHERE service_id = $1 RETURNING currency, legal_basis)
        INSERT INTO fee (service_id, amount_cents, currency, legal_basis) SELECT DISTINCT $1, 2000, currency, legal_basis FROM ended""",
        service,
    )
    await town.rows("UPDATE city SET version = version + 1")
    await town.fresh()


async def test_to_a_dearer_time_by_way_of_the_provider(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town, PAID)
    await dearer(town, made["service"])
    times = await to_times(town, citizen, made)
    asked = await send(citizen, times, slot=slots(times)[-1])
    for expected in ("20,00\xa0€", "Unterschied von 7,00\xa0€", "Zahlungspflichtig verschieben"):
        assert expected in asked.text
    action, fields = form(asked)
    paying = await citizen.post(action, follow=False, **fields)
    assert paying.status == 303
    session = paying.headers["Location"].rsplit("/", 1)[1]
    case = await citizen.get(f"/de/appointments/{made['id']}")
    assert "sobald Sie den Unterschied von 7,00\xa0€ bezahlt haben" in case.text
    assert (await town.look(made))["starts_at"] == made["starts_at"]
    again = await send(citizen, await citizen.get(link(case, "Unterschied bezahlen")))
    assert again.url.host  # to the same session
    await town.sandbox("POST", f"sessions/{session}/pay")
    back = await citizen.get(f"/de/appointments/{made['id']}/moved/{fields['hold']}")
    assert "Er wurde auf diese Zeit verschoben." in back.text
    seen = await town.look(made)
    assert (seen["fee"]["cents"], seen["starts_at"] != made["starts_at"], seen["moves_left"]) == (2000, True, 4)
    await town.webhooks()
    await town.work()
    assert "Den Unterschied von 7,00\xa0€ haben wir erhalten." in (town.mail.messages[-1].part("text/plain") or "")
    cancelled = await town.cancel(made)
    assert sorted(refund["cents"] for refund in cancelled.body["refunds"]) == [700, 1300]
    page = await citizen.get(f"/de/appointments/{made['id']}")
    assert "20,00\xa0€" in page.text
    await town.assert_sound()


async def test_the_difference_is_not_paid(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town, PAID)
    await dearer(town, made["service"])
    hold = await town.hold(made["service"])
    given = {"hold": hold["id"], "hold_token": hold["token"], "return_url": "https://client.example/back"}
    answer = await town.good("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given)
    assert (answer["starts_at"], answer["pay_url"] is None) == (made["starts_at"], False)
    assert (await town.call("DELETE", f"/api/holds/{hold['id']}", hold["token"])).status == 409
    town.clock.advance(minutes=16)
    case = await citizen.get(f"/de/case/{made['token']}")
    assert "wenn nicht, bleibt Ihr Termin, wie er ist" in case.text
    await town.work()
    assert "Eine andere Zeit wartet" not in (await citizen.get(f"/de/appointments/{made['id']}")).text
    over = await town.call("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given)
    assert (over.status, over.body["code"]) == (410, "hold_over")
    statuses = [row["status"] for row in await town.rows("SELECT status FROM payment ORDER BY status")]
    assert statuses == ["fenced", "paid"]
    await town.assert_sound()


async def test_the_till_knows_whose_difference_it_was(town: Town) -> None:
    made = await booked(town, PAID)
    await dearer(town, made["service"])
    hold = await town.hold(made["service"])
    given = {"hold": hold["id"], "hold_token": hold["token"]}
    await town.pay(await town.good("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given))
    await town.webhooks()
    await hire(town, "toni", "finance")
    async with await sign_in(town, "toni") as toni:
        found = await toni.get(f"/de/finance/search?q={made['number']}")
        payments = re.findall(r"/de/finance/payments/([0-9a-f-]{36})", found.text)
        assert len(set(payments)) == 2
        for payment in payments:
            assert made["number"] in (await toni.get(f"/de/finance/payments/{payment}")).text


async def test_the_waiting_time_is_given_back(town: Town, citizen: StaffBrowser) -> None:
    made = await booked(town, PAID)
    await dearer(town, made["service"])
    hold = await town.hold(made["service"])
    given = {"hold": hold["id"], "hold_token": hold["token"]}
    answer = await town.good("POST", f"/api/appointments/{made['id']}/move", made["token"], json=given)
    waits = answer["waiting"]
    assert (waits["hold"], waits["starts_at"], waits["difference"]["cents"]) == (hold["id"], hold["starts_at"], 700)
    case = await citizen.get(f"/de/case/{made['token']}")
    assert "Diese Zeit zurückgeben" in case.text
    action, fields = form(case)
    assert action.endswith("/stay")
    for _ in range(2):  # a button pressed twice
        stays = await citizen.post(action, **fields)
        assert (stays.status, stays.url.path) == (200, f"/de/appointments/{made['id']}")
        assert "Eine andere Zeit wartet" not in stays.text
    assert (await town.look(made))["waiting"] is None
    again = await town.good("POST", f"/api/appointments/{made['id']}/stay", made["token"])
    assert (again["starts_at"], again["status"]) == (made["starts_at"], "confirmed")
    assert (await town.call("POST", f"/api/appointments/{made['id']}/stay", "x")).status == 401
    back = await citizen.get(f"/de/appointments/{made['id']}/move?hold={hold['id']}")
    assert back.status in (401, 409)
    await town.assert_sound()

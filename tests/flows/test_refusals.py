"""Bad input gets a clear error, and nothing is half-done."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from yarl import URL

from tests.town import KIM, Town

FREE = "Wohnsitzanmeldung"


async def test_fifty_want_one_time_and_one_gets_it(town: Town) -> None:
    service = (await town.service("Führerschein"))["id"]
    query = {"service": service, "channel": "onsite", "limit": 50}
    slots = (await town.good("GET", "/api/slots/next", params=query))["slots"]
    slot = slots[0]
    counters = (
        await town.rows(
            "SELECT count(*) FROM counter c JOIN counter_service s ON s.counter_id = c.id "
            "WHERE c.office_id = $1 AND s.service_id = $2 AND c.channel = 'onsite' AND c.is_active",
            slot["office"],
            service,
        )
    )[0]["count"]
    wanted = {"service": service, "channel": "onsite", "office": slot["office"], "starts_at": slot["starts_at"]}
    answers = await asyncio.gather(
        *(town.call("POST", "/api/holds", key=str(uuid4()), json=wanted) for _ in range(50 + counters - 1))
    )
    assert Counter(answer.status for answer in answers) == {201: counters, 409: 49}
    refused = next(answer.body for answer in answers if answer.status == 409)
    assert (refused["code"], len(refused["alternatives"])) == ("slot_taken", 3)
    await town.assert_sound()


async def test_the_same_request_again_is_the_same_hold(town: Town) -> None:
    slot = (await town.slots((await town.service(FREE))["id"]))[0]
    wanted = {"service": (await town.service(FREE))["id"], "channel": "onsite", **_place(slot)}
    key = str(uuid4())
    first, second = [await town.call("POST", "/api/holds", key=key, json=wanted) for _ in range(2)]
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert len(await town.rows("SELECT * FROM claim WHERE kind = 0")) == 1


async def test_a_key_is_good_for_one_request(town: Town) -> None:
    hold = await town.hold((await town.service(FREE))["id"])
    key = str(uuid4())
    given = {"hold": hold["id"], "contact": KIM}
    path = "/api/appointments"
    first = await town.call("POST", path, hold["token"], key=key, json=given)
    again = await town.call("POST", path, hold["token"], key=key, json=given)
    other = await town.call("POST", path, hold["token"], key=key, json={**given, "contact": {**KIM, "name": "Lou"}})
    assert first.body == again.body
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"service": 2**31 - 1}, 404, None),
        ({"office": 2**31 - 1}, 404, None),
        ({"channel": "letter"}, 422, "invalid"),
        ({"starts_at": "2020-01-01T09:00:00Z"}, 422, "start_not_offered"),
        ({"starts_at": "2026-12-02T09:03:00Z"}, 422, "start_not_offered"),
        ({"starts_at": "2036-12-02T09:00:00Z"}, 422, "start_not_offered"),
        ({"starts_at": "2026-12-02T09:00:00"}, 422, "invalid"),
        ({"starts_at": "2026-12-06T09:00:00Z"}, 409, "slot_taken"),  # a Sunday
        ({"more": 1}, 422, "invalid"),
    ],
)
async def test_a_hold_that_cannot_be(town: Town, change: dict[str, Any], status: int, code: str | None) -> None:
    service = (await town.service(FREE))["id"]
    wanted = {"service": service, "channel": "onsite", **_place((await town.slots(service))[0]), **change}
    answer = await town.call("POST", "/api/holds", key=str(uuid4()), json=wanted)
    assert answer.status == status, answer
    if code is not None:
        assert answer.body["code"] == code
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert await town.rows("SELECT * FROM claim WHERE kind = 0") == []


@pytest.mark.parametrize(
    ("contact", "pointer"),
    [
        ({"name": "", "email": "kim@example.org"}, "/contact/name"),
        ({"name": "Kim", "email": "kim@"}, "/contact/email"),
        ({"name": "Kim", "mobile": "12"}, "/contact/mobile"),
        ({"name": "Kim"}, "/contact"),
        ({"name": "Kim\r\nBcc: all@example.org", "email": "kim@example.org"}, "/contact/name"),
        ({"name": "x" * 200, "email": "kim@example.org"}, "/contact/name"),
        ({"name": "Kim", "email": "kim@example.org", "language": "xx"}, "/contact/language"),
    ],
)
async def test_a_contact_that_cannot_be(town: Town, contact: dict[str, Any], pointer: str) -> None:
    hold = await town.hold((await town.service(FREE))["id"])
    given = {"hold": hold["id"], "contact": {"language": "de", **contact}}
    answer = await town.call("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    assert answer.status == 422
    assert any(error["pointer"].startswith(pointer) for error in answer.body["errors"]), answer.body
    assert await town.rows("SELECT * FROM appointment") == []


async def test_nobody_sees_the_case_of_another(town: Town) -> None:
    mine, other = await town.appointment(FREE), await town.appointment(FREE)
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/checkout"), ("GET", "/calendar.ics")):
        for token in (other["token"], "", "x" * 43, None):
            answer = await town.call(method, f"/api/appointments/{mine['id']}{path}", token, key=str(uuid4()))
            assert answer.status == 401, (path, token)
    unknown = await town.call("GET", f"/api/appointments/{uuid4()}", mine["token"])
    assert unknown.status == 401  # an unknown id is told from a foreign one by nobody


async def test_five_megabytes_are_refused_before_they_are_read(town: Town) -> None:
    answer = await town.call(
        "POST",
        "/api/holds",
        key=str(uuid4()),
        data=io.BytesIO(b"x" * 5_000_000),
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status, answer.body["code"]) == (413, "too_large")


async def test_what_has_begun_cannot_be_cancelled(town: Town) -> None:
    made = await town.appointment(FREE)
    await town.checkout(made)
    town.clock.advance(days=3)
    answer = await town.cancel(made)
    assert (answer.status, answer.body["code"]) == (409, "too_late")
    assert (await town.look(made))["status"] == "confirmed"


async def test_a_hold_that_is_over_takes_no_contact(town: Town) -> None:
    hold = await town.hold((await town.service(FREE))["id"])
    town.clock.advance(minutes=15, seconds=1)
    given = {"hold": hold["id"], "contact": KIM}
    answer = await town.call("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    assert (answer.status, answer.body["code"]) == (410, "hold_over")
    assert timedelta(minutes=15) == timedelta(minutes=town.settings.hold_minutes)


@pytest.mark.parametrize(
    "path", ["/de/services/x", "/de/nothing", "/xx/", "/de/times?service=1&channel=x", "/de/holds/1"]
)
async def test_a_page_that_is_not_there_says_so_in_the_readers_language(town: Town, path: str) -> None:
    async with town.http.get(town.origin + path, headers={"Accept": "text/html", "Accept-Language": "de"}) as response:
        assert response.status in (404, 422)
        assert response.content_type == "text/html"
        text = await response.text()
        assert '<html lang="de"' in text
        assert "Traceback" not in text


def _place(slot: dict[str, Any]) -> dict[str, Any]:
    return {"office": slot["office"], "starts_at": slot["starts_at"]}


async def test_pages_for_everybody_are_compressed_and_those_of_a_case_are_not(town: Town) -> None:
    made = await town.appointment(FREE)
    headers = {"Accept": "text/html", "Accept-Encoding": "gzip", "Authorization": f"Bearer {made['token']}"}
    for path, encoding in (("/de/", "gzip"), (f"/de/appointments/{made['id']}", None)):
        async with town.http.get(town.origin + path, headers=headers) as response:
            assert (response.status, response.headers.get("Content-Encoding")) == (200, encoding)


@pytest.mark.parametrize("bad", ["%00", "Kim%00Mustermann"], ids=["alone", "inside"])
@pytest.mark.parametrize(
    "path", ["/api/services?q={}", "/de/?q={}", "/de/services/1?age={}", "/de/join/{}", "/de/case/{}"]
)
async def test_a_nul_in_an_address_is_refused(town: Town, path: str, bad: str) -> None:
    url = URL(town.origin + path.format(bad), encoded=True)
    async with town.http.get(url, headers={"Accept": "text/html"}) as page:
        is_page = "text/html" in page.headers["Content-Type"]
        assert (page.status, is_page) == (400, not path.startswith("/api/"))
    async with town.http.get(url) as problem:
        assert (problem.status, (await problem.json())["code"]) == (400, "malformed")


@pytest.mark.parametrize("bad", ["Kim\0Mustermann", "Kim \ud800"], ids=["NUL", "half a character"])
async def test_texts_that_no_database_takes_are_refused(town: Town, bad: str) -> None:
    hold = await town.hold((await town.service(FREE))["id"])
    given = {"hold": hold["id"], "contact": {**KIM, "name": bad}}
    answer = await town.call("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    assert (answer.status, answer.body["code"]) == (400, "malformed")


async def test_a_nul_in_a_form_is_refused(town: Town) -> None:
    headers = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
    for typed in ("next=Kim%00&login=kim&password=x", "q%00=&login=kim&password=x"):
        async with town.http.post(f"{town.origin}/de/staff/sign-in", data=typed, headers=headers) as page:
            assert (page.status, page.content_type) == (400, "text/html")


async def test_a_correction_that_comes_after_booking_is_said_to_be_too_late(town: Town) -> None:
    hold = await town.hold((await town.service(FREE))["id"])
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    await town.checkout(made)
    typed = {**KIM, "name": "Lou", "request_key": str(uuid4())}
    page = await town.call("POST", f"/de/holds/{hold['id']}", made["token"], data=typed)
    assert page.status == 200
    assert "wurde nicht übernommen" in page.body
    seen = await town.call("GET", f"/de/appointments/{made['id']}", made["token"])
    assert "wurde nicht übernommen" not in seen.body


async def test_another_time_chosen_from_a_wrong_correction_replaces_the_time_that_is_held(town: Town) -> None:
    hold = await town.hold((await town.service(FREE))["id"])
    given = {"hold": hold["id"], "contact": KIM}
    made = await town.good("POST", "/api/appointments", hold["token"], key=str(uuid4()), json=given)
    wrong = {**KIM, "email": "nonsense", "request_key": str(uuid4())}
    page = await town.call("POST", f"/de/holds/{hold['id']}", made["token"], data=wrong)
    assert page.status == 422
    assert f"instead={made['id']}" in page.body

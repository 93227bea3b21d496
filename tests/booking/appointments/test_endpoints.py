"""The API of slots, holds and appointments as one walk, and its refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Middleware

from base.clock import Clock
from base.config import Settings
from base.db import Database
from base.i18n import Translations
from base.web import ACCESS, CLOCK, SETTINGS, TRANSLATIONS, AccessCheck
from base.web.guard import Access
from base.web.kept import Kept
from base.web.problems import problems
from booking.appointments import endpoints as appointments
from booking.availability import endpoints as availability
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.usecases import Catalogue
from booking.holds import endpoints as holds
from tests.booking.appointments.world import ANNA, CaseWorld, case_world

TABLE = [*availability.ENDPOINTS, *holds.ENDPOINTS, *appointments.ENDPOINTS]
CONTACT = {"name": "Anna", "email": "anna@example.org", "language": "de"}
ANY: dict[str, Any] = {"service": 1, "channel": "onsite"}
DAY: dict[str, str] = {"from": "2026-12-01", "to": "2026-12-01"}


@dataclass
class Api:
    world: CaseWorld
    client: TestClient[web.Request, web.Application]

    async def __call__(
        self, method: str, path: str, *, token: str = "", key: str = "", json: Any = None, **query: Any
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        async with self.client.request(method, path, headers=headers, json=json, params=query) as response:
            is_json = response.content_type.endswith("json")
            return response.status, await response.json() if is_json else await response.text()

    def wanted(self, starts_at: str = "2026-12-01T08:00:00Z", **other: Any) -> dict[str, Any]:
        return {"service": self.world.city.service_id, "channel": "onsite", "office": self.world.city.office} | {
            "starts_at": starts_at,
            **other,
        }


@pytest.fixture
async def api(db: Database) -> AsyncIterator[Api]:
    async with case_world(db) as world:
        guard = Access({(endpoint.method, endpoint.path): endpoint for endpoint in TABLE})
        app = web.Application(middlewares=cast("list[Middleware]", [problems, guard.middleware()]))
        app[SETTINGS] = Settings(database_url="", secret_key="")
        clock: Clock = world.clock
        app[CLOCK] = clock
        app[TRANSLATIONS] = Translations.load()
        checks: Mapping[str, AccessCheck] = {"hold": world.holds.authorise, "case": world.appointments.authorise}
        app[ACCESS] = checks
        app[CATALOGUE] = Catalogue(db, clock)
        app[availability.AVAILABILITY] = world.availability
        app[availability.KNOWN] = Kept()
        app[CATALOGUE] = Catalogue(db, clock)
        app[holds.HOLDS] = world.holds
        app[appointments.APPOINTMENTS] = world.appointments
        app.add_routes([web.route(endpoint.method, endpoint.path, endpoint.handler) for endpoint in TABLE])
        async with TestClient(TestServer(app)) as client:
            yield Api(world, client)


async def test_the_whole_way(api: Api) -> None:
    service = api.world.city.service_id
    status, found = await api("GET", "/api/slots/next", service=service, channel="onsite")
    assert (status, len(found["slots"])) == (200, 3)
    first = found["slots"][0]
    assert first == {"office": 1, "starts_at": "2026-12-01T07:00:00Z", "ends_at": "2026-12-01T07:20:00Z"}

    key = uuid4().hex
    status, hold = await api("POST", "/api/holds", key=key, json=api.wanted(first["starts_at"]))
    assert (status, hold["status"], hold["fee"]) == (201, "held", {"cents": 3700, "currency": "EUR"})
    assert await api("POST", "/api/holds", key=key, json=api.wanted(first["starts_at"])) == (201, hold)
    assert await api("GET", f"/api/holds/{hold['id']}", token=hold["token"]) == (200, hold)

    body = {"hold": hold["id"], "contact": CONTACT}
    status, made = await api("POST", "/api/appointments", key=key, token=hold["token"], json=body)
    assert (status, made["status"], made["payment"]) == (201, "held", None)
    assert await api("POST", "/api/appointments", key=key, token=hold["token"], json=body) == (201, made)

    path, token = f"/api/appointments/{made['id']}", made.pop("token")
    assert await api("GET", path, token=token) == (200, made)
    status, checkout = await api("POST", f"{path}/checkout", token=token)
    assert (status, checkout["status"]) == (200, "held")
    assert checkout["pay_url"].startswith("https://pay.example/")
    payment = (await api.world.appointments.case(made["id"])).payment
    assert payment is not None
    assert payment.return_url == f"http://localhost:8080/de/appointments/{made['id']}/paid"
    api.world.provider.pay(payment.id)
    await api.world.payments.settle(payment.id)
    assert await api("POST", f"{path}/checkout", token=token) == (200, {"status": "confirmed", "pay_url": None})
    status, file = await api("GET", f"{path}/calendar.ics", token=token)
    assert (status, file[:15]) == (200, "BEGIN:VCALENDAR")
    for _ in range(2):
        status, gone = await api("POST", f"{path}/cancel", token=token)
        assert (status, gone["status"]) == (200, "cancelled")
        assert gone["refunds"] == [
            {"cents": 3700, "currency": "EUR", "status": "succeeded", "waits_for_dispute": False}
        ]


RETURN_URLS = {
    "https://client.example/back?case=1": True,
    "https://[2001:db8::1]:8443/": True,
    "http://localhost:8080/de/thanks": True,
    "http://client.example/back": False,
    "http://localhost:8081/": False,
    "http://localhost@client.example/": False,
    "https://user:word@client.example/": False,
    "https://client.example:port/": False,
    "https:///back": False,
    "https://client.example/a b": False,
    "https://client.example/\n": False,
    "javascript:alert(1)": False,
    "//client.example": False,
    "": False,
    "https://client.example/" + "x" * 478: False,
}


async def test_a_client_says_where_its_payer_comes_back_to(api: Api) -> None:
    created = await api.world.create()
    path = f"/api/appointments/{created.case.id}/checkout"
    for url, is_good in sorted(RETURN_URLS.items(), key=lambda pair: pair[1]):
        status, answer = await api("POST", path, token=created.token, json={"return_url": url})
        assert status == (200 if is_good else 422), url
        if not is_good:
            assert [error["pointer"] for error in answer["errors"]] == ["/return_url"], url
            assert (await api.world.appointments.case(created.case.id)).payment is None
            continue
        payment = (await api.world.appointments.case(created.case.id)).payment
        assert payment is not None
        assert payment.return_url == url
        assert created.token not in payment.return_url
        await api.world.payments.fence(payment.id)  # so that the next one is made anew
        api.world.clock.advance(seconds=5)
    assert (await api("POST", path, token=created.token, json={"url": "x"}))[0] == 422
    assert (await api("POST", path, token=created.token, json={}))[0] == 200


async def test_tokens_open_what_they_belong_to_and_nothing_else(api: Api) -> None:
    one = await api.world.hold(api.world.availability.next_free(1, "onsite", None)[0].starts_at)
    other = await api.world.hold(one.starts_at)
    body = {"hold": str(one.id), "contact": CONTACT}
    for token in ("", "x", other.token, "ÿ"):
        assert (await api("GET", f"/api/holds/{one.id}", token=token))[0] == 401
        assert (await api("DELETE", f"/api/holds/{one.id}", token=token))[0] == 401
        assert (await api("POST", "/api/appointments", token=token, key="0123456789abcdef", json=body))[0] == 401
    made = await api.world.appointments.create(one.id, ANNA, "key")
    for token in ("", one.token, "ÿ"):
        for method, tail in (("GET", ""), ("POST", "/checkout"), ("POST", "/cancel"), ("GET", "/calendar.ics")):
            assert (await api(method, f"/api/appointments/{made.case.id}{tail}", token=token))[0] == 401
    assert (await api("GET", f"/api/appointments/{uuid4()}", token=made.token))[0] == 401
    assert (await api("GET", "/api/appointments/none", token=made.token))[0] == 404
    assert (await api("DELETE", f"/api/holds/{one.id}", token=one.token))[1]["code"] == "hold_in_use"
    assert (await api("DELETE", f"/api/holds/{other.id}", token=other.token))[0] == 204


async def test_a_slot_that_is_gone_brings_three_others(api: Api) -> None:
    for _ in range(2):
        assert (await api("POST", "/api/holds", key=uuid4().hex, json=api.wanted()))[0] == 201
    status, problem = await api("POST", "/api/holds", key=uuid4().hex, json=api.wanted())
    assert (status, problem["code"]) == (409, "slot_taken")
    assert [slot["starts_at"] for slot in problem["alternatives"]] == [
        "2026-12-01T08:20:00Z",
        "2026-12-01T07:40:00Z",
        "2026-12-01T08:40:00Z",
    ]


async def test_wrong_requests_are_refused_and_leave_nothing(api: Api, db: Database) -> None:
    key = uuid4().hex
    for body, key_sent, expected in (
        (api.wanted(), "", (400, "idempotency_key_needed")),
        (api.wanted(), "short", (400, "idempotency_key_needed")),
        (api.wanted(service=99), key, (404, "not_offered")),
        (api.wanted(channel="video"), key, (404, "not_offered")),
        (api.wanted(office=99), key, (404, "not_offered")),
        (api.wanted("2026-12-01T08:10:00Z"), key, (422, "start_not_offered")),
        (api.wanted("2020-01-01T08:00:00Z"), key, (422, "start_not_offered")),
        (api.wanted("0001-01-01T00:00:00+14:00"), key, (422, "start_not_offered")),
        (api.wanted("9999-12-31T23:59:59-12:00"), key, (422, "start_not_offered")),
        (api.wanted("2026-12-01T08:00:00"), key, (422, "invalid")),
        (api.wanted(service=2**40, more=1), key, (422, "invalid")),
        ([], key, (422, "invalid")),
    ):
        status, problem = await api("POST", "/api/holds", key=key_sent, json=body)
        assert (status, problem["code"]) == expected, body
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM claim WHERE kind = 0") == 0


async def test_a_wrong_contact_names_every_field(api: Api) -> None:
    hold = (await api("POST", "/api/holds", key=uuid4().hex, json=api.wanted()))[1]
    body = {"hold": hold["id"], "contact": {"name": "", "email": "x", "language": "xx"}}
    status, problem = await api("POST", "/api/appointments", key=uuid4().hex, token=hold["token"], json=body)
    assert (status, [error["pointer"] for error in problem["errors"]]) == (
        422,
        ["/contact/name", "/contact/email", "/contact/language"],
    )


class TestSlots:
    async def test_a_window_of_days(self, api: Api) -> None:
        status, found = await api("GET", "/api/slots", service=1, channel="onsite", office=1, **DAY)
        assert (status, len(found["slots"])) == (200, 12)

    async def test_unchanged_is_304(self, api: Api) -> None:
        query: dict[str, str] = {"service": "1", "channel": "onsite"} | DAY
        async with api.client.get("/api/slots", params=query) as response:
            etag = response.headers["ETag"]
        for is_changed in (False, True):
            if is_changed:
                for _ in range(2):
                    await api("POST", "/api/holds", key=uuid4().hex, json=api.wanted())
            async with api.client.get("/api/slots", params=query, headers={"If-None-Match": etag}) as response:
                assert response.status == (200 if is_changed else 304)
                assert (response.headers["ETag"] == etag) is not is_changed

    async def test_days_that_are_over_are_left_out(self, api: Api) -> None:
        for first, last, slots in (
            ("2026-11-20", "2026-12-01", 12),
            ("2026-11-20", "2026-11-30", 0),
            ("2020-01-01", "2020-12-31", 0),
        ):
            query: dict[str, Any] = {"service": 1, "channel": "onsite", "from": first, "to": last}
            status, found = await api("GET", "/api/slots", **query)
            assert (status, len(found["slots"])) == (200, slots)

    async def test_refusals(self, api: Api) -> None:
        refusals: list[tuple[dict[str, Any], int]] = [
            ({"from": "2026-12-01", "to": "2027-01-01"}, 422),
            ({"from": "2026-12-02", "to": "2026-12-01"}, 422),
            ({"from": "9999-12-01", "to": "9999-12-31"}, 422),
            ({"from": "2026-12-01"}, 422),
            (DAY | {"service": 0}, 422),
            (DAY | {"service": 99}, 404),
            (DAY | {"channel": "pigeon"}, 422),
            (DAY | {"channel": "video"}, 404),
            (DAY | {"office": 99}, 404),
            (DAY | {"more": 1}, 422),
        ]
        for query, status in refusals:
            assert (await api("GET", "/api/slots", **(ANY | query)))[0] == status, query


async def test_a_case_moves_to_a_hold_that_the_caller_has(api: Api) -> None:
    created = await api.world.create()
    await api.world.paid(created.case.id)
    path = f"/api/appointments/{created.case.id}/move"
    hold = (await api("POST", "/api/holds", key=uuid4().hex, json=api.wanted("2026-12-01T09:00:00Z")))[1]
    wanted = {"hold": hold["id"], "hold_token": hold["token"]}
    assert (await api("POST", path, json=wanted))[0] == 401
    assert (await api("POST", path, token=created.token, json=wanted | {"hold_token": "guessed"}))[0] == 401
    for _ in range(2):
        status, moved = await api("POST", path, token=created.token, json=wanted)
        assert (status, moved["status"], moved["starts_at"]) == (200, "confirmed", "2026-12-01T09:00:00Z")
        assert moved["number"] == created.case.number

"""The edge: refusals are problem documents, bodies are checked whole, strangers and other sites stay outside."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pytest_aiohttp.plugin import AiohttpClient

from base.config import Settings
from base.errors import Conflict
from base.i18n import Translations
from base.web import (
    ACCESS,
    ANYONE,
    CASE,
    SETTINGS,
    TRANSLATIONS,
    Endpoint,
    body,
    form,
    path_number,
    query,
    reply,
    set_token_cookie,
)
from base.web.guard import Access, same_origin, security_headers
from base.web.problems import problems

CASE_ID = UUID("11111111-1111-4111-8111-111111111111")
Client = TestClient[web.Request, web.Application]


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=2)
    at: AwareDatetime
    count: int = 1


class Search(BaseModel):
    model_config = ConfigDict(extra="forbid")
    office: list[int] = Field(default_factory=list)
    limit: int = Field(default=3, ge=1, le=9)


class SlotGone(Conflict):
    code = "slot_gone"
    message = "{count} others were faster."


async def wish(request: web.Request) -> web.Response:
    return reply(await body(request, Wish), status=201)


async def search(request: web.Request) -> web.Response:
    return reply(query(request, Search))


async def number(request: web.Request) -> web.Response:
    return reply({"number": path_number(request, "number")})


async def fail(request: web.Request) -> web.Response:
    raise RuntimeError("a secret of the inside")


async def gone(request: web.Request) -> web.Response:
    raise SlotGone(count=3, alternatives=[1, 2])


async def fields(request: web.Request) -> web.Response:
    return reply(dict(await form(request)))


async def case(request: web.Request) -> web.Response:
    response = reply({"case": request.match_info["appointment"]})
    set_token_cookie(request, response, "case", CASE_ID, "secret")
    return response


async def cookies(request: web.Request) -> web.Response:
    response = reply({})
    set_token_cookie(request, response, "hold" if request.match_info["kind"] == "hold" else "case", CASE_ID, "secret")
    return response


ENDPOINTS = [
    Endpoint(method="GET", path="/api/cookies/{kind}", handler=cookies, who=ANYONE, summary=""),
    Endpoint(method="POST", path="/api/wish", handler=wish, who=ANYONE, summary=""),
    Endpoint(method="GET", path="/api/search", handler=search, who=ANYONE, summary=""),
    Endpoint(method="GET", path="/api/number/{number}", handler=number, who=ANYONE, summary=""),
    Endpoint(method="GET", path="/api/fail", handler=fail, who=ANYONE, summary=""),
    Endpoint(method="GET", path="/api/gone", handler=gone, who=ANYONE, summary=""),
    Endpoint(method="POST", path="/fields", handler=fields, who=ANYONE, summary=""),
    Endpoint(method="GET", path="/api/case/{appointment}", handler=case, who=CASE, summary=""),
]


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Client:
    settings = Settings(database_url="", secret_key="k" * 32, public_url="http://termin.example")
    guard = Access({(e.method, e.path): e for e in ENDPOINTS})
    app = web.Application(middlewares=[problems, same_origin, guard.middleware()], client_max_size=1000)  # type: ignore[list-item]
    app[SETTINGS] = settings
    app[TRANSLATIONS] = Translations.load()

    async def belongs(ident: UUID, token: str) -> bool:
        return (ident, token) == (CASE_ID, "secret")

    app[ACCESS] = {"case": belongs}
    app.add_routes([web.route(e.method, e.path, e.handler) for e in ENDPOINTS])
    app.router.add_get("/unlisted", fail)
    app.on_response_prepare.append(_secure)
    return await aiohttp_client(app)


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(security_headers(request.app[SETTINGS]))


async def problem(client: Client, method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
    async with client.request(method, path, **more) as response:
        assert response.content_type == "application/problem+json"
        document: dict[str, Any] = await response.json()
        assert document["status"] == response.status
        return response.status, document


async def test_all_wrong_fields_are_named_at_once(client: Client) -> None:
    status, document = await problem(
        client, "POST", "/api/wish", json={"name": "x", "at": "2026-12-01T09:00", "more": 1}
    )
    assert status == 422
    assert {(e["pointer"], e["code"]) for e in document["errors"]} == {
        ("/name", "string_too_short"),
        ("/at", "timezone_aware"),
        ("/more", "extra_forbidden"),
    }


async def test_a_good_body_is_taken(client: Client) -> None:
    async with client.post("/api/wish", json={"name": "Kim", "at": "2026-12-01T09:00:00+01:00"}) as response:
        assert response.status == 201
        assert await response.json() == {"name": "Kim", "at": "2026-12-01T09:00:00+01:00", "count": 1}


@pytest.mark.parametrize(
    ("raw", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 900, "application/json", 400),
        (b'{"name": NaN}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b"x" * 2000, "application/json", 413),
    ],
)
async def test_a_body_that_cannot_be_read(client: Client, raw: bytes, media: str, status: int) -> None:
    found, _ = await problem(client, "POST", "/api/wish", data=raw, headers={"Content-Type": media})
    assert found == status


async def test_queries(client: Client) -> None:
    async with client.get("/api/search?office=1&office=2") as response:
        assert await response.json() == {"office": [1, 2], "limit": 3}
    status, document = await problem(client, "GET", "/api/search?limit=10&what=1")
    assert (status, len(document["errors"])) == (422, 2)


@pytest.mark.parametrize("number", ["-1", "x", "99999999999", "2147483648", "%D9%A1"])
async def test_numbers_in_a_path(client: Client, number: str) -> None:
    status, _ = await problem(client, "GET", f"/api/number/{number}")
    assert status == 404


async def test_an_error_of_ours_shows_an_id_only(client: Client) -> None:
    status, document = await problem(client, "GET", "/api/fail")
    assert status == 500
    assert "secret" not in str(document)
    assert document["incident"] in document["title"]


async def test_a_refusal_carries_its_fields_and_speaks_the_readers_language(client: Client) -> None:
    status, document = await problem(client, "GET", "/api/gone", headers={"Accept-Language": "en"})
    assert (status, document["title"], document["alternatives"]) == (409, "3 others were faster.", [1, 2])


async def test_404_and_405_are_problems_too(client: Client) -> None:
    assert (await problem(client, "GET", "/api/nothing"))[0] == 404
    async with client.delete("/api/wish") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_a_case_opens_with_its_token_only(client: Client) -> None:
    path = f"/api/case/{CASE_ID}"
    for headers in (
        {},
        {"Authorization": "Bearer other"},
        {"Authorization": "Basic secret"},
        {"Cookie": f"case-{uuid4()}=secret"},
    ):
        assert (await problem(client, "GET", path, headers=headers))[0] == 401
    assert (await problem(client, "GET", f"/api/case/{uuid4()}", headers={"Authorization": "Bearer secret"}))[0] == 401
    assert (await problem(client, "GET", "/api/case/1", headers={"Authorization": "Bearer secret"}))[0] == 404
    async with client.get(path, headers={"Authorization": "Bearer secret"}) as response:
        assert response.status == 200
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


async def test_a_route_outside_the_table_is_not_reachable(client: Client) -> None:
    assert (await problem(client, "GET", "/unlisted"))[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://termin.example"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_forms_from_other_sites_are_refused(client: Client, headers: dict[str, str], status: int) -> None:
    async with client.post("/fields", data={"a": "1"}, headers=headers) as response:
        assert response.status == status


async def test_headers_are_strict(client: Client) -> None:
    async with client.get("/api/search") as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("kind", ["case", "hold"])
async def test_a_browser_keeps_the_newest_tokens_only(client: Client, kind: str) -> None:
    """Ninety of them are more than a server reads of a request's headers: then every page is refused."""
    sent = [f"{kind}-{UUID(int=n)}" for n in range(1, 13)]
    header = "; ".join([*(f"{name}=x" for name in sent), f"{kind}-{CASE_ID}=old", f"{kind}-odd=x", "other=x"])
    async with client.get(f"/api/cookies/{kind}", headers={"Cookie": header}) as response:
        answered = {name: morsel["max-age"] for name, morsel in response.cookies.items()}
    life = "1200" if kind == "hold" else ""
    assert answered == {**dict.fromkeys(sent[:5], "0"), f"{kind}-{CASE_ID}": life}

"""The catalogue over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from base.clock import SettableClock
from base.db import Database
from base.errors import DomainError
from booking.catalogue.endpoints import CATALOGUE, ENDPOINTS
from booking.catalogue.usecases import Catalogue
from tests.booking.catalogue.folders import folder


@web.middleware
async def refusals(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except DomainError as error:
        return web.json_response({"code": error.code}, status=error.status)
    return answer


@pytest_asyncio.fixture
async def client(db: Database, clock: SettableClock, tmp_path: Path) -> Any:
    app = web.Application(middlewares=[refusals])
    app[CATALOGUE] = Catalogue(db, clock)
    app.add_routes([web.route(e.method, e.path, e.handler) for e in ENDPOINTS])
    await app[CATALOGUE].import_folder(folder(tmp_path / "mini"))
    async with TestClient(TestServer(app)) as made:
        yield made


async def get(client: Any, path: str) -> Any:
    async with client.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_search_then_look(client: Any) -> None:
    (found,) = (await get(client, "/api/services?q=perso&language=en"))["services"]
    assert found == {
        "id": found["id"],
        "key": "ausweis",
        "name": "Identity card",
        "summary": "",
        "channels": ["onsite"],
        "duration_min": 15,
        "most": 1,
        "further_min": None,
        "fee": {"cents": 3700, "currency": "EUR", "legal_basis": "§ 1"},
    }
    detail = await get(client, f"/api/services/{found['id']}?language=de")
    assert detail["name"] == "Personalausweis"
    assert detail["leika_key"] == "99008001000000"
    assert [office["key"] for office in detail["offices"]["onsite"]] == ["rathaus"]


async def test_offices_by_service_and_channel(client: Any) -> None:
    assert [o["name"] for o in (await get(client, "/api/offices"))["offices"]] == ["Rathaus"]
    (found,) = (await get(client, "/api/services?q=perso"))["services"]
    assert (await get(client, f"/api/offices?service={found['id']}&channel=video")) == {"offices": []}


REFUSALS = [
    ("/api/services/999999", 404, "not_found"),
    ("/api/services/x", 404, "not_found"),
    ("/api/services?limit=0", 422, "invalid"),
    ("/api/services?language=fr", 422, "invalid"),
    ("/api/services?nonsense=1", 422, "invalid"),
    ("/api/services?q=" + "x" * 201, 422, "invalid"),
    ("/api/offices?service=999999", 404, "not_found"),
    ("/api/offices?channel=fax", 422, "invalid"),
]


async def test_refusals(client: Any) -> None:
    for path, status, code in REFUSALS:
        async with client.get(path) as response:
            assert (path, response.status, (await response.json())["code"]) == (path, status, code)

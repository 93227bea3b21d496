"""A document sent with a request, on its page and over the API, and read by staff who confirm it."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from booking.allocation.documents import MOST_BYTES
from tests.booking.allocation.test_documents import PDF, PNG
from tests.flows.test_allocation import SERVICE, ask
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import Town


@pytest.fixture
async def service(town: Town) -> int:
    ident: int = (await town.service(SERVICE))["id"]
    await town.rows("INSERT INTO allocation_service (service_id) VALUES ($1)", ident)
    await town.fresh()
    return ident


def file(raw: bytes, key: str = "", name: str = "Mein Pass.pdf") -> Any:
    form = aiohttp.FormData()
    form.add_field("request_key", key or str(uuid4()))
    form.add_field("file", BytesIO(raw), filename=name, content_type="application/pdf")
    return form


async def send(citizen: StaffBrowser, request: str, raw: bytes, key: str = "") -> Page:
    return await citizen.ask("POST", f"{request}/documents", data=file(raw, key))


async def test_sent_read_and_removed(town: Town, service: int) -> None:
    async with StaffBrowser(town) as citizen, StaffBrowser(town) as stranger:
        request, key = await ask(town, citizen, service), str(uuid4())
        assert 'enctype="multipart/form-data"' in (await citizen.get(request)).text
        for _twice in range(2):
            sent = await send(citizen, request, PDF, key)
            assert (sent.status, sent.text.count("PDF, 1 KB</span>")) == (200, 1)
        assert (await send(stranger, request, PDF)).status == 401
        await hire(town, "rosa", "allocation")
        await hire(town, "clara", "clerk", "buergerbuero-mitte")
        async with await sign_in(town, "rosa") as rosa, await sign_in(town, "clara") as clara:
            work = await rosa.get("/de/allocation/")
            [url] = re.findall(r'href="(/api/allocation/documents/[^"]*)"', work.text)
            async with rosa.http.get(town.origin + url) as answer:
                assert (answer.status, answer.content_type, await answer.read()) == (200, "application/pdf", PDF)
                assert re.fullmatch(
                    r'attachment; filename="nachweis-\w{8}\.pdf"', answer.headers["Content-Disposition"]
                )
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-store"
            for nobody in (clara, citizen):
                assert (await nobody.get(url, headers={"Accept": "application/json"})).status in (401, 403)
        [remove] = re.findall(r'action="([^"]*/remove)"', (await citizen.get(request)).text)
        for _twice in range(2):
            assert "PDF, 1 KB" not in (await citizen.post(remove)).text
        assert await town.rows("SELECT id FROM allocation_document") == []


async def test_what_is_not_taken_is_said_on_the_page(town: Town, service: int) -> None:
    async with StaffBrowser(town) as citizen:
        request = await ask(town, citizen, service)
        for raw, said in (
            (b"", "Wählen Sie eine Datei"),
            (b"<html>", "weder PDF noch JPEG noch PNG"),
            (PDF + bytes(MOST_BYTES), "größer als 5 MB"),
        ):
            page = await send(citizen, request, raw)
            assert (page.status, said in page.text, 'href="#file"' in page.text) == (422, True, True)
        far_too_large = await send(citizen, request, PDF + bytes(2 * MOST_BYTES))
        assert far_too_large.status == 413
        assert "größer als 5 MB" in far_too_large.text
        assert 'type="file"' in far_too_large.text  # another can be chosen
        assert (await citizen.post(f"{request}/documents", request_key=str(uuid4()))).status == 415
        big = await citizen.post(f"{request}/withdraw", because="x" * 300_000)
        assert (big.status, "Nimmt teil" in big.text) != (200, True)  # every other route keeps its limit
        assert await town.rows("SELECT id FROM allocation_document") == []


async def test_over_the_api(town: Town, service: int) -> None:
    async with StaffBrowser(town) as citizen:
        request = await ask(town, citizen, service)
        ident = request.rsplit("/", 1)[1]
        token = town.worker.sealer.mac(f"allocation-request:{ident}")
        url, key = f"{town.origin}/api/allocation/requests/{ident}/documents", str(uuid4())
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            for _twice in range(2):
                async with http.post(url, data=file(PNG), headers=headers) as answer:
                    assert answer.status == 201
            async with http.get(url, headers=headers) as answer:
                made = await answer.json()
                assert [one["kind"] for one in made["documents"]] == ["png"]
            async with http.post(url, data=file(b"GIF89a"), headers=headers) as answer:
                assert (answer.status, (await answer.json())["code"]) == (422, "not_a_document")
            async with http.post(url, data=file(PNG)) as answer:
                assert answer.status == 401
            document = made["documents"][0]["id"]
            async with http.post(f"{url}/{document}/remove", headers=headers) as answer:
                assert await answer.json() == {"documents": []}

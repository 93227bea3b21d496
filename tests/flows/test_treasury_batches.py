"""A closed day on its way to the treasury: made by finance, fetched to the byte, acknowledged by the treasury, over pages and API."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from contextlib import AsyncExitStack
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from payment.endpoints import LEDGERS
from payment.ledgers.usecases import Ledgers
from tests.flows.test_till import paid
from tests.staff import StaffBrowser, hire, sign_in, words
from tests.town import Town

BATCHES = "/de/finance/batches"
API = "/api/finance/batches"
DAY = "2026-12-01"


@pytest.fixture
async def staff(town: Town) -> Any:
    """A day with one payment is over and closed."""
    await paid(town)
    town.clock.advance(hours=20)
    ids = {role: await hire(town, role, role) for role in ("finance", "treasury", "auditor")}
    ledgers: Ledgers = town.app[LEDGERS]
    await ledgers.close(date(2026, 12, 1), by=ids["treasury"])
    async with AsyncExitStack() as stack:
        yield {role: await stack.enter_async_context(await sign_in(town, role)) for role in ids}


async def test_finance_makes_a_batch_and_the_treasury_acknowledges_it(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    finance, treasury = staff["finance"], staff["treasury"]
    text = words(await finance.get(BATCHES))
    assert "kein Stapel erstellt Stapel vom 01.12.2026 erstellen" in text
    assert "erstellen" not in words(await treasury.get(BATCHES)).partition("Noch nicht quittiert")[2]
    page = await finance.post(f"{BATCHES}/days/{DAY}")
    assert page.url.path == f"{BATCHES}/1"
    assert "Quittiert noch nicht" in words(page)
    assert (await finance.post(f"{BATCHES}/days/{DAY}")).url.path == f"{BATCHES}/1"  # clicked twice
    assert "Stapel quittieren" not in words(page)
    wrong = await treasury.post(f"{BATCHES}/1/acknowledge", reference="  ")
    assert (wrong.status, "1 bis 100 Zeichen" in words(wrong)) == (422, True)
    done = await treasury.post(f"{BATCHES}/1/acknowledge", reference="HKR 2026/4711")
    assert "Nummer der Stadtkasse HKR 2026/4711" in words(done)
    again = await treasury.post(f"{BATCHES}/1/acknowledge", reference="another")
    assert (again.status, "Dieser Stapel ist schon quittiert." in words(again)) == (409, True)
    assert "Die Stadtkasse hat jeden abgeschlossenen Tag quittiert." in words(await treasury.get(BATCHES))
    await town.assert_sound()


async def test_a_file_comes_to_the_byte_with_its_hash_and_who_fetched_it_stands_there(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    page = await staff["finance"].post(f"{BATCHES}/days/{DAY}")
    shown = {
        name: "".join(hexes.split())
        for name, hexes in re.findall(r"(\S+\.\w+) .*? ((?:[0-9a-f]{8} ?){8})", words(page))
    }
    stored = await town.rows("SELECT format, name, content FROM export_file ORDER BY format")
    assert {row["format"] for row in stored} == {"totals-csv", "items-csv", "xlsx", "manifest"}
    for row in stored:
        async with staff["auditor"].http.get(f"{town.origin}{BATCHES}/1/files/{row['format']}") as response:
            content, headers = await response.read(), response.headers
        assert (response.status, content) == (200, row["content"])
        assert headers["Content-Disposition"] == f'attachment; filename="{row["name"]}"'
        assert headers["Repr-Digest"] == f"sha-256=:{b64encode(sha256(content).digest()).decode()}:"
        assert shown[row["name"]] == sha256(content).hexdigest()
    text = words(await staff["finance"].get(f"{BATCHES}/1")).partition("Abgerufen")[2]
    assert text.count("Auditor") == 4
    assert (await staff["finance"].get(f"{BATCHES}/1/files/datev-extf")).status == 404
    assert (await staff["finance"].get(f"{BATCHES}/1/files/nonsense")).status == 404
    assert (await staff["finance"].get(f"{BATCHES}/2")).status == 404


async def test_what_cannot_become_a_batch_is_said(town: Town, staff: dict[str, StaffBrowser]) -> None:
    refused = await staff["finance"].post(f"{BATCHES}/days/2026-12-02")
    assert (refused.status, "dieser Tag ist nicht abgeschlossen" in words(refused)) == (409, True)
    assert (await staff["finance"].post(f"{BATCHES}/days/gestern")).status == 404


async def test_what_the_treasury_leaves_lying_is_seen(town: Town, staff: dict[str, StaffBrowser]) -> None:
    assert "nicht quittiert hat" not in words(await staff["finance"].get("/de/finance/work"))
    town.clock.advance(days=3, seconds=1)
    async with await sign_in(town, "finance") as finance:
        assert "überfällig: kein Stapel erstellt" in words(await finance.get(BATCHES))
        text = words(await finance.get("/de/finance/work"))
        assert "Abgeschlossene Tage, die die Stadtkasse nicht quittiert hat" in text


async def test_the_same_over_the_api(town: Town, staff: dict[str, StaffBrowser]) -> None:
    async def call(role: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with staff[role].http.request(method, town.origin + path, json=body) as response:
            return response.status, json.loads(await response.read())

    waiting = (await call("treasury", "GET", API))[1]
    assert [(one["day"], one["batch"], one["is_overdue"]) for one in waiting["waiting"]] == [(DAY, None, False)]
    assert (await call("treasury", "POST", API, {"day": DAY}))[1]["code"] == "forbidden"
    assert (await call("finance", "POST", API, {"day": "2026-12-02"}))[1]["code"] == "day_not_closed"
    status, made = await call("finance", "POST", API, {"day": DAY})
    assert (status, made["batch"]["number"], made["batch"]["made_by"]) == (201, 1, "Finance")
    async with staff["treasury"].http.get(f"{town.origin}{API}/1/files/manifest") as response:
        manifest = await response.read()
    assert sha256(manifest).hexdigest() == made["batch"]["manifest_sha256"]
    assert (await call("finance", "POST", f"{API}/1/acknowledgement", {"reference": "x"}))[1]["code"] == "forbidden"
    status, told = await call("treasury", "POST", f"{API}/1/acknowledgement", {"reference": "HKR 1"})
    assert (status, told["batch"]["reference"], told["batch"]["acknowledged_by"]) == (200, "HKR 1", "Treasury")
    assert (await call("treasury", "POST", f"{API}/1/acknowledgement", {"reference": "2"}))[1][
        "code"
    ] == "batch_acknowledged"
    assert (await call("treasury", "POST", f"{API}/9/acknowledgement", {"reference": "2"}))[1]["code"] == "not_found"

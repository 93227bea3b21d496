"""A payer who disputes with their bank what the city is about to transfer: it waits, goes on when won, ends when lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import pytest

from base.clock import SettableClock
from tests.flows.test_transfers import HOLDER, IBAN, OURS, balances, failed, link_in, mails, order_of, payee
from tests.staff import StaffBrowser, hire, sign_in, words
from tests.town import Town
from tests.town import town as open_town


@pytest.fixture
async def town(city_dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    async with open_town(city_dsn, clock, transfer_name="Stadt Stuttgart", transfer_iban=OURS) as opened:
        yield opened


@pytest.fixture
async def staff(town: Town) -> AsyncIterator[dict[str, StaffBrowser]]:
    async with AsyncExitStack() as stack:
        found = {}
        for login, role in {"ada": "assessor", "toni": "finance", "noa": "treasury"}.items():
            await hire(town, login, role)
            found[login] = await stack.enter_async_context(await sign_in(town, login))
        yield found


async def assessed(town: Town, staff: dict[str, StaffBrowser]) -> str:
    """A failed refund whose payee has named an account, found correct; where its page is."""
    await failed(town)
    here = f"/de/transfers/{(await order_of(town))['id']}"
    async with await payee(town, link_in(mails(town, "Bankverbindung")[0])) as kim:
        own = here.replace("transfers", "refunds")
        await kim.post(own, holder=HOLDER, iban=IBAN, request_key=str(uuid4()))
    await staff["ada"].post(f"{here}/assess")
    return here


async def dispute(town: Town) -> dict[str, Any]:
    *_, charge = town.machine.state.rows("charges")
    found: dict[str, Any] = await town.sandbox("POST", f"charges/{charge['id']}/dispute")
    return found


async def own_page(town: Town) -> str:
    order = await order_of(town)
    async with await payee(town, link_in(mails(town, "Bankverbindung")[0])) as kim:
        return words(await kim.get(f"/de/refunds/{order['id']}"))


async def test_lost_it_is_called_off_and_everybody_can_read_why(town: Town, staff: dict[str, StaffBrowser]) -> None:
    here = await assessed(town, staff)
    case = await dispute(town)
    await town.webhooks()
    page = words(await staff["toni"].get(here))
    assert "Bis darüber entschieden ist, wird nichts überwiesen" in page
    assert "Zahlung anordnen" not in page
    assert case["id"] in page
    assert (await staff["toni"].post(f"{here}/approve")).status == 409
    assert "rückbelastet" in words(await staff["toni"].get("/de/transfers/"))
    own = await own_page(town)
    assert "Sie haben dieses Geld über Ihre Bank zurückgefordert" in own
    assert "Kontoinhaber" not in own

    await town.sandbox("POST", f"disputes/{case['id']}/lose")
    await town.webhooks()
    assert (await order_of(town))["status"] == "cancelled"
    assert [row["status"] for row in await town.rows("SELECT status FROM refund")] == ["overtaken"]
    assert await balances(town) == {}  # 13 euros came, and went back by the dispute: no loss, as nothing was to be kept
    assert "Ihre Bank hat das Geld für Sie zurückgeholt" in await own_page(town)
    page = words(await staff["toni"].get(here))
    assert "Auftrag storniert" in page
    assert f"{case['id']}: 13.00" in page
    await town.worker.matching.run(town.clock().date(), town.clock().date(), by=1)
    found = await town.rows("SELECT cause FROM difference WHERE state = 'open'")
    assert [row["cause"] for row in found] == ["lost_dispute"]  # a refund that failed is no work for people any more
    await town.assert_sound()


async def test_won_it_goes_on(town: Town, staff: dict[str, StaffBrowser]) -> None:
    here = await assessed(town, staff)
    case = await dispute(town)
    await town.webhooks()
    await town.sandbox("POST", f"disputes/{case['id']}/win")
    await town.webhooks()
    assert "Die Rückbelastung ist erledigt" in words(await staff["toni"].get(here))
    assert (await staff["toni"].post(f"{here}/approve")).status == 200
    assert (await order_of(town))["status"] == "approved"
    await town.assert_sound()


async def test_lost_when_the_bank_has_the_order_already(town: Town, staff: dict[str, StaffBrowser]) -> None:
    here = await assessed(town, staff)
    await staff["toni"].post(f"{here}/approve")
    await staff["noa"].post("/de/transfers/files", request_key=str(uuid4()))
    case = await dispute(town)
    await town.sandbox("POST", f"disputes/{case['id']}/lose")
    await town.webhooks()
    page = words(await staff["noa"].get(here))
    assert "Der Empfänger hat das Geld bereits" in page
    assert "hatte die Bank diesen Auftrag schon" in page
    assert (await order_of(town))["status"] == "exported"
    await staff["noa"].post(f"{here}/returned", note="Auf unsere Bitte zurückgeholt")
    assert (await order_of(town))["status"] == "cancelled"  # and nobody is asked for another account
    assert not mails(town, "Bitte prüfen Sie Ihre Bankverbindung")
    assert [row["status"] for row in await town.rows("SELECT status FROM refund")] == ["overtaken"]  # owed no more
    assert await balances(town) == {}
    await town.worker.matching.run(town.clock().date(), town.clock().date(), by=1)
    found = await town.rows("SELECT cause FROM difference WHERE state = 'open'")
    assert [row["cause"] for row in found] == ["lost_dispute"]
    await town.assert_sound()


@pytest.mark.parametrize("first", ["approve", "message", "both"])
async def test_a_lost_dispute_meets_an_approval_and_a_file(
    town: Town, staff: dict[str, StaffBrowser], first: str
) -> None:
    """Whoever comes first: never is an order of a lost payment approved, or in a file, that the bank does not have already."""
    here = await assessed(town, staff)
    case = await dispute(town)
    await town.sandbox("POST", f"disputes/{case['id']}/lose")
    steps = {
        "approve": staff["toni"].post(f"{here}/approve"),
        "message": town.webhooks(),
        "file": staff["noa"].post("/de/transfers/files", request_key=str(uuid4())),
    }
    if first == "both":
        await asyncio.gather(*steps.values())
    else:
        await steps.pop(first)
        await asyncio.gather(*steps.values())
    order = await order_of(town)
    assert order["status"] in ("cancelled", "exported")
    history = [row["event"] for row in await town.rows("SELECT event FROM transfer_step ORDER BY id")]
    assert ("cancel" in history) is (order["status"] == "cancelled")
    assert ("lost_too_late" in history) is (order["status"] == "exported")
    await town.assert_sound()

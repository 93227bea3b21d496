"""Differences on screen, the provider played over HTTP through its SDK: found, taken over, settled by two; the days as lights."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from typing import Any

import pytest

from payment.endpoints import MATCHING
from tests.flows.test_till import paid, words
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town

LIST = "/de/finance/differences"


@pytest.fixture
async def staff(town: Town) -> Any:
    async with AsyncExitStack() as stack:
        browsers = {}
        for name, role in (("kim", "finance"), ("lou", "finance"), ("auditor", "auditor")):
            await hire(town, name, role)
            browsers[name] = await stack.enter_async_context(await sign_in(town, name))
        yield browsers


async def refund_by_hand(town: Town) -> None:
    """A payment that was made, and given back in the provider's own pages; more than an hour ago."""
    await paid(town)
    (charge,) = town.machine.state.rows("charges")
    await town.sandbox("POST", f"charges/{charge['id']}/refund", {"amount": 500})
    town.clock.advance(minutes=70)


def link(text: str) -> str:
    found = re.search(rf'href="({LIST}/\d+)"', text)
    assert found
    return found.group(1)


async def test_what_was_done_at_the_provider_by_hand_is_found_and_written_off_by_two(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    await refund_by_hand(town)
    kim, lou = staff["kim"], staff["lou"]
    page = await kim.post(f"{LIST}/runs")
    assert "Offene Differenzen: 1" in words(page)
    assert "Fehlt in den Büchern" in words(page)
    one = link(page.text)
    assert "Geben Sie sie zurück" not in words(await kim.post(f"{one}/take"))
    assert "übernommen" in words(await kim.post(f"{one}/comments", comment="Ich frage nach."))
    refused = await kim.post(f"{one}/requests", note=" ", request_key="4e2a1b1c-0000-4000-8000-000000000001")
    assert (refused.status, "Bitte sagen Sie es in einem Satz." in words(refused)) == (422, True)
    noted = await kim.post(f"{one}/explain", note="Egal.")
    assert (noted.status, "Deshalb beantragt ihn eine Person" in words(noted)) == (409, True)
    asked = await kim.post(
        f"{one}/requests", note="Kulanz, von Hand.", request_key="4e2a1b1c-0000-4000-8000-000000000001"
    )
    assert "Eine andere Person muss freigeben" in words(asked)
    approve = re.search(rf'action="({one}/requests/[^"]+/approve)"', (await lou.get(one)).text)
    assert approve
    own = await kim.post(approve.group(1))
    assert (own.status, "Das muss eine andere Person tun." in words(own)) == (409, True)
    assert (await staff["auditor"].post(approve.group(1))).status == 403
    done = await lou.post(approve.group(1))
    assert "Ausgebucht" in words(done)
    assert "freigegeben und gebucht" in words(done)
    assert "Keine Differenz ist offen." in words(await lou.post(f"{LIST}/runs"))
    assert "Kulanz" in words(await staff["auditor"].get(one))
    await town.assert_sound()


async def test_the_list_by_cause_and_owner_and_the_days(town: Town, staff: dict[str, StaffBrowser]) -> None:
    await refund_by_hand(town)
    await staff["kim"].post(f"{LIST}/runs")
    auditor = staff["auditor"]
    assert "Jetzt abgleichen" not in words(await auditor.get(LIST))
    assert "Fehlt in den Büchern" in words(await auditor.get(f"{LIST}?cause=missing_here&owner=none"))
    assert "Keine." in words(await auditor.get(f"{LIST}?owner=me"))
    assert "Keine." in words(await auditor.get(f"{LIST}?age=30"))
    days = await auditor.get(f"{LIST}/days")
    assert "1 offen" in words(days)
    assert (await auditor.get(f"{LIST}/days?from=gestern")).status == 422
    assert (await auditor.get(f"{LIST}/4711")).status == 404
    assert (await auditor.get(f"{LIST}/x")).status == 404


async def test_by_night_once_and_prices_are_booked(town: Town) -> None:
    await hire(town, "kim", "finance")
    await paid(town)
    matching = town.app[MATCHING]
    assert await matching.by_night() == 1
    assert await matching.by_night() == 0
    town.clock.advance(hours=24)
    assert await matching.by_night() == 1
    (row,) = await town.rows("SELECT sum(amount_cents) AS cents FROM entry WHERE account = 'psp_fees'")
    assert row["cents"] == sum(one["fee"] for one in town.machine.state.rows("balance_transactions"))
    async with await sign_in(town, "kim") as kim:
        assert "Keine Differenz ist offen." in words(await kim.get(LIST))
        account = await kim.get("/de/finance/books/account?name=psp_fees&from=2026-12-01&to=2026-12-31")
        assert "txn_" in words(account)


async def test_a_payout_is_read_with_its_parts_and_booked(town: Town) -> None:
    await paid(town)
    town.clock.advance(days=4)
    payout = town.machine.pay_out()
    assert payout is not None
    town.machine.payout_arrives(payout["id"])
    town.clock.advance(minutes=1)
    assert await town.app[MATCHING].by_night() == 1
    rows = await town.rows(
        "SELECT p.status, p.amount_cents, t.net_cents FROM provider_payout_now p JOIN provider_payout_part t ON t.payout_id = p.id"
    )
    assert [tuple(row.values()) for row in rows] == [("paid", payout["amount"], payout["amount"])]
    (transit,) = await town.rows("SELECT sum(amount_cents) AS cents FROM entry WHERE account = 'bank_in_transit'")
    assert transit["cents"] == payout["amount"]
    await town.assert_sound()

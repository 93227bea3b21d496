"""Somebody gives money back on the provider's own pages: it is booked, its person is told, and two persons say that they know."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from tests.flows.test_transfers import failed, mails
from tests.staff import StaffBrowser, hire, sign_in, words
from tests.town import Town

PAID = "Führungszeugnis"
DAY = date(2026, 12, 1)


@pytest.fixture
async def staff(town: Town) -> AsyncIterator[dict[str, StaffBrowser]]:
    async with AsyncExitStack() as stack:
        found = {}
        for login in ("toni", "luca"):
            await hire(town, login, "finance")
            found[login] = await stack.enter_async_context(await sign_in(town, login))
        yield found


async def paid(town: Town) -> tuple[dict[str, Any], str]:
    """A confirmed appointment, and the id of its charge."""
    made = await town.appointment(PAID)
    await town.pay(await town.checkout(made))
    await town.webhooks()
    *_, charge = town.machine.state.rows("charges")
    return made, charge["id"]


def by_hand(town: Town, charge: str, cents: int) -> str:
    return str(town.machine.create_refund({"charge": charge, "amount": cents})["id"])


async def matched(town: Town) -> None:
    town.clock.advance(minutes=5)
    [somebody] = await town.rows("SELECT min(id) AS id FROM account")
    await town.worker.matching.run(DAY, DAY, by=somebody["id"])


async def refunds(town: Town) -> list[tuple[str, int, str]]:
    rows = await town.rows(
        "SELECT split_part(reason, ':', 1) AS reason, amount_cents, status FROM refund ORDER BY created_at, id"
    )
    return [(row["reason"], row["amount_cents"], row["status"]) for row in rows]


async def test_a_message_is_enough_and_two_persons_confirm(town: Town, staff: dict[str, StaffBrowser]) -> None:
    made, charge = await paid(town)
    refund = by_hand(town, charge, 500)
    await town.webhooks()
    await town.webhooks()
    assert await refunds(town) == [("at_provider", 500, "succeeded")]
    assert (await town.books())[-4:] == [
        ("refund", "received_in_advance", 500),
        ("refund", "refund_payable", -500),
        ("refund", "refund_payable", 500),
        ("refund", "psp_clearing", -500),
    ]
    await town.work()
    assert len(mails(town, "erstattet")) == 1
    case = await town.http.get(
        f"{town.origin}/de/appointments/{made['id']}", headers={"Authorization": f"Bearer {made['token']}"}
    )
    assert "5,00 €" in words(await case.text())

    await matched(town)
    [difference] = await town.rows("SELECT id, cause, subject, here_cents FROM difference WHERE state = 'open'")
    assert (difference["cause"], difference["subject"], difference["here_cents"]) == (
        "refund_at_provider", f"refund:{refund}", 500,
    )  # fmt: skip
    here = f"/de/finance/differences/{difference['id']}"
    page = words(await staff["toni"].get(here))
    assert "Erstattung beim Zahlungsdienst" in page
    assert "Damit wird nichts gebucht" in page
    assert (await staff["toni"].post(f"{here}/explain", note="x")).status == 409
    asked = await staff["toni"].post(f"{here}/requests", note="Kulanz, von Luca veranlasst", request_key=str(uuid4()))
    assert "Eine andere Person" in words(asked)
    [approve] = re.findall(rf'action="({here}/requests/[0-9a-f-]+/approve)"', (await staff["luca"].get(here)).text)
    assert (await staff["toni"].post(approve)).status == 409
    await staff["luca"].post(approve)
    [after] = await town.rows("SELECT state FROM difference")
    assert after["state"] == "explained"
    await matched(town)
    assert await town.rows("SELECT id FROM difference WHERE state = 'open'") == []
    await town.assert_sound()


async def test_without_a_message_the_matching_finds_it_and_the_rest_can_be_cancelled(
    town: Town, staff: dict[str, StaffBrowser]
) -> None:
    made, charge = await paid(town)
    await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})
    by_hand(town, charge, 300)
    by_hand(town, charge, 200)
    await matched(town)
    assert sorted(await refunds(town)) == [("at_provider", 200, "succeeded"), ("at_provider", 300, "succeeded")]
    await town.sandbox("PUT", "webhooks/faults", {"lose": 0.0})
    assert (await town.cancel(made)).status == 200
    await town.work()
    assert sorted(await refunds(town))[-1] == ("cancelled", 800, "succeeded")
    await matched(town)
    found = await town.rows("SELECT cause FROM difference WHERE state = 'open'")
    assert {row["cause"] for row in found} == {"refund_at_provider"}
    await town.assert_sound()


@pytest.mark.parametrize(("cents", "rest"), [(1300, 0), (500, 800)])
async def test_one_by_rule_gives_way_before_it_is_sent_and_nobody_is_asked(town: Town, cents: int, rest: int) -> None:
    """Nothing has told us of it. Of a part the rest follows."""
    made, charge = await paid(town)
    await town.sandbox("PUT", "webhooks/faults", {"lose": 1.0})
    by_hand(town, charge, cents)
    assert (await town.cancel(made)).status == 200
    await town.work()
    await town.work()
    expected = [("at_provider", cents, "succeeded"), ("cancelled", 1300, "failed")]
    assert sorted(await refunds(town)) == sorted([*expected, *([("cancelled", rest, "succeeded")] if rest else [])])
    assert await town.rows("SELECT id FROM transfer_order") == []
    figures = (await town.call("GET", "/metrics")).body
    assert "schalter_refunds_failed 0.0" in figures
    await town.assert_sound()


async def test_what_waited_to_be_transferred_is_called_off(town: Town, staff: dict[str, StaffBrowser]) -> None:
    await failed(town)
    await town.sandbox("PUT", "refunds/outcome", {"outcome": "succeeded"})
    *_, charge = town.machine.state.rows("charges")
    refund = by_hand(town, charge["id"], 1300)
    await town.webhooks()
    [order] = await town.rows("SELECT status FROM transfer_order")
    assert order["status"] == "cancelled"
    steps = await town.rows("SELECT event, note FROM transfer_step ORDER BY id")
    assert dict(steps[-1]) == {"event": "cancel", "note": refund}
    assert ("at_provider", 1300, "succeeded") in await refunds(town)
    await matched(town)
    assert [row["cause"] for row in await town.rows("SELECT cause FROM difference")] == ["refund_at_provider"]
    await town.assert_sound()


async def test_one_that_comes_back_is_taken_back_and_transferred(town: Town) -> None:
    _made, charge = await paid(town)
    refund = by_hand(town, charge, 1300)
    await town.webhooks()
    town.machine.fail_refund(refund, "lost_or_stolen_card")
    await town.webhooks()
    assert await refunds(town) == [("at_provider", 1300, "failed")]
    assert [row["status"] for row in await town.rows("SELECT status FROM transfer_order")] == ["asked"]
    await town.assert_sound()


async def test_more_than_is_left_goes_to_people_until_there_is_room(town: Town, staff: dict[str, StaffBrowser]) -> None:
    """We have promised the money, and the provider has given it back by hand; so ours fails, and no transfer stays."""
    made, charge = await paid(town)
    by_hand(town, charge, 1300)
    assert (await town.cancel(made)).status == 200
    await matched(town)
    await town.work()
    await matched(town)
    assert ("at_provider", 1300, "succeeded") in await refunds(town)
    assert {row["status"] for row in await town.rows("SELECT status FROM transfer_order")} <= {"cancelled"}
    await town.assert_sound()

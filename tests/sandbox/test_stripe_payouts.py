"""Payouts: each business day what is available, down to the cent; what fails comes back and goes out again."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sandbox.stripe.errors import ApiError, Json
from sandbox.stripe.machine import Machine
from sandbox.stripe.state import State
from tests.sandbox.running import HandClock, sandbox, session_body

MONDAY = datetime(2026, 11, 2, 10, tzinfo=UTC)


def machine_of_a_monday() -> tuple[Machine, HandClock]:
    clock = HandClock()
    clock.at = MONDAY
    return Machine(clock, payout_schedule="daily"), clock


def paid(machine: Machine, amount: int) -> Json:
    return machine.pay(machine.create_session(session_body(amount))["id"])


def told(machine: Machine, prefix: str) -> list[tuple[str, datetime]]:
    return [
        (row["type"], datetime.fromtimestamp(row["created"], UTC))
        for row in machine.state.rows("events")
        if row["type"].startswith(prefix)
    ]


def test_a_payment_is_paid_out_after_its_days_and_arrives_the_next_business_day() -> None:
    machine, clock = machine_of_a_monday()
    paid(machine, 10_000)
    assert machine.balance_object()["pending"][0]["amount"] == 9825
    clock.advance(days=5)
    machine.sweep()
    assert told(machine, "payout.") == [
        ("payout.created", datetime(2026, 11, 5, tzinfo=UTC)),
        ("payout.updated", datetime(2026, 11, 5, 6, tzinfo=UTC)),
        ("payout.reconciliation_completed", datetime(2026, 11, 5, 6, tzinfo=UTC)),
        ("payout.paid", datetime(2026, 11, 6, 6, tzinfo=UTC)),
    ]
    (payout,) = machine.list("payouts", {"status": "paid"})["data"]
    assert (payout["amount"], payout["automatic"], payout["reconciliation_status"]) == (9825, True, "completed")
    assert payout["arrival_date"] == int(datetime(2026, 11, 6, tzinfo=UTC).timestamp())
    assert machine.balance() == 0


def test_asked_once_a_month_or_every_hour_the_calendar_is_the_same() -> None:
    def month(step: timedelta) -> Json:
        machine, clock = machine_of_a_monday()
        paid(machine, 5000)
        for _ in range(timedelta(days=28) // step):
            clock.at += step
            machine.sweep()
        return machine.dump()

    assert month(timedelta(hours=1)) == month(timedelta(days=28))


def test_nothing_goes_out_at_the_weekend() -> None:
    machine, clock = machine_of_a_monday()
    for _ in range(28):
        paid(machine, 1000)
        clock.advance(days=1)
    days = [at.weekday() for name, at in told(machine, "payout.created")]
    assert set(days) == {0, 1, 2, 3, 4}
    for payout in machine.list("payouts", {"limit": 100})["data"]:
        assert datetime.fromtimestamp(payout["arrival_date"], UTC).weekday() < 5


def test_each_payout_is_the_sum_of_its_transactions_and_each_transaction_is_in_one() -> None:
    machine, clock = machine_of_a_monday()
    seen: list[str] = []
    for number in range(40):
        intent = paid(machine, 1000 + 37 * number)["payment_intent"]
        if number % 7 == 3:
            machine.create_refund({"payment_intent": intent, "amount": 500})
        clock.advance(hours=11)
    clock.advance(days=9)
    payouts = machine.list("payouts", {"limit": 100})["data"]
    assert len(payouts) > 10
    for payout in payouts:
        rows = machine.list("balance_transactions", {"payout": payout["id"], "limit": 100})["data"]
        own = [row for row in rows if row["type"] == "payout"]
        assert [row["id"] for row in own] == [payout["balance_transaction"]]
        assert sum(row["net"] for row in rows if row["type"] != "payout") == payout["amount"] == -own[0]["net"]
        assert all("payout" not in row for row in rows)
        seen += [row["id"] for row in rows]
    assert len(seen) == len(set(seen)) == machine.state.count("balance_transactions")


def test_a_failed_payout_comes_back_and_goes_out_with_the_next() -> None:
    machine, clock = machine_of_a_monday()
    paid(machine, 10_000)
    clock.advance(days=5)
    (payout,) = machine.list("payouts", {})["data"]
    assert machine.balance() == 0
    failed = machine.fail_payout(payout["id"], "account_closed")
    assert (failed["status"], failed["failure_code"]) == ("failed", "account_closed")
    back = machine.get("balance_transactions", failed["failure_balance_transaction"])
    assert (back["type"], back["reporting_category"], back["net"], back["status"]) == (
        "payout_failure",
        "payout_reversal",
        9825,
        "available",
    )
    assert machine.balance() == 9825
    with pytest.raises(ApiError):
        machine.fail_payout(payout["id"])
    clock.advance(days=3)
    again = machine.list("payouts", {})["data"][0]
    assert (again["id"] != payout["id"], again["amount"]) == (True, 9825)


def test_what_is_owed_to_the_provider_waits_for_better_days() -> None:
    machine, clock = machine_of_a_monday()
    intent = paid(machine, 1000)["payment_intent"]
    machine.create_refund({"payment_intent": intent})
    clock.advance(days=8)
    machine.sweep()
    assert machine.state.rows("payouts") == []
    assert machine.balance() == -40
    paid(machine, 1000)
    clock.advance(days=8)
    assert machine.list("payouts", {})["data"][0]["amount"] == 960 - 40


def test_transactions_are_filtered_and_paged_as_they_were_born() -> None:
    machine, clock = machine_of_a_monday()
    intents = []
    for _ in range(25):
        intents.append(paid(machine, 1000)["payment_intent"])
        clock.advance(minutes=1)
    refund = machine.create_refund({"payment_intent": intents[3]})
    every = machine.list("balance_transactions", {"limit": 100})["data"]
    assert all(one["created"] >= other["created"] for one, other in pairwise(every))
    assert machine.list("balance_transactions", {"source": refund["id"]})["data"] == every[:1]
    assert len(machine.list("balance_transactions", {"type": "charge", "limit": 100})["data"]) == 25
    from_at, to_at = every[20]["created"], every[10]["created"]
    cut = machine.list("balance_transactions", {"created": {"gte": from_at, "lt": to_at}})["data"]
    assert cut == every[11:21]
    first = machine.list("balance_transactions", {"limit": 10})
    assert (first["data"], first["has_more"]) == (every[:10], True)
    second = machine.list("balance_transactions", {"limit": 10, "starting_after": every[9]["id"]})
    assert second["data"] == every[10:20]
    back = machine.list("balance_transactions", {"limit": 5, "ending_before": every[10]["id"]})
    assert (back["data"], back["has_more"]) == (every[5:10], True)
    last = machine.list("balance_transactions", {"limit": 10, "starting_after": every[19]["id"]})
    assert (last["data"], last["has_more"]) == (every[20:], False)


def test_a_clock_that_was_set_back_hides_nothing() -> None:
    machine, clock = machine_of_a_monday()
    paid(machine, 1000)
    early = machine.now() - 3600
    clock.advance(hours=-1)
    paid(machine, 2000)
    found = machine.list("balance_transactions", {"created": {"lte": early}})["data"]
    assert [row["amount"] for row in found] == [2000]


def test_a_restart_between_payout_and_arrival_loses_neither() -> None:
    machine, clock = machine_of_a_monday()
    paid(machine, 10_000)
    clock.at = datetime(2026, 11, 5, 3, tzinfo=UTC)
    machine.sweep()
    assert [row["status"] for row in machine.state.rows("payouts")] == ["pending"]
    restarted = Machine(clock, state=State.load(machine.dump()))
    clock.advance(days=2)
    restarted.sweep()
    assert [row["status"] for row in restarted.state.rows("payouts")] == ["paid"]
    paid(restarted, 700)
    clock.advance(days=6)
    restarted.sweep()
    assert restarted.state.count("payouts") == 2


def test_what_one_more_payment_costs_does_not_grow_with_those_before_it() -> None:
    """Counted in rows looked at, so that no slow machine fails it."""
    machine, clock = machine_of_a_monday()
    looked_at = 0
    find = machine.state.find

    def counting(collection: str, row_id: str) -> Json | None:
        nonlocal looked_at
        looked_at += 1
        return find(collection, row_id)

    def cost_of(number: int) -> int:
        nonlocal looked_at
        looked_at = 0
        for _ in range(number):
            since = machine.now() - 60
            paid(machine, 1000)
            machine.list("events", {"created": {"gte": since}, "limit": 10})
            clock.advance(seconds=10)
        return looked_at

    machine.state.find = counting  # type: ignore[method-assign]
    first = cost_of(100)
    cost_of(800)
    assert cost_of(100) <= first * 1.2


async def test_the_control_plane_pays_out() -> None:
    async with sandbox() as box:
        paid(box.machine, 10_000)
        assert await box.control("POST", "payouts", {}) is None
        box.clock.advance(days=3)
        payout = await box.control("POST", "payouts", {})
        assert (payout["amount"], payout["status"]) == (9825, "pending")
        assert (await box.control("POST", f"payouts/{payout['id']}/arrive", {}))["status"] == "paid"
        assert (await box.control("POST", f"payouts/{payout['id']}/fail", {}))["failure_code"] == "account_closed"
        balance = await box.sdk.v1.balance.retrieve_async()
        assert (balance.available[0].amount, balance.pending[0].amount) == (9825, 0)
        assert await box.control("PUT", "payouts/schedule", {"schedule": "daily"}) == {"schedule": "daily"}
        box.clock.advance(days=4)
        listed = await box.sdk.v1.payouts.list_async({"created": {"gte": 0}})
        assert [row.amount async for row in listed.auto_paging_iter()] == [9825, 9825]

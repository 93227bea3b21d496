"""The price list: what holds on which day, rounding, tolerance; a price that has changed since it was booked is told once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import Invalid
from payment.matching.match import beside
from payment.matching.prices import Charged, Price, deviations
from payment.matching.pricing import Pricing
from tests.payment.making import NOW
from tests.payment.matching.making import booked, matched, moved

DAY = date(2026, 10, 5)


def price(**given: Any) -> Price:
    made: dict[str, Any] = {
        "id": 1, "provider": "stripe", "method": "card", "percent_bp": 150, "fixed_cents": 25, "tolerance_cents": 1,
        "valid_from": date(2026, 1, 1), "set_by": "Kim", "set_at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return Price(**(made | given))


def charged(fee_cents: int, **given: Any) -> Charged:
    made: dict[str, Any] = {
        "provider": "stripe", "transaction": "txn_1", "method": "card", "amount_cents": 1300, "fee_cents": fee_cents, "day": DAY
    }  # fmt: skip
    return Charged(**(made | given))


@pytest.mark.parametrize(("cents", "fee"), [(1300, 45), (1000, 40), (3, 25), (100, 27), (34, 26)])
def test_half_a_cent_is_rounded_up(cents: int, fee: int) -> None:
    assert price().of(cents) == fee


@pytest.mark.parametrize(("taken", "told"), [(45, False), (46, False), (44, False), (47, True), (43, True), (0, True)])
def test_beyond_the_tolerance_both_ways(taken: int, told: bool) -> None:
    found = deviations([charged(taken)], [price()])
    assert [(one.cause, one.subject, one.here_cents, one.there_cents) for one in found] == (
        [("fee", "price:txn_1", -45, -taken)] if told else []
    )


def test_the_price_of_the_day_holds_and_of_one_day_the_last_word() -> None:
    list_ = [
        price(id=1, valid_from=date(2026, 1, 1), fixed_cents=10),
        price(id=2, valid_from=DAY, fixed_cents=90),
        price(id=3, valid_from=DAY, fixed_cents=25),
        price(id=4, valid_from=date(2026, 10, 6), fixed_cents=99),
    ]
    assert deviations([charged(45)], list_) == []
    assert deviations([charged(30, day=date(2026, 10, 4))], list_) == []
    assert len(deviations([charged(45, day=date(2026, 10, 6))], list_)) == 1


def test_without_a_price_nothing_is_said() -> None:
    assert deviations([charged(99, method="sepa_debit")], [price()]) == []
    assert deviations([charged(99, day=date(2025, 12, 31))], [price()]) == []
    assert deviations([charged(99, provider="other")], [price()]) == []


def test_what_is_told_under_a_nearer_cause_is_told_once() -> None:
    found = matched(
        booked=[booked("fee:txn_1", -45), booked("charge:pi_3", 1300)],
        moved=[moved("fee:txn_1", -56), moved("charge:pi_3", 900, "txn_3")],
    )
    rows = [
        charged(56),
        charged(56, transaction="txn_2"),
        charged(45, transaction="txn_3", amount_cents=900, charge_id="pi_3"),
    ]
    both = beside(found, rows, [price()])
    assert [one.subject for one in both.differences] == ["charge:pi_3", "fee:txn_1", "price:txn_2"]


async def test_a_change_is_a_row_and_the_same_again_is_none(db: Database) -> None:
    async with db.connection() as conn:
        sql = "INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$') RETURNING id"
        kim = await conn.fetchval(sql)
    pricing = Pricing(db, ["stripe"], SettableClock(NOW))
    given: dict[str, Any] = {"percent_bp": 150, "fixed_cents": 25, "tolerance_cents": 1, "valid_from": DAY, "by": kim}
    for fixed in (25, 25, 30, 25):
        await pricing.set(" Card ", **(given | {"fixed_cents": fixed}))
    assert [(one.method, one.fixed_cents, one.set_by) for one in await pricing.all()] == [
        ("card", 25, "Kim"), ("card", 30, "Kim"), ("card", 25, "Kim"),
    ]  # fmt: skip
    with pytest.raises(Invalid) as refusal:
        await pricing.set(
            "Kreditkarte!", percent_bp=10_001, fixed_cents=-1, tolerance_cents=1001, valid_from=DAY, by=kim
        )
    assert len(refusal.value.errors) == 4

"""A journal is taken back once, whole, by two persons, on the open day; the schema holds it when somebody goes round the code."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import Invalid, NotFound
from payment.ledger import BANK, BANK_IN_TRANSIT, JournalKind, earned_journal, moved
from payment.ledgers.model import Booked
from payment.ledgers.reversals import (
    AlreadyReversed,
    NotReversible,
    OwnReversal,
    ReversalDecided,
    Reversals,
    StillUsed,
    is_reversible,
)
from payment.ledgers.usecases import Ledgers
from payment.matching import store as matching_store
from payment.store import insert_journal
from tests.payment.ledgers.booking import give_back, pay, refusal, staff
from tests.payment.making import NOW

REASON = "Zweimal gebucht"


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def reversals(db: Database, clock: SettableClock) -> Reversals:
    return Reversals(db, clock)


async def asked(reversals: Reversals, by: int, journal_id: int = 1) -> UUID:
    key = uuid4()
    await reversals.request(journal_id, by=by, reason=REASON, key=key)
    return key


async def test_one_asks_another_approves_and_it_stands_on_the_open_day(
    db: Database, reversals: Reversals, clock: SettableClock
) -> None:
    await pay(db, 1)
    kim, alex = await staff(db), await staff(db, "alex")
    clock.advance(days=1)
    await Ledgers(db, clock).close(date(2026, 12, 1), by=kim)
    ident = await asked(reversals, kim)
    assert [(one.id, one.reason, one.asker) for one in await reversals.waiting()] == [(ident, REASON, "Kim Kasse")]
    with pytest.raises(OwnReversal):
        await reversals.approve(ident, by=kim)
    assert await reversals.approve(ident, by=alex) == 1
    assert await reversals.approve(ident, by=alex) == 1  # clicked twice
    told, back = await reversals.journal(1), await reversals.journal(2)
    assert (told.booked.reversed_by, back.booked.reverses) == (2, 1)
    assert back.booked.business_day == date(2026, 12, 2)
    assert [(e.account, -e.amount_cents) for e in back.entries] == [(e.account, e.amount_cents) for e in told.entries]
    assert told.reversals == back.reversals  # seen from both sides
    assert await reversals.waiting() == []
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT advance_cents FROM payment") == 0
        assert await conn.fetchval("SELECT sum(amount_cents) FROM entry") == 0


async def test_a_reason_and_a_journal_are_needed(db: Database, reversals: Reversals) -> None:
    await pay(db, 1)
    kim = await staff(db)
    for reason in ("", "   abc ", "x" * 501):
        with pytest.raises(Invalid):
            await reversals.request(1, by=kim, reason=reason, key=uuid4())
    with pytest.raises(NotFound):
        await reversals.request(7, by=kim, reason=REASON, key=uuid4())
    with pytest.raises(NotFound):
        await reversals.approve(uuid4(), by=kim)
    with pytest.raises(NotFound):
        await reversals.reject(uuid4(), by=kim)


async def test_once_and_never_of_a_reversal_or_of_a_refund(db: Database, reversals: Reversals) -> None:
    await pay(db, 1)
    await give_back(db, await pay(db, 2))  # journals 2 and 3
    kim, alex = await staff(db), await staff(db, "alex")
    ident = uuid4()
    for _twice in range(2):
        await reversals.request(1, by=kim, reason=REASON, key=ident)
    with pytest.raises(AlreadyReversed):
        await asked(reversals, alex)
    await reversals.approve(ident, by=alex)
    with pytest.raises(AlreadyReversed):
        await asked(reversals, kim)
    for journal_id in (3, 4):
        with pytest.raises(NotReversible):
            await asked(reversals, kim, journal_id)


async def test_never_of_a_payout_that_stands_on_the_banks_statement(db: Database, reversals: Reversals) -> None:
    """Its line belongs to it for ever, so nothing would ever book it again."""
    entries = moved(1000, debit=BANK, credit=BANK_IN_TRANSIT)
    async with db.transaction() as conn:
        journal = await matching_store.post(conn, JournalKind.PAYOUT_ARRIVED, "po_1#bank:7.1.1", NOW, entries)
    with pytest.raises(NotReversible):
        await asked(reversals, await staff(db), journal)


@pytest.mark.parametrize("kind", [kind for kind in JournalKind if kind.startswith("transfer_")])
async def test_what_goes_back_with_its_order_is_not_offered(kind: JournalKind) -> None:
    booked = Booked(
        id=1, kind=kind, payment_id=uuid4(), refund_id=uuid4(), reverses=None, reversed_by=None, at=NOW, business_day=NOW.date(),
        currency="EUR", kassenzeichen="", seq=None, sha256=None,
    )  # fmt: skip
    assert not is_reversible(booked)
    assert is_reversible(replace(booked, kind=JournalKind.EARNED))


async def test_rejected_it_may_be_asked_for_again(db: Database, reversals: Reversals, clock: SettableClock) -> None:
    await pay(db, 1)
    kim, alex = await staff(db), await staff(db, "alex")
    first = await asked(reversals, kim)
    assert await reversals.reject(first, by=kim) == 1  # withdrawn
    with pytest.raises(ReversalDecided):
        await reversals.approve(first, by=alex)
    clock.advance(minutes=1)
    second = await asked(reversals, kim)
    await reversals.approve(second, by=alex)
    with pytest.raises(ReversalDecided):
        await reversals.reject(second, by=kim)
    assert [one.status for one in (await reversals.journal(1)).reversals] == ["approved", "rejected"]


async def test_what_rests_on_a_journal_goes_first(db: Database, reversals: Reversals) -> None:
    payment = await pay(db, 1, captured_cents=1300)
    async with db.transaction() as conn:
        await insert_journal(conn, earned_journal(payment, 1300), NOW)
    kim, alex = await staff(db), await staff(db, "alex")
    fee = await asked(reversals, kim, 1)
    with pytest.raises(StillUsed):
        await reversals.approve(fee, by=alex)
    await reversals.approve(await asked(reversals, kim, 2), by=alex)
    await reversals.approve(fee, by=alex)
    async with db.connection() as conn:
        balances = await conn.fetch("SELECT sum(amount_cents) AS cents FROM entry GROUP BY account")
    assert {row["cents"] for row in balances} == {0}


async def test_two_who_approve_at_once_book_one_reversal(db: Database, reversals: Reversals) -> None:
    await pay(db, 1)
    kim = await staff(db)
    others = [await staff(db, f"other{n}") for n in range(4)]
    ident = await asked(reversals, kim)
    done = await asyncio.gather(*(reversals.approve(ident, by=one) for one in others), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["ReversalDecided"] * 3 + ["int"]
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM journal WHERE kind = 'reversal'") == 1


async def test_the_schema_holds_it(db: Database, reversals: Reversals) -> None:
    await pay(db, 1)
    await give_back(db, await pay(db, 2))
    kim, alex = await staff(db), await staff(db, "alex")
    ask = "INSERT INTO reversal (id, journal_id, reason, requested_by, requested_at) VALUES ($1, $2, $3, $4, now())"
    assert await refusal(db, ask, uuid4(), 1, "abc", kim) == "reversal_has_reason"
    assert await refusal(db, ask, uuid4(), 3, REASON, kim) == "reversal_of_original"
    book = """
        WITH j AS (INSERT INTO journal (kind, payment_id, at, reverses) VALUES ('reversal', $1, now(), $2) RETURNING id)
        INSERT INTO entry (journal_id, account, amount_cents)
        SELECT j.id, e.account, -e.amount_cents FROM j, entry e WHERE e.journal_id = $2"""
    assert await refusal(db, book, UUID(int=1), None) in ("journal_reversal_named", "journal_has_entries")
    assert await refusal(db, book, UUID(int=1), 1) == "journal_reversal_approved"
    ident = await asked(reversals, kim)
    assert await refusal(db, ask, uuid4(), 1, REASON, alex) == "reversal_once"
    approve = "UPDATE reversal SET status = 'approved', decided_by = $1, decided_at = now(), posted = $2"
    assert await refusal(db, approve, alex, None) == "reversal_approved_is_posted"
    assert await refusal(db, approve, kim, 1) == "reversal_by_two"
    assert await refusal(db, "UPDATE reversal SET status = 'rejected'") == "reversal_decided"
    assert await refusal(db, "UPDATE reversal SET reason = 'another'") == "reversal_terms_fixed"
    await reversals.approve(ident, by=alex)
    assert await refusal(db, "UPDATE reversal SET decided_by = $1", kim) == "reversal_terms_fixed"
    assert await refusal(db, "DELETE FROM reversal") == "reversal_append_only"
    assert await refusal(db, "TRUNCATE reversal") == "reversal_append_only"
    assert await refusal(db, book, UUID(int=1), 1) in ("journal_reversed_once", "journal_once")

"""Each journal gets its link; whoever changes what was sealed, around every trigger, is found at the first link that does not hold."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest

from base.clock import SettableClock
from base.db import Database
from payment.ledgers.model import Broken, Fault
from payment.ledgers.usecases import DayNotOver, Ledgers, NotNextDay
from tests.payment.ledgers.booking import REFUND, behind_the_back, give_back, pay, refusal, staff
from tests.payment.making import NOW

FIRST, SECOND = date(2026, 12, 1), date(2026, 12, 2)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def ledgers(db: Database, clock: SettableClock) -> Ledgers:
    return Ledgers(db, clock)


async def three(db: Database, ledgers: Ledgers) -> None:
    for number in (1, 2, 3):
        await pay(db, number)
    assert await ledgers.seal_due() == 3


async def test_what_was_sealed_is_found_sound(db: Database, ledgers: Ledgers) -> None:
    assert await ledgers.seal_due() == 0
    await three(db, ledgers)
    await give_back(db, await pay(db, 4))
    found = await ledgers.verify()
    assert (found.seals, found.waiting, found.broken) == (3, 2, None)
    assert await ledgers.seal_due() == 2
    later = await ledgers.verify()
    assert (later.seals, later.waiting, later.broken) == (5, 0, None)
    assert later.head != found.head


async def test_many_who_seal_at_once_make_one_chain(db: Database, ledgers: Ledgers) -> None:
    await asyncio.gather(*(pay(db, number) for number in range(1, 31)), *(ledgers.seal_due() for _ in range(6)))
    await ledgers.seal_due()
    found = await ledgers.verify()
    assert (found.seals, found.waiting, found.broken) == (30, 0, None)


async def test_who_books_does_not_wait_for_who_seals(db: Database, ledgers: Ledgers) -> None:
    async with db.transaction() as conn:
        await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('journal_seal', 0))")
        async with asyncio.timeout(5):
            await pay(db, 1)
    assert await ledgers.seal_due() == 1


async def test_a_batch_that_fails_leaves_all_to_the_next(db: Database, ledgers: Ledgers) -> None:
    await pay(db, 1)
    async with db.connection() as conn:
        begun = conn.transaction()
        await begun.start()
        await conn.execute("DELETE FROM journal_unsealed")
        await conn.execute("INSERT INTO journal_seal (journal_id, sealed_at) SELECT id, now() FROM journal")
        await begun.rollback()
    assert await ledgers.seal_due() == 1
    assert (await ledgers.verify()).broken is None


TAMPERED = {
    "an amount": (
        ["UPDATE entry SET amount_cents = amount_cents * 2 WHERE journal_id = {second}"],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
    "a single cent moved to another account": (
        ["UPDATE entry SET account = 'bank' WHERE journal_id = {second} AND amount_cents > 0"],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
    "an entry more": (
        [
            "INSERT INTO entry (journal_id, account, amount_cents) VALUES ({second}, 'bank', 1), ({second}, 'psp_fees', -1)"
        ],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
    "an entry less": (
        ["DELETE FROM entry WHERE journal_id = {second} AND amount_cents > 0"],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
    "the moment": (
        ["UPDATE journal SET at = at + interval '1 microsecond' WHERE id = {second}"],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
    "the business day": (
        ["UPDATE journal SET business_day = business_day + 1 WHERE id = {second}"],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
    "whose it is": (
        ["UPDATE journal SET payment_id = '00000000-0000-0000-0000-000000000009' WHERE id = {second}"],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
    "the currency": (
        ["UPDATE payment SET currency = 'CHF' WHERE id = '00000000-0000-0000-0000-000000000002'"],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
    "a journal gone": (
        ["DELETE FROM entry WHERE journal_id = {second}", "DELETE FROM journal WHERE id = {second}"],
        Broken(fault=Fault.JOURNAL_GONE, seq=2, journal_id=2),
    ),
    "a journal gone with its seal": (
        [
            "DELETE FROM entry WHERE journal_id = {second}",
            "DELETE FROM journal_seal WHERE journal_id = {second}",
            "DELETE FROM journal WHERE id = {second}",
        ],
        Broken(fault=Fault.GAP, seq=2),
    ),
    "a seal gone": (["DELETE FROM journal_seal WHERE seq = 3"], Broken(fault=Fault.UNSEALED, journal_id=3)),
    "a journal and its seal made to agree": (
        [
            "UPDATE entry SET amount_cents = amount_cents * 2 WHERE journal_id = {second}",
            "UPDATE journal_seal s SET sha256 = sha256(s.previous_sha256 || convert_to(journal_canonical(j), 'UTF8')) "
            "FROM journal j WHERE j.id = s.journal_id AND s.seq = 2",
        ],
        Broken(fault=Fault.PREVIOUS, seq=3, journal_id=3),
    ),
    "two changed: the first is named": (
        ["UPDATE journal SET at = at + interval '1 s' WHERE id IN ({second}, {second} + 1)"],
        Broken(fault=Fault.CHANGED, seq=2, journal_id=2),
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_a_change_around_the_triggers_is_found(db: Database, ledgers: Ledgers, name: str) -> None:
    await three(db, ledgers)
    statements, expected = TAMPERED[name]
    await behind_the_back(db, *(one.format(second=2) for one in statements))
    assert (await ledgers.verify()).broken == expected


async def test_a_journal_kept_from_being_sealed_is_found(db: Database, ledgers: Ledgers) -> None:
    await three(db, ledgers)
    await pay(db, 4)
    async with db.connection() as conn:
        await conn.execute("DELETE FROM journal_unsealed")
    assert (await ledgers.verify()).broken == Broken(fault=Fault.UNSEALED, journal_id=4)


class TestDays:
    async def test_a_closed_day_takes_nothing_and_what_comes_late_stands_on_the_next(
        self, db: Database, ledgers: Ledgers, clock: SettableClock
    ) -> None:
        kim = await staff(db)
        payment = await pay(db, 1)
        clock.advance(days=1)
        await ledgers.close(FIRST, by=kim)
        [closed] = (await ledgers.days())[1]
        assert (closed.day, closed.by, closed.journals, closed.last_seq) == (FIRST, "Kim Kasse", 1, 1)
        await give_back(db, payment, NOW)  # it happened on the closed day and is booked only now
        async with db.connection() as conn:
            days = [row["business_day"] for row in await conn.fetch("SELECT business_day FROM journal ORDER BY id")]
        assert days == [FIRST, SECOND]
        insert = "INSERT INTO journal (kind, payment_id, at, business_day) VALUES ('fee', $1, $2, $3)"
        assert await refusal(db, insert, UUID(int=1), NOW, FIRST) == "journal_on_open_day"
        assert await refusal(db, insert, UUID(int=1), NOW, FIRST - DAY) == "journal_on_open_day"
        assert [(one.day, one.journals) for one in (await ledgers.days())[0]] == [(SECOND, 1)]
        assert (await ledgers.verify()).broken is None

    async def test_the_day_is_the_citys(self, db: Database, ledgers: Ledgers) -> None:
        await pay(db, 1, NOW.replace(hour=22, minute=59))
        await pay(db, 2, NOW.replace(hour=23, minute=1))  # after midnight in Stuttgart
        assert [(one.day, one.journals) for one in (await ledgers.days())[0]] == [(FIRST, 1), (SECOND, 1)]

    async def test_days_are_closed_in_order_and_when_they_are_over(
        self, db: Database, ledgers: Ledgers, clock: SettableClock
    ) -> None:
        kim = await staff(db)
        await pay(db, 1)
        await pay(db, 2, NOW + DAY)
        with pytest.raises(DayNotOver):
            await ledgers.close(FIRST, by=kim)
        clock.advance(days=3)
        with pytest.raises(NotNextDay):
            await ledgers.close(SECOND, by=kim)
        await ledgers.close(FIRST, by=kim)
        await ledgers.close(SECOND, by=kim)
        async with db.connection() as conn:
            other = await conn.fetchval("SELECT max(id) + 1 FROM account")
        for again in (FIRST, SECOND):
            await ledgers.close(again, by=kim)  # who clicks twice has closed it once
            with pytest.raises(NotNextDay):
                await ledgers.close(again, by=other)
        await ledgers.close(SECOND + DAY, by=kim)  # on which nothing was booked
        assert [one.journals for one in (await ledgers.days())[1]] == [0, 1, 1]
        assert (await ledgers.verify()).broken is None

    async def test_who_closes_waits_for_who_is_booking(
        self, db: Database, ledgers: Ledgers, clock: SettableClock
    ) -> None:
        kim = await staff(db)
        payment = await pay(db, 1)
        clock.advance(days=1)
        async with db.transaction() as conn:
            await conn.execute(
                "INSERT INTO refund (id, payment_id, amount_cents, reason, status, attempt_at, created_at) "
                "VALUES ($1, $2, 500, 'cancelled', 'approved', $3, $3)",
                UUID(int=501),
                payment.id,
                NOW,
            )
            await conn.execute(
                "INSERT INTO journal (kind, payment_id, refund_id, at) VALUES ('refund', $1, $2, $3)",
                payment.id,
                UUID(int=501),
                NOW,
            )
            [journal] = await conn.fetch("SELECT id FROM journal WHERE kind = 'refund'")
            for entry in REFUND:
                await conn.execute(
                    "INSERT INTO entry (journal_id, account, amount_cents) VALUES ($1, $2, $3)",
                    journal["id"],
                    entry.account,
                    entry.amount_cents,
                )
            closing = asyncio.create_task(ledgers.close(FIRST, by=kim))
            await until_somebody_waits(db)
            assert not closing.done()
        await closing
        [closed] = (await ledgers.days())[1]
        assert closed.journals == 2  # the late one, too
        assert (await ledgers.verify()).broken is None

    async def test_the_schema_itself_holds_a_day_closed(
        self, db: Database, ledgers: Ledgers, clock: SettableClock
    ) -> None:
        kim = await staff(db)
        await pay(db, 1)
        close = "INSERT INTO ledger_day (day, closed_at, closed_by) VALUES ($1, $2, $3)"
        assert await refusal(db, close, FIRST, NOW + DAY, kim) == "ledger_day_sealed"
        await ledgers.seal_due()
        assert await refusal(db, close, FIRST, NOW, kim) == "ledger_day_over"
        assert await refusal(db, close, SECOND, NOW + 3 * DAY, kim) == "ledger_day_in_order"
        clock.advance(days=1)
        await ledgers.close(FIRST, by=kim)
        assert await refusal(db, "UPDATE ledger_day SET closed_at = now()") == "ledger_day_append_only"
        assert await refusal(db, "DELETE FROM ledger_day") == "ledger_day_append_only"
        assert await refusal(db, "TRUNCATE ledger_day CASCADE") == "ledger_day_append_only"
        assert await refusal(db, "DELETE FROM journal_seal") == "journal_seal_append_only"
        assert await refusal(db, "UPDATE journal_seal SET sealed_at = now()") == "journal_seal_append_only"
        assert await refusal(db, "TRUNCATE journal_seal") == "journal_seal_append_only"
        again = "INSERT INTO journal_seal (journal_id, sealed_at) SELECT id, now() FROM journal"
        assert await refusal(db, again) == "journal_seal_once"

    async def test_a_root_kept_elsewhere_finds_a_chain_made_anew(
        self, db: Database, ledgers: Ledgers, clock: SettableClock
    ) -> None:
        kim = await staff(db)
        await three(db, ledgers)
        clock.advance(days=1)
        await ledgers.close(FIRST, by=kim)
        root = (await ledgers.days())[1][0].root_sha256
        assert (await ledgers.verify({FIRST: root})).broken is None
        rewrite = ["UPDATE entry SET amount_cents = amount_cents * 2 WHERE journal_id = 3"]
        rewrite += [
            "UPDATE journal_seal s SET sha256 = sha256(s.previous_sha256 || convert_to(journal_canonical(j), 'UTF8')) "
            "FROM journal j WHERE j.id = s.journal_id AND s.seq = 3"
        ]
        await behind_the_back(db, *rewrite)
        assert (await ledgers.verify()).broken == Broken(fault=Fault.DAY, day=FIRST)
        rewrite = [
            "UPDATE ledger_day d SET root_sha256 = sha256(decode(repeat('00', 32), 'hex') || '2026-12-01'::bytea "
            "|| (SELECT string_agg(sha256, ''::bytea ORDER BY seq) FROM journal_seal))"
        ]
        await behind_the_back(db, *rewrite)
        assert (await ledgers.verify()).broken is None  # all of it agrees with itself
        assert (await ledgers.verify({FIRST: root})).broken == Broken(fault=Fault.ROOT, day=FIRST)
        assert (await ledgers.verify({SECOND: root})).broken == Broken(fault=Fault.ROOT, day=SECOND)


class TestReversing:
    async def test_a_refund_that_came_back_reverses_its_journal_once(self, db: Database) -> None:
        refund = await give_back(db, await pay(db, 1))
        back = """
            WITH j AS (INSERT INTO journal (kind, payment_id, refund_id, at) VALUES ('refund_failed', $1, $2, now()) RETURNING id)
            INSERT INTO entry (journal_id, account, amount_cents)
            SELECT id, a, c FROM j, (VALUES ('revenue:fees', $3::int), ('psp_clearing', -$3::int)) e (a, c)"""
        assert await refusal(db, back, UUID(int=1), refund, -499) == "journal_reverses_all"
        async with db.transaction() as conn:
            await conn.execute(back, UUID(int=1), refund, -500)
            assert await conn.fetchval("SELECT reverses FROM journal WHERE kind = 'refund_failed'") == 2
        again = "INSERT INTO journal (kind, payment_id, refund_id, at, reverses) VALUES ('refund', $1, $2, now(), 2)"
        await give_back(db, await pay(db, 2), number=502)
        assert await refusal(db, again, UUID(int=2), refund) == "journal_reversed_once"


async def until_somebody_waits(db: Database) -> None:
    async with asyncio.timeout(10):
        while True:
            async with db.connection() as conn:
                if await conn.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                    return

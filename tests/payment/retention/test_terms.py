"""Terms get longer at will and shorter with a reason; what is over its term goes by a run that is written down, and nothing goes before."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from base.clock import SettableClock
from base.db import Connection, Database
from base.errors import Invalid, NotFound
from payment.bank.usecases import Bank
from payment.exports.batch import Profile
from payment.exports.usecases import Exports
from payment.ledgers.usecases import Ledgers
from payment.retention.usecases import Retention, ShorterNeedsReason
from tests.payment.bank.test_storing import BATCH, numbered
from tests.payment.bank.writing import entry, written
from tests.payment.ledgers.booking import pay, refusal, staff
from tests.payment.making import NOW

BASIS = "GemHVO BW § 39 Abs. 2"


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def retention(db: Database, clock: SettableClock) -> Retention:
    return Retention(db, clock, {})


async def until(retention: Retention, kind: str) -> date:
    return next(one.until for one in (await retention.overview()).terms if one.kind == kind)


async def count(db: Database, table: str) -> int:
    async with db.connection() as conn:
        return int(await conn.fetchval(f"SELECT count(*) FROM {table}"))


async def test_books_are_counted_from_the_end_of_their_year(retention: Retention, clock: SettableClock) -> None:
    assert await until(retention, "books") == date(2016, 1, 1)
    clock.advance(days=30)  # 31 December 2026
    assert await until(retention, "books") == date(2016, 1, 1)
    clock.advance(days=1)
    assert await until(retention, "books") == date(2017, 1, 1)
    assert await until(retention, "transfer_bank_data") == date(2026, 10, 1)


async def test_a_term_gets_longer_at_will_and_shorter_with_a_reason(db: Database, retention: Retention) -> None:
    kim = await staff(db)
    await retention.change("export_file", months="120", legal_basis=BASIS, reason="", by=kim)
    with pytest.raises(ShorterNeedsReason):
        await retention.change("export_file", months="72", legal_basis=BASIS, reason=" ", by=kim)
    await retention.change(
        "export_file", months="72", legal_basis=BASIS, reason="In Baden-Württemberg sechs Jahre", by=kim
    )
    found = await retention.overview()
    [now] = [one for one in found.terms if one.kind == "export_file"]
    assert (now.months, now.from_year_end, now.setter, now.until) == (72, True, "Kim Kasse", date(2020, 1, 1))
    assert [(one.months, one.reason) for one in found.history] == [
        (72, "In Baden-Württemberg sechs Jahre"),
        (120, None),
    ]
    with pytest.raises(NotFound):
        await retention.change("nothing", months="12", legal_basis=BASIS, reason="", by=kim)
    with pytest.raises(Invalid) as wrong:
        await retention.change("books", months="zehn", legal_basis="", reason="abc", by=kim)
    assert [one.pointer for one in wrong.value.errors] == ["/months", "/legal_basis", "/reason"]
    for months in ("0", "601", "-5", "1.5", ""):
        with pytest.raises(Invalid):
            await retention.change("books", months=months, legal_basis=BASIS, reason="", by=kim)


async def test_files_for_the_treasury_go_after_their_term_and_the_batch_stays(
    db: Database, retention: Retention, clock: SettableClock
) -> None:
    await pay(db, 1)
    kim = await staff(db)
    clock.advance(days=1)
    await Ledgers(db, clock).close(date(2026, 12, 1), by=kim)
    exports = Exports(db, clock, Profile())
    await exports.make(date(2026, 12, 1), by=kim)
    await exports.file(1, "xlsx", by=kim)
    clock.advance(days=8 * 365)  # November 2034
    assert (await retention.run(), await count(db, "export_file")) == (0, 4)
    clock.advance(days=40)
    assert await retention.run() == 4
    assert [await count(db, table) for table in ("export_file", "export_download", "export_batch")] == [0, 0, 1]
    assert await retention.run() == 0
    [run] = [one for one in (await retention.overview()).runs if one.rows and not one.is_counted]
    assert (run.kind, run.until_day, run.rows, run.at) == ("export_file", date(2027, 1, 1), 4, clock())


async def test_books_are_counted_and_stay(db: Database, retention: Retention, clock: SettableClock) -> None:
    await pay(db, 1)
    kim = await staff(db)
    clock.advance(days=1)
    await Ledgers(db, clock).close(date(2026, 12, 1), by=kim)
    clock.advance(days=11 * 366)
    assert await retention.run() == 0
    [run] = [one for one in (await retention.overview()).runs if one.kind == "books" and one.rows]
    assert (run.rows, run.is_counted, await count(db, "journal")) == (1, True, 1)
    assert (await Ledgers(db, clock).verify()).broken is None


async def test_of_bank_statements_the_names_go_and_the_chain_stays(
    db: Database, retention: Retention, clock: SettableClock
) -> None:
    bank = Bank(db, clock)
    await bank.take("1.xml", written(numbered(1, BATCH, entry(-50))), None)
    await bank.take("2.xml", written(numbered(2, opening=1250)), None)
    clock.advance(days=8 * 366 + 31)
    assert await retention.run() == 2
    assert [await count(db, one) for one in ("bank_file", "bank_detail", "bank_entry", "bank_statement")] == [
        0,
        0,
        2,
        2,
    ]
    [statements] = (await bank.statements()).values()
    assert [one.file_id for one in statements] == [None, None]
    assert statements[1].follows == statements[0].id
    assert statements[0].closing_cents == statements[1].opening_cents


async def test_messages_and_refusals_go_by_the_day(db: Database, retention: Retention, clock: SettableClock) -> None:
    async with db.connection() as conn:
        add = "INSERT INTO vendor_event (vendor, event_id, kind, received_at) VALUES ('stripe', $1, 'x', $2)"
        await conn.execute(add, "old", NOW)
        await conn.execute("INSERT INTO bank_refusal VALUES ($1, 'a.xml', $2, 'x', '{}')", bytes(32), NOW)
        clock.advance(days=366)
        await conn.execute(add, "young", clock())
    assert await retention.run() == 1  # the refused file
    assert await retention.run() == 0  # once a day
    clock.advance(days=366)
    assert (await retention.run(), await count(db, "vendor_event")) == (1, 1)


async def test_another_part_of_the_product_erases_by_its_own_hand(db: Database, clock: SettableClock) -> None:
    asked: list[datetime] = []

    async def erase(_conn: Connection, before: datetime) -> int:
        asked.append(before)
        return 3

    retention = Retention(db, clock, {"transfer_bank_data": erase})
    assert (await retention.run(), await retention.run()) == (3, 0)
    assert [one.isoformat() for one in asked] == ["2026-08-31T22:00:00+00:00"]
    [run] = [one for one in (await retention.overview()).runs if one.kind == "transfer_bank_data"]
    assert (run.rows, run.until_day) == (3, date(2026, 9, 1))


async def test_one_kind_that_fails_keeps_no_other_from_its_turn(db: Database, clock: SettableClock) -> None:
    async def fails(conn: Connection, _before: datetime) -> int:
        return int(await conn.fetchval("SELECT 1 / 0"))

    retention = Retention(db, clock, {"transfer_bank_data": fails})
    await retention.run()
    ran = {one.kind for one in (await retention.overview()).runs}
    assert ran == {"books", "export_file", "bank_statement", "bank_refusal", "provider_message", "finance_note"}


async def test_the_schema_keeps_what_is_within_its_term(db: Database, clock: SettableClock) -> None:
    await pay(db, 1)
    kim = await staff(db)
    clock.advance(days=1)
    await Ledgers(db, clock).close(date(2026, 12, 1), by=kim)
    await Exports(db, clock, Profile()).make(date(2026, 12, 1), by=kim)
    await Bank(db, clock).take("1.xml", written(numbered(1, BATCH)), None)
    run = "INSERT INTO retention_run (kind, until_day, rows, is_counted, at) VALUES ($1, $2, 0, false, $3)"
    for table in ("export_file", "bank_detail", "bank_file", "retention_run", "retention_term"):
        if table != "retention_run":
            assert await refusal(db, f"DELETE FROM {table}") == f"{table}_append_only"
        assert await refusal(db, f"TRUNCATE {table} CASCADE") == f"{table}_append_only"
    early = await refusal(db, run, "export_file", date(2027, 1, 1), clock())
    assert early == await refusal(db, run, "nothing", date(2000, 1, 1), clock()) == "retention_run_in_term"
    allowed = datetime(2035, 1, 1, 12, tzinfo=clock().tzinfo)
    async with db.transaction() as conn:  # a run of another transaction opens nothing
        await conn.execute(run, "export_file", date(2027, 1, 1), allowed)
    assert await refusal(db, "DELETE FROM export_file") == "export_file_append_only"
    assert await refusal(db, "UPDATE retention_run SET rows = 9") == "retention_run_append_only"
    assert await refusal(db, run, "export_file", date(2027, 1, 1), allowed) == "retention_run_once"
    assert await refusal(db, "UPDATE bank_statement SET file_id = NULL") == "bank_statement_append_only"
    assert await refusal(db, "UPDATE bank_statement SET closing_cents = 1") == "bank_statement_append_only"
    term = """
        INSERT INTO retention_term (kind, months, from_year_end, legal_basis, reason, set_by, set_at)
        VALUES ($1, $2, true, 'basis', $3, $4, now())"""
    assert await refusal(db, term, "books", 119, None, kim) == "retention_term_shorter_with_reason"
    assert await refusal(db, term, "books", 120, None, None) == "retention_term_of_known_kind"
    assert await refusal(db, term, "another", 120, None, kim) == "retention_term_of_known_kind"
    assert await refusal(db, term, "books", 0, "a reason", kim) == "retention_term_months"

"""What is stored of bank files: all or nothing, once, in a chain; and what the schema refuses whoever writes."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import NotFound
from payment.bank import refusing
from payment.bank.chain import Gap, gap, is_next
from payment.bank.folder import BankFolder
from payment.bank.model import BankEntry, Party, Statement
from payment.bank.usecases import Bank
from tests.payment.bank.writing import OURS, THEIRS, detail, entry, statement, written
from tests.payment.making import NOW

TABLES = ("bank_file", "bank_statement", "bank_entry", "bank_detail")


@pytest.fixture
def bank(db: Database) -> Bank:
    return Bank(db, SettableClock(NOW))


def numbered(number: int, *entries: BankEntry, opening: int = 1000, year: int = 2026) -> Statement:
    day = date(year, 12, 1)
    return statement(*entries, opening=opening, sequence=number, statement_id=f"S-{number}", from_on=day, to_on=day)


async def counts(db: Database) -> list[int]:
    async with db.connection() as conn:
        return [await conn.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES]


async def refusal(db: Database, sql: str, *values: object) -> str | None:
    with pytest.raises(asyncpg.PostgresError) as caught:
        async with db.transaction() as conn:
            await conn.execute(sql, *values)
    return getattr(caught.value, "constraint_name", None)


BATCH = entry(
    300,
    acct_svcr_ref="B-1",
    details=(
        detail(100, end_to_end_id="E-1", debtor=Party(name="Kim Muster", iban=THEIRS), remittance="RF26SCH000000001"),
        detail(200, end_to_end_id="E-2"),
    ),
)


async def test_the_same_file_is_stored_once_whoever_sends_it(db: Database, bank: Bank) -> None:
    raw = written(numbered(1, BATCH, entry(-50, info="Entgelt")))
    first, *others = await asyncio.gather(*(bank.take(f"{n}.xml", raw, None) for n in range(5)))
    assert {one.id for one in (first, *others)} == {first.id}
    assert sum(one.is_new for one in (first, *others)) == 1
    assert await counts(db) == [1, 1, 2, 2]
    assert [one.sequence for one in await bank.of_file(first.id)] == [1]


async def test_entries_are_found_by_name_reference_and_amount(bank: Bank) -> None:
    await bank.take("a.xml", written(numbered(1, BATCH, entry(-50, info="Entgelt"))), None)
    (one,) = (await bank.statements())[OURS]
    assert [(each.entry, each.position, each.amount_cents) for each in await bank.payments(one.id)] == [
        (1, 1, 100),
        (1, 2, 200),
        (2, 0, -50),
    ]
    for text, cents, found in [
        ("kim", None, [100]),
        (THEIRS[-8:], None, [100]),
        ("rf26sch", None, [100]),
        ("e-2", None, [200]),
        ("entgelt", None, [-50]),
        ("B-1", None, [100, 200]),
        ("", 50, [-50]),
        ("", 300, [100, 200]),
        ("%", None, []),
        ("nobody", None, []),
    ]:
        assert [each.amount_cents for each in await bank.payments(one.id, text, cents)] == found, text
        assert [each.amount_cents for each in await bank.payments(None, text, cents)] == found, text
    with pytest.raises(NotFound):
        await bank.statement(one.id + 1)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (1, 3, 2), (2, 3, 1)])
async def test_statements_form_a_chain_in_whatever_order_they_come(bank: Bank, order: tuple[int, ...]) -> None:
    made = {n: numbered(n, entry(10, acct_svcr_ref=f"R-{n}"), opening=1000 + 10 * (n - 1)) for n in (1, 2, 3)}
    for n in order:
        await bank.take(f"{n}.xml", written(made[n]), None)
    chain = (await bank.statements())[OURS]
    assert [one.follows for one in chain] == [None, chain[0].id, chain[1].id]


async def test_several_statements_in_one_file_may_stand_in_any_order(bank: Bank) -> None:
    await bank.take("a.xml", written(numbered(2, opening=1010), numbered(1, entry(10))), None)
    chain = (await bank.statements())[OURS]
    assert [(one.sequence, one.follows) for one in chain] == [(1, None), (2, chain[0].id)]


@pytest.mark.parametrize(
    ("stored", "sent", "refused"),
    [
        (numbered(1), numbered(2, opening=1001), refusing.DoesNotContinue),
        (numbered(2, opening=1001), numbered(1), refusing.DoesNotContinue),
        (numbered(1), numbered(1, entry(1)), refusing.StatementKnown),
        (
            numbered(1, entry(5, acct_svcr_ref="R")),
            numbered(9, entry(5, acct_svcr_ref="R")),
            refusing.ReferenceKnown,
        ),
    ],
)
async def test_what_does_not_fit_is_refused_whole(
    db: Database, bank: Bank, stored: Statement, sent: Statement, refused: type[refusing.BankFileRefused]
) -> None:
    await bank.take("a.xml", written(stored), None)
    before = await counts(db)
    right = numbered(5, entry(7, acct_svcr_ref="right"), year=2020)
    with pytest.raises(refused) as caught:
        await bank.take("b.xml", written(right, sent), None)
    assert int(caught.value.fields["line"]) > 20  # in the second statement of the file
    assert await counts(db) == before


async def test_one_reference_twice_in_a_file_is_refused(db: Database, bank: Bank) -> None:
    with pytest.raises(refusing.ReferenceKnown):
        await bank.take("a.xml", written(numbered(1, *(entry(5, acct_svcr_ref="R") for _ in range(2)))), None)
    assert await counts(db) == [0, 0, 0, 0]


def test_gaps_are_numbers_that_nobody_sent() -> None:
    assert is_next(numbered(1), numbered(2))
    assert is_next(numbered(250), numbered(1, year=2027))
    assert is_next(numbered(250), numbered(251, year=2027))
    assert gap(numbered(1), numbered(4)) == Gap(2, 3)
    assert gap(numbered(250), numbered(3, year=2027)) == Gap(None, 2)
    assert gap(numbered(250), numbered(1, year=2027)) is None


async def test_the_schema_wants_what_the_code_promises(db: Database, bank: Bank) -> None:
    await bank.take("a.xml", written(numbered(1, BATCH, entry(5))), None)
    add = """
        INSERT INTO bank_statement (file_id, iban, statement_id, year, sequence, from_on, to_on, opening_cents, closing_cents,
                                    entries, follows)
        SELECT file_id, iban, 'x', {year}, {sequence}, from_on, to_on, {opening}, {closing}, {entries}, {follows} FROM bank_statement"""
    right = {"year": 2026, "sequence": 2, "opening": 1305, "closing": 1305, "entries": 0, "follows": "id"}
    for change, constraint in [
        ({"opening": 1306, "closing": 1306}, "bank_statement_continues"),
        ({"closing": 1306}, "bank_statement_adds_up"),
        ({"entries": 1}, "bank_statement_adds_up"),
        ({"sequence": 1}, "bank_statement_once"),
        ({"year": 2025}, "bank_statement_year_of_end"),
    ]:
        assert await refusal(db, add.format(**{**right, **change})) == constraint
    async with db.transaction() as conn:
        await conn.execute(add.format(**right))
    assert await refusal(db, add.format(**{**right, "sequence": 3})) == "bank_statement_followed_once"
    more = """
        INSERT INTO bank_entry (statement_id, position, iban, amount_cents, is_reversal, booked_on, acct_svcr_ref, entry_ref, msg_id,
                                pmt_inf_id, info, details)
        SELECT statement_id, 9, iban, 0, false, booked_on, {ref}, '', '', '', '', 0 FROM bank_entry WHERE position = 1"""
    assert await refusal(db, more.format(ref="''")) == "bank_statement_complete"
    assert await refusal(db, more.format(ref="'B-1'")) == "bank_entry_reference_once"
    part = """
        INSERT INTO bank_detail (statement_id, entry, position, amount_cents, acct_svcr_ref, end_to_end_id, msg_id, pmt_inf_id, debtor_name,
                                 debtor_iban, creditor_name, creditor_iban, remittance, creditor_reference, return_reason)
        SELECT statement_id, entry, 9, 0, '', '', '', '', '', '', '', '', '', '', '' FROM bank_detail WHERE position = 1"""
    assert await refusal(db, part) == "bank_entry_complete"
    for table in TABLES:
        await refusal(db, f"DELETE FROM {table}")
        await refusal(db, f"TRUNCATE {table} CASCADE")
    for column in ("name = 'y'", "raw = 'y'"):
        await refusal(db, f"UPDATE bank_file SET {column}")
    await refusal(db, "UPDATE bank_entry SET info = 'y'")
    await refusal(db, "UPDATE bank_detail SET remittance = 'y'")
    await refusal(db, "UPDATE bank_statement SET statement_id = 'y'")
    await refusal(db, "UPDATE bank_statement SET follows = NULL WHERE sequence = 2")
    same = "INSERT INTO bank_file (id, name, raw, read_at) SELECT gen_random_uuid(), 'b', raw, read_at FROM bank_file"
    assert await refusal(db, same) == "bank_file_once"


async def test_an_entry_and_its_payments_agree_at_commit(db: Database, bank: Bank) -> None:
    await bank.take("a.xml", written(numbered(1)), None)
    sql = """
        WITH s AS (
          INSERT INTO bank_statement (file_id, iban, statement_id, year, sequence, from_on, to_on, opening_cents, closing_cents, entries)
          SELECT file_id, iban, 'x', year, 7, from_on, to_on, 0, 5, 1 FROM bank_statement RETURNING id, iban, to_on)
        INSERT INTO bank_entry (statement_id, position, iban, amount_cents, is_reversal, booked_on, acct_svcr_ref, entry_ref, msg_id,
                                pmt_inf_id, info, details)
        SELECT id, 1, iban, 5, false, to_on, '', '', '', '', '', 1 FROM s"""
    assert await refusal(db, sql) == "bank_entry_adds_up"


async def test_the_folder_is_emptied_into_read_and_refused(db: Database, bank: Bank, tmp_path: Path) -> None:
    folder = BankFolder(bank, str(tmp_path))
    right, wrong = written(numbered(1, BATCH)), written(numbered(3)).replace(b"CLBD", b"ITBD")
    for name, raw in [("1.xml", right), ("2.xml", wrong), ("3.xml", right), ("4.xml.part", right)]:
        (tmp_path / name).write_bytes(raw)
    assert await folder.run() == 3
    assert await counts(db) == [1, 1, 1, 2]
    assert sorted(one.name[17:] for one in (tmp_path / "read").iterdir()) == ["1.xml", "3.xml"]
    assert [one.name[17:] for one in (tmp_path / "refused").iterdir()] == ["2.xml"]
    assert (tmp_path / "4.xml.part").exists()
    (shown,) = await bank.refusals()
    assert (shown.name, shown.code, shown.fields["element"], shown.fields["line"]) == (
        "2.xml",
        "bank_file_element_missing",
        "Stmt",
        5,
    )
    assert await folder.run() == 0
    (tmp_path / "1.xml").write_bytes(right)  # as if the process had ended before it moved the file
    (tmp_path / "2.xml").write_bytes(wrong)
    assert await folder.run() == 2
    assert await counts(db) == [1, 1, 1, 2]
    assert len(await bank.refusals()) == 1


async def test_no_folder_is_no_duty(bank: Bank) -> None:
    assert await BankFolder(bank, "").run() == 0


async def test_a_folder_that_is_not_there_says_nothing_and_finds_nothing(bank: Bank, tmp_path: Path) -> None:
    assert await BankFolder(bank, str(tmp_path / "none")).run() == 0

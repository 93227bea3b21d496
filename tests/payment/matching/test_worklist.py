"""Differences as people work on them; what two persons settle, the books and the next run know."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pytest

from base.db import Database
from base.errors import Invalid
from base.idempotency import KeyReused
from payment.matching.model import Cause
from payment.matching.worklist import (
    AlreadyAsked,
    Differences,
    NeedsTwo,
    NothingIsBooked,
    NotOpen,
    OwnSettlement,
    SettlementDecided,
)
from payment.matching.worklist_model import Filter, Listed, State
from tests.conftest import cloned, name_of, run
from tests.payment.ledgers.booking import refusal, staff
from tests.payment.matching.month import FIRST, LAST, Month, Size

KEY = UUID(int=77)


@dataclass
class Played:
    month: Month
    template: str
    at: datetime


@pytest.fixture(scope="module")
def played(database_url: str, template: str) -> Iterator[Played]:
    """A small month with a fault of each kind, matched once, to be copied for each test."""

    async def play(address: str) -> None:
        async with Database(address, size=3) as db:
            month = Month(db, Size(payments=150, refunds=20, disputes=0, faults=1))
            await month.play()
            await month.matching.run(FIRST, LAST, by=month.staff)
            made.append(Played(month, name_of(address), month.clock()))

    made: list[Played] = []
    with cloned(database_url, template) as address:
        run(play(address))
        yield made[0]


@pytest.fixture
def dsn(database_url: str, played: Played) -> Iterator[str]:
    with cloned(database_url, played.template) as address:
        yield address


@pytest.fixture
def month(db: Database, played: Played) -> Month:
    played.month.use(db)
    played.month.clock.set(played.at)
    return played.month


@pytest.fixture
def differences(db: Database, month: Month) -> Differences:
    return Differences(db, month.clock, ["stripe"])


async def one(differences: Differences, cause: Cause, state: State = State.OPEN) -> Listed:
    rows = (await differences.list(Filter(cause=cause, state=state))).rows
    return rows[0]


async def account_cents(db: Database, account: str) -> int:
    async with db.connection() as conn:
        return int(await conn.fetchval("SELECT coalesce(sum(amount_cents), 0) FROM entry WHERE account = $1", account))


async def test_the_list_by_cause_owner_and_age(db: Database, month: Month, differences: Differences) -> None:
    everything = await differences.list(Filter())
    assert sum(everything.open_by_cause.values()) == len(everything.rows) == 24
    assert {row.cause for row in everything.rows} == set(everything.open_by_cause)
    late = await one(differences, Cause.PAYOUT_LATE)
    await differences.take(late.id, by=month.staff)
    assert [row.id for row in (await differences.list(Filter(owner=month.staff))).rows] == [late.id]
    assert (await differences.list(Filter())).owners == {month.staff: "Kim Kasse"}
    assert late.id not in {row.id for row in (await differences.list(Filter(unowned=True))).rows}
    today = month.clock().date()
    old = (await differences.list(Filter(older_than_days=20))).rows
    assert old
    assert {row.age_days(today) >= 20 for row in old} == {True}


async def test_taken_commented_left_and_noted(db: Database, month: Month, differences: Differences) -> None:
    late = await one(differences, Cause.PAYOUT_LATE)
    await differences.take(late.id, by=month.staff)
    await differences.take(late.id, by=month.staff)
    await differences.comment(late.id, by=month.staff, text=" Die Bank hatte eine Störung. ")
    await differences.leave(late.id, by=month.staff)
    await differences.explain(late.id, by=month.staff, text="Kam einen Tag später.")
    story = await differences.get(late.id)
    assert [(note.what, note.text) for note in story.notes] == [
        ("opened", ""),
        ("taken", ""),
        ("comment", "Die Bank hatte eine Störung."),
        ("left", ""),
        ("explained", "Kam einen Tag später."),
    ]
    assert (story.listed.state, story.listed.owner) == (State.EXPLAINED, None)
    with pytest.raises(NotOpen):
        await differences.take(late.id, by=month.staff)
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed) == (0, 0)
    assert (await differences.get(late.id)).listed.state is State.EXPLAINED
    with pytest.raises(Invalid):
        await differences.comment(late.id, by=month.staff, text=" ")


SETTLED = {
    Cause.MISSING_THERE: (State.WRITTEN_OFF, "psp_clearing"),
    Cause.MISSING_HERE: (State.WRITTEN_OFF, "psp_clearing"),
    Cause.PAYOUT_SPLIT: (State.EXPLAINED, "bank"),
    Cause.UNKNOWN_CREDIT: (State.EXPLAINED, "bank"),
    Cause.UNKNOWN_DEBIT: (State.EXPLAINED, "bank"),
}


@pytest.mark.parametrize("cause", SETTLED)
async def test_settled_by_two_and_gone_for_the_next_run(
    db: Database, month: Month, differences: Differences, cause: Cause
) -> None:
    state, account = SETTLED[cause]
    found, other = await one(differences, cause), await staff(db)
    before = await account_cents(db, account)
    request = await differences.ask(found.id, by=month.staff, text="Geprüft mit der Bank.", key=KEY)
    assert await differences.ask(found.id, by=month.staff, text="Geprüft mit der Bank.", key=KEY) == request
    with pytest.raises(KeyReused):
        await differences.ask(found.id, by=month.staff, text="Anders.", key=KEY)
    with pytest.raises(AlreadyAsked):
        await differences.ask(found.id, by=other, text="Auch ich.", key=UUID(int=78))
    with pytest.raises(OwnSettlement):
        await differences.approve(found.id, request.id, by=month.staff)
    await differences.approve(found.id, request.id, by=other)
    await differences.approve(found.id, request.id, by=other)
    with pytest.raises(SettlementDecided):
        await differences.reject(found.id, request.id, by=other)
    assert (await differences.get(found.id)).listed.state is state
    cents = found.difference.cents if account == "psp_clearing" else found.there_cents
    assert await account_cents(db, account) - before == cents
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed) == (0, 0)
    assert (found.cause, found.subject) not in {(row.cause, row.subject) for row in again.differences}


async def test_a_cent_that_the_bank_did_not_credit(db: Database, month: Month, differences: Differences) -> None:
    rows = (await differences.list(Filter(cause=Cause.AMOUNT))).rows
    off = next(row for row in rows if row.subject.startswith("payout:"))
    request = await differences.ask(off.id, by=month.staff, text="Ein Cent fehlt.", key=KEY)
    await differences.approve(off.id, request.id, by=await staff(db))
    assert await account_cents(db, "write_off") == 1
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed) == (0, 0)


async def test_two_who_approve_at_once_book_once(db: Database, month: Month, differences: Differences) -> None:
    found = await one(differences, Cause.MISSING_THERE)
    request = await differences.ask(found.id, by=month.staff, text="Nicht zu finden.", key=KEY)
    people = [await staff(db, f"zwei{n}") for n in range(4)]
    done = await asyncio.gather(
        *(differences.approve(found.id, request.id, by=one) for one in people), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["NoneType", *["SettlementDecided"] * 3]
    assert await account_cents(db, "write_off") == found.here_cents


async def test_a_request_that_was_rejected_can_be_made_anew(
    db: Database, month: Month, differences: Differences
) -> None:
    found = await one(differences, Cause.MISSING_THERE)
    request = await differences.ask(found.id, by=month.staff, text="Weg damit.", key=KEY)
    await differences.reject(found.id, request.id, by=month.staff)
    assert await account_cents(db, "write_off") == 0
    await differences.ask(found.id, by=month.staff, text="Noch einmal.", key=UUID(int=78))


async def test_what_books_nothing_cannot_be_asked_for_and_what_books_cannot_be_noted(
    month: Month, differences: Differences
) -> None:
    late, missing = await one(differences, Cause.PAYOUT_LATE), await one(differences, Cause.MISSING_THERE)
    with pytest.raises(NothingIsBooked):
        await differences.ask(late.id, by=month.staff, text="Buchen.", key=KEY)
    with pytest.raises(NeedsTwo):
        await differences.explain(missing.id, by=month.staff, text="Egal.")


async def test_a_gap_that_is_filled_closes_by_itself(db: Database, month: Month, differences: Differences) -> None:
    gap = await one(differences, Cause.STATEMENT_GAP)
    number = int(gap.subject.rsplit(":", 1)[1])
    async with db.transaction() as conn:  # as the file of that day would be stored; nothing was booked on it
        await conn.execute(
            """
            WITH f AS (INSERT INTO bank_file (id, name, raw, read_at) VALUES (gen_random_uuid(), 'late', 'x', now()) RETURNING id)
            INSERT INTO bank_statement (file_id, iban, statement_id, year, sequence, from_on, to_on, opening_cents, closing_cents, entries)
            SELECT f.id, s.iban, 'late', 2026, $1, s.from_on - 1, s.from_on - 1, s.opening_cents, s.opening_cents, 0
              FROM f, bank_statement s WHERE s.sequence = $1 + 1""",
            number,
        )
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert again.closed == 1
    assert (await differences.get(gap.id)).listed.state is State.CLOSED


async def test_the_days_as_lights(month: Month, differences: Differences) -> None:
    await month.close_all()
    await month.matching.run(FIRST, LAST, by=month.staff)
    days = await differences.days(FIRST, LAST)
    assert [one.day for one in days] == sorted((one.day for one in days), reverse=True)
    by_day = {one.day: one for one in days}
    late = await one(differences, Cause.PAYOUT_LATE)
    gap = await one(differences, Cause.STATEMENT_GAP)
    missing = await one(differences, Cause.MISSING_THERE)
    assert (by_day[late.day].payout, by_day[late.day].payout_open) == ("red", 1)
    assert by_day[gap.day].bank == "red"
    assert (by_day[missing.day].provider, by_day[missing.day].ledger) == ("red", "green")
    unacknowledged = [row.day for row in (await differences.list(Filter(cause=Cause.EXPORT_NOT_ACKNOWLEDGED))).rows]
    assert [one.day for one in days if one.exported == "red"] == sorted(unacknowledged, reverse=True)
    assert {"green"} < {one.provider for one in days} | {one.bank for one in days}


async def test_round_the_code_nothing_is_settled_by_one(db: Database, month: Month, differences: Differences) -> None:
    found = await one(differences, Cause.MISSING_THERE)
    request = await differences.ask(found.id, by=month.staff, text="Weg damit.", key=KEY)
    journal = """
        WITH j AS (INSERT INTO journal (kind, subject, at) VALUES ('difference_settled', 'charge:x', now()) RETURNING id),
        e AS (INSERT INTO entry (journal_id, account, amount_cents)
              SELECT id, account, cents FROM j, (VALUES ('write_off', 1), ('psp_clearing', -1)) e (account, cents))
        UPDATE difference_request r SET decided_by = $2, decided_at = now(), approved = true, journal_id = j.id FROM j WHERE r.id = $1"""
    assert await refusal(db, journal, request.id, month.staff) == "difference_request_four_eyes"
    alone = """
        WITH j AS (INSERT INTO journal (kind, subject, at) VALUES ('difference_settled', 'charge:x', now()) RETURNING id)
        INSERT INTO entry (journal_id, account, amount_cents)
        SELECT id, account, cents FROM j, (VALUES ('write_off', 1), ('psp_clearing', -1)) e (account, cents)"""
    assert await refusal(db, alone) == "journal_settles_by_two"
    end = "UPDATE difference SET state = 'written_off', ended_at = now() WHERE id = $1"
    assert await refusal(db, end, found.id) == "difference_written_off_by_two"
    assert await refusal(db, "DELETE FROM difference WHERE id = $1", found.id) == "difference_never_deleted"
    changed = "UPDATE difference SET subject = 'charge:y' WHERE id = $1"
    assert await refusal(db, changed, found.id) == "difference_identity_fixed"
    again = "INSERT INTO difference (cause, subject, day, proposal, opened_at) VALUES ($1, $2, $3, 'wait', now())"
    assert await refusal(db, again, found.cause.value, found.subject, found.day) == "difference_once"
    assert await refusal(db, "UPDATE difference_note SET text = 'x'") == "difference_note_append_only"
    other = "UPDATE difference_request SET note = 'anders' WHERE id = $1"
    assert await refusal(db, other, request.id) == "difference_request_decided_once"


async def test_round_the_code_a_line_is_put_to_one_payout_that_it_is(db: Database, month: Month) -> None:
    async with db.connection() as conn:
        (line,) = await conn.fetch("SELECT * FROM bank_match WHERE payout_id IS NOT NULL LIMIT 1")
        (free,) = await conn.fetch("SELECT statement_id, entry, position FROM bank_detail WHERE amount_cents = 4711")
    sql = """
        INSERT INTO bank_match (statement_id, entry, position, provider, payout_id, journal_id, at)
        VALUES ($1, $2, $3, 'stripe', $4, $5, now())"""
    values = (line["payout_id"], line["journal_id"])
    assert await refusal(db, sql, *free, *values) == "bank_match_exact"
    assert await refusal(db, sql, line["statement_id"], line["entry"], line["position"], *values) == "bank_match_once"
    assert await refusal(db, sql, free["statement_id"], free["entry"], 0, *values) == "bank_match_line"
    assert await refusal(db, "UPDATE bank_match SET position = 9") == "bank_match_append_only"


async def test_a_difference_found_again_later_is_another_one(
    db: Database, month: Month, differences: Differences
) -> None:
    late = await one(differences, Cause.PAYOUT_LATE)
    async with db.transaction() as conn:
        await conn.execute("UPDATE difference SET state = 'closed', ended_at = now() WHERE id = $1", late.id)
    assert (
        await refusal(db, "UPDATE difference SET state = 'open', ended_at = NULL WHERE id = $1", late.id)
        == "difference_ends_once"
    )
    month.clock.advance(minutes=5)
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert again.opened == 1
    assert (await one(differences, Cause.PAYOUT_LATE)).id != late.id

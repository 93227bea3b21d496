"""What tills have sent and the bank's lines, in a database: put together by a run or by two persons, parted by a reversal."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from base.db import Database
from base.errors import Invalid
from base.idempotency import KeyReused
from payment.ledgers.reversals import Reversals
from payment.matching.model import Cause
from payment.matching.worklist import UNASSIGNED, ChangedMeanwhile, Differences
from payment.matching.worklist_model import Filter, Listed, State
from tests.conftest import cloned
from tests.payment.ledgers.booking import refusal, staff
from tests.payment.matching.month import FIRST, LAST, Month
from tests.payment.matching.test_worklist import Played, account_cents, month, one, played

KEY = UUID(int=77)
__all__ = ["month", "played"]  # fixtures


@pytest.fixture
def dsn(database_url: str, played: Played) -> Iterator[str]:
    with cloned(database_url, played.template) as address:
        yield address


@pytest.fixture
def differences(db: Database, month: Month) -> Differences:
    return Differences(db, month.clock, ["stripe"])


async def settled(db: Database, month: Month, differences: Differences, found: Listed, choice: str) -> int:
    """By two; the number of the journal."""
    other = await staff(db, f"zwei-{uuid4()}")
    asked = await differences.ask(found.id, by=month.staff, text="Mit der Bank geklärt.", key=uuid4(), choice=choice)
    await differences.approve(found.id, asked.id, by=other)
    async with db.connection() as conn:
        return int(await conn.fetchval("SELECT journal_id FROM difference_request WHERE id = $1", asked.id))


async def reverse(db: Database, month: Month, journal: int) -> None:
    reversals, key = Reversals(db, month.clock), uuid4()
    await reversals.request(journal, by=month.staff, reason="War eine andere Zeile.", key=key)
    await reversals.approve(key, by=await staff(db, f"drei{journal}"))


async def test_short_by_ten_euros_the_rest_is_a_difference_of_cash(
    db: Database, month: Month, differences: Differences
) -> None:
    rows = (await differences.list(Filter(cause=Cause.TILL_AMOUNT))).rows
    short = next(row for row in rows if row.choices[0].rest == "cash_difference")
    dear = next(row for row in rows if row.choices[0].rest == "psp_fees")
    assert short.here_cents is not None
    assert short.there_cents == short.here_cents - 1_000
    fees, way, cards = [await account_cents(db, one) for one in ("psp_fees", "cash_in_transit", "terminal_clearing")]
    with pytest.raises(Invalid):
        await differences.ask(short.id, by=month.staff, text="Was auch immer.", key=KEY)
    with pytest.raises(Invalid):
        await differences.ask(short.id, by=month.staff, text="Eine andere.", key=KEY, choice="deposit:x")
    for found in (short, dear):
        await settled(db, month, differences, found, found.choices[0].key)
    assert await account_cents(db, "cash_difference") == 1_000
    assert await account_cents(db, "cash_in_transit") == way - short.here_cents
    assert await account_cents(db, "terminal_clearing") == cards - (dear.here_cents or 0)
    assert await account_cents(db, "psp_fees") == fees - dear.difference.cents
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed) == (0, 0)


async def test_of_two_alike_people_choose_and_what_was_chosen_is_no_choice_for_the_other(
    db: Database, month: Month, differences: Differences
) -> None:
    first, second = (await differences.list(Filter(cause=Cause.TILL_AMBIGUOUS))).rows
    chosen = first.choices[0].key
    assert chosen in {choice.key for choice in second.choices}
    both = [
        await differences.ask(each.id, by=month.staff, text="Diese.", key=KEY, choice=chosen)
        for each in (first, second)
    ]
    with pytest.raises(KeyReused):
        await differences.ask(first.id, by=month.staff, text="Diese.", key=KEY, choice=UNASSIGNED)
    other = await staff(db)
    changed = "UPDATE difference_request SET choice = NULL WHERE id = $1"
    assert await refusal(db, changed, both[0].id) == "difference_request_choice_fixed"
    await differences.approve(first.id, both[0].id, by=other)
    with pytest.raises(ChangedMeanwhile):
        await differences.approve(second.id, both[1].id, by=other)
    assert (await differences.get(second.id)).listed.state is State.OPEN
    await month.matching.run(FIRST, LAST, by=month.staff)  # now it can be the other one alone
    assert (await differences.get(second.id)).listed.state is State.CLOSED
    assert (await differences.list(Filter(cause=Cause.TILL_AMBIGUOUS))).rows == ()


async def test_a_line_may_be_kept_as_not_known_instead(db: Database, month: Month, differences: Differences) -> None:
    found = await one(differences, Cause.TILL_AMBIGUOUS)
    await settled(db, month, differences, found, UNASSIGNED)
    assert await account_cents(db, "unassigned") == -(found.there_cents or 0)


@pytest.mark.parametrize("cause", [Cause.UNKNOWN_CREDIT, Cause.TILL_AMOUNT, Cause.PAYOUT_SPLIT])
async def test_what_is_reversed_frees_its_lines_and_is_open_again(
    db: Database, month: Month, differences: Differences, cause: Cause
) -> None:
    found = await one(differences, cause)
    choice = found.choices[0].key if cause is Cause.TILL_AMOUNT else ""
    before = await account_cents(db, "bank")
    journal = await settled(db, month, differences, found, choice)
    assert await account_cents(db, "bank") == before + (found.there_cents or 0)
    await reverse(db, month, journal)
    story = await differences.get(found.id)
    assert (story.listed.state, story.notes[-1].what) == (State.OPEN, "reopened")
    assert await account_cents(db, "bank") == before
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed) == (0, 0)  # it is there already, and its line is free
    if cause is not Cause.PAYOUT_SPLIT:
        await settled(db, month, differences, story.listed, choice)
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed) == (0, 0)


async def test_what_a_run_has_put_together_and_people_have_parted_is_theirs(
    db: Database, month: Month, differences: Differences
) -> None:
    async with db.connection() as conn:
        journal = await conn.fetchval(
            "SELECT journal_id FROM bank_cleared WHERE kind = 'deposit' ORDER BY journal_id LIMIT 1"
        )
    await reverse(db, month, journal)
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert again.opened == 1
    found = next(
        row for row in (await differences.list(Filter(cause=Cause.TILL_AMBIGUOUS))).rows if len(row.choices) == 1
    )
    await settled(db, month, differences, found, found.choices[0].key)
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed) == (0, 0)


async def test_the_account_is_what_the_statement_says_until_something_is_booked_without_a_line(
    db: Database, month: Month, differences: Differences
) -> None:
    assert (await differences.list(Filter(cause=Cause.BANK_BALANCE))).rows == ()
    stray = """
        WITH j AS (INSERT INTO journal (kind, subject, at) VALUES ('payout_arrived', 'po_x#bank:9.9.9', $1) RETURNING id)
        INSERT INTO entry (journal_id, account, amount_cents)
        SELECT id, account, cents FROM j, (VALUES ('bank', 777), ('bank_in_transit', -777)) e (account, cents)"""
    async with db.transaction() as conn:
        await conn.execute(stray, month.clock())
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert again.opened == 1
    gap = await one(differences, Cause.BANK_BALANCE)
    assert (gap.difference.cents, gap.takes_two, gap.posts) == (-777, True, False)
    asked = await differences.ask(gap.id, by=month.staff, text="Falsch gebucht.", key=KEY)
    await differences.approve(gap.id, asked.id, by=await staff(db))
    assert (await differences.get(gap.id)).listed.state is State.EXPLAINED
    again = await month.matching.run(FIRST, LAST, by=month.staff)
    assert (again.opened, again.closed) == (0, 0)


async def test_round_the_code_a_line_clears_once_and_what_it_clears_makes_it(db: Database, month: Month) -> None:
    async with db.connection() as conn:
        (put,) = await conn.fetch("SELECT * FROM bank_cleared WHERE kind = 'deposit' LIMIT 1")
        (line,) = await conn.fetch("SELECT * FROM bank_match WHERE journal_id = $1", put["journal_id"])
        (free,) = await conn.fetch("SELECT statement_id, entry, position FROM bank_detail WHERE amount_cents = 4711")
    again = "INSERT INTO bank_cleared (journal_id, kind, drawer_id, cents) VALUES ($1, 'deposit', $2, $3)"
    assert await refusal(db, again, put["journal_id"], put["drawer_id"], put["cents"]) == "bank_cleared_drawer_once"
    assert await refusal(db, again, put["journal_id"], put["drawer_id"], put["cents"] - 1) == "bank_cleared_as_sent"
    second = "INSERT INTO bank_match (statement_id, entry, position, journal_id, at) VALUES ($1, $2, $3, $4, now())"
    place = (line["statement_id"], line["entry"], line["position"])
    assert await refusal(db, second, *place, line["journal_id"]) == "bank_match_once"
    assert await refusal(db, second, *free.values(), line["journal_id"]) == "bank_clears_whole"
    alone = """
        WITH j AS (INSERT INTO journal (kind, subject, at) VALUES ('till_arrived', 'x', now()) RETURNING id),
        e AS (INSERT INTO entry (journal_id, account, amount_cents)
              SELECT id, account, cents FROM j, (VALUES ('bank', 4711), ('unassigned', -4711)) e (account, cents))
        INSERT INTO bank_match (statement_id, entry, position, journal_id, at) SELECT $1, $2, $3, id, now() FROM j"""
    assert await refusal(db, alone, *free.values()) == "bank_clears_exactly"
    assert await refusal(db, "UPDATE bank_match SET freed_by = NULL") == "bank_match_append_only"
    assert await refusal(db, "UPDATE bank_cleared SET cents = 1") == "bank_cleared_append_only"
    assert await refusal(db, "DELETE FROM bank_cleared") == "bank_cleared_append_only"
    assert await refusal(db, "DELETE FROM bank_match") == "bank_match_append_only"


async def test_each_bag_and_terminal_is_put_to_the_line_that_names_it_and_the_accounts_keep_what_is_on_its_way(
    db: Database, month: Month, differences: Differences
) -> None:
    book = await differences.at_bank(FIRST, LAST)
    waiting = sum(each.cents for each in book.sent if each.arrived_on is None)
    assert await account_cents(db, "cash_in_transit") + await account_cents(db, "terminal_clearing") == waiting
    assert {each.gap_cents for each in book.balances} == {0}
    sql = """
        SELECT d.remittance, array_agg(coalesce(w.bag, t.terminal)) AS names, array_agg(coalesce(to_char(c.day, 'DD.MM.YYYY'), '')) AS days
          FROM bank_cleared c JOIN bank_match m USING (journal_id)
          JOIN bank_detail d ON (d.statement_id, d.entry, d.position) = (m.statement_id, m.entry, m.position)
          LEFT JOIN drawer w ON w.id = c.drawer_id LEFT JOIN till t ON t.id = c.till_id WHERE c.kind <> 'change' GROUP BY 1"""
    async with db.connection() as conn:
        rows = await conn.fetch(sql)
    assert len(rows) > 60
    together = [row for row in rows if row["remittance"] == "Bargeldeinzahlung"]
    assert [len(row["names"]) for row in together] == [2]  # the bags that came in one line, which names none
    for row in rows:
        if row not in together:
            assert row["names"][0] in row["remittance"]
            assert row["days"][0] in row["remittance"]

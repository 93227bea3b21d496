"""What people typed about somebody is nowhere in the database once it is over its term: a dump is searched for the words."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.flows.test_cash_desk import MITTE, words
from tests.flows.test_charges import ask, link_of, pay_online, served
from tests.flows.test_counter import book_today, clerk_at, counters_of, office_id
from tests.staff import StaffBrowser, hire, sign_in
from tests.town import Town

DIFFERENCE = """
    WITH d AS (INSERT INTO difference (cause, subject, day, proposal, opened_at)
               VALUES ('amount', 'txn_1', $1::timestamptz::date, 'wait', $1) RETURNING id)
    INSERT INTO difference_note (difference_id, at, by, what, text)
    SELECT d.id, $1, a.id, 'comment', $2 FROM d, account a WHERE a.login = 'toni'"""
REQUEST = """
    INSERT INTO difference_request (id, difference_id, proposal, note, requested_by, requested_at)
    SELECT gen_random_uuid(), d.id, 'write_off', $2, a.id, $1 FROM difference d, account a WHERE a.login = 'toni'"""
OVERRIDE = """
    WITH o AS (INSERT INTO override (kind, reason, by_user, at)
               SELECT 1, $2, id, $3::timestamptz FROM account WHERE login = 'toni' RETURNING id)
    UPDATE claim SET override_id = o.id FROM o WHERE appointment_id = $1"""


@pytest.fixture
async def people(town: Town) -> AsyncIterator[dict[str, StaffBrowser]]:
    office = await office_id(town)
    async with AsyncExitStack() as stack:
        await hire(town, "robin", "cashier", MITTE)
        for login in ("toni", "luca"):
            await hire(town, login, "finance")
        kim = await clerk_at(town, "kim", office, (await counters_of(town, office))[0])
        yield {
            "kim": await stack.enter_async_context(kim),
            "toni": await stack.enter_async_context(await sign_in(town, "toni")),
            "phone": await stack.enter_async_context(StaffBrowser(town)),
        }


async def dump(town: Town) -> str:
    """Every row of every table, as text."""
    tables = await town.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    found = []
    for one in tables:
        found += [row["line"] for row in await town.rows(f'SELECT t::text AS line FROM "{one["tablename"]}" t')]
    return "\n".join(found)


async def planted(town: Town) -> set[str]:
    """Which of the words are there, in clear or as bytes of it."""
    text = await dump(town)
    known = set(re.findall(r"Nachbarin-\w+", text))
    return known | {
        bytes.fromhex(one).decode() for one in re.findall(f"({b'Nachbarin-'.hex()}(?:[0-9a-f]{{2}})*)", text)
    }


async def visit(town: Town, people: dict[str, StaffBrowser], made: dict[str, Any] | None, who: str) -> str:
    """Three fees: one paid, one withdrawn, one left open. The payment's id of the first."""
    kim, phone = people["kim"], people["phone"]
    day = await ask(kim, await served(town, kim, made), text=f"Nachbarin-receipt{who}")
    await pay_online(town, phone, await phone.get(link_of(day, town)))
    await town.webhooks()
    day = await ask(kim, await kim.get(f"/de/counter/{await office_id(town)}"), text=f"Nachbarin-label{who}")
    [action] = re.findall(r'action="([^"]*/withdraw)"', day.text)
    day = await kim.post(action, reason=f"Nachbarin-withdrawn{who}")
    day = await ask(kim, day, text=f"Nachbarin-receipt{who}")
    [url] = re.findall(r'action="([^"]*/finish-unpaid)"', day.text)
    assert "Niemand ist an Ihrem Schalter" in words(await kim.post(url, reason="other", note=f"Nachbarin-open{who}"))
    [row] = await town.rows("SELECT id FROM payment WHERE status = 'paid' ORDER BY created_at DESC LIMIT 1")
    return str(row["id"])


async def noted(town: Town, payment: str, word: str) -> None:
    accounts = {one["login"]: one["id"] for one in await town.rows("SELECT id, login FROM account")}
    payments = town.worker.payments
    refund = await payments.propose_refund(UUID(payment), by=accounts["toni"], note=word, key=uuid4())
    await payments.reject_refund(UUID(payment), refund.id, by=accounts["luca"])


async def test_after_erasing_and_the_terms_a_dump_holds_none_of_the_words(
    town: Town, people: dict[str, StaffBrowser]
) -> None:
    made = await book_today(town, await office_id(town))
    await town.rows(OVERRIDE, UUID(made["id"]), "Nachbarin-override", town.clock())
    for who, case in (("1", made), ("2", None)):
        payment = await visit(town, people, case, who)
        await noted(town, payment, f"Nachbarin-refund{who}")
        town.clock.advance(minutes=1)
    [journal] = await town.rows("SELECT min(id) AS id FROM journal WHERE kind = 'fee'")
    [toni] = await town.rows("SELECT id FROM account WHERE login = 'toni'")
    await town.worker.reversals.request(journal["id"], by=toni["id"], reason="Nachbarin-reversal", key=uuid4())
    await town.rows(DIFFERENCE, town.clock(), "Nachbarin-difference")
    await town.rows(REQUEST, town.clock(), "Nachbarin-request")
    await town.work()
    everything = await planted(town)
    assert len(everything) == 14, everything

    await town.good("POST", f"/api/appointments/{made['id']}/erase", made["token"])
    finance = {"Nachbarin-reversal", "Nachbarin-difference", "Nachbarin-request"}
    receipts = {"Nachbarin-receipt1", "Nachbarin-receipt2"}
    walk_in = {f"Nachbarin-{one}2" for one in ("label", "withdrawn", "open", "refund")}
    assert await planted(town) == finance | receipts | walk_in
    shown = words(await people["toni"].get("/de/finance/open-fees"))
    assert "Ein anderer Grund: (gelöscht)" in shown, shown

    town.clock.advance(days=40)
    await town.worker.retention.run()
    assert await planted(town) == finance | receipts
    town.clock.advance(days=9 * 366)
    await town.worker.retention.run()
    assert await planted(town) == set()
    runs = await town.rows("SELECT kind, rows FROM retention_run WHERE rows > 0 AND NOT is_counted ORDER BY kind, id")
    kinds = [(one["kind"], one["rows"]) for one in runs if one["kind"] != "provider_message"]
    assert kinds == [("finance_note", 3), ("receipt_text", 4), ("visit_note", 5)]
    receipt = await town.rows("SELECT DISTINCT lines -> 0 ->> 'label' AS label FROM payment")
    assert [one["label"] for one in receipt] == ["Führungszeugnis"]
    assert (await town.worker.ledgers.verify()).broken is None
    await town.assert_without_faults()


REFUSED = {
    "UPDATE open_fee SET note = '[erased]'": "open_fee_words_kept",
    "UPDATE open_fee SET note = 'another'": "open_fee_append_only",
    "UPDATE open_fee SET note = '[erased]', reason = 'has_left'": "open_fee_append_only",
    "DELETE FROM open_fee": "open_fee_append_only",
    "UPDATE charge_history SET reason = '[erased]' WHERE reason IS NOT NULL": "charge_history_words_kept",
    "UPDATE charge SET withdraw_reason = '[erased]' WHERE status = 'withdrawn'": "charge_words_kept",
    "UPDATE charge SET withdraw_reason = 'another' WHERE status = 'withdrawn'": "charge_reason_fixed",
    "UPDATE charge c SET label = charge_name(c), lines = lines_named(lines, charge_name(c)) WHERE status = 'paid'": "charge_words_kept",
    "UPDATE charge c SET label = 'x', lines = lines_named(lines, 'x')": "charge_text_goes",
    "UPDATE payment SET lines = lines_named(lines, 'x')": "payment_lines_fixed",
    "UPDATE override SET reason = '[erased]'": "override_words_kept",
    "UPDATE difference_note SET text = '[erased]'": "difference_note_words_kept",
    "UPDATE difference_note SET text = ''": "difference_note_append_only",
    "UPDATE difference_request SET note = '[erased]'": "difference_request_words_kept",
}


async def test_nothing_goes_before_and_in_no_other_way(town: Town, people: dict[str, StaffBrowser]) -> None:
    made = await book_today(town, await office_id(town))
    await town.rows(OVERRIDE, UUID(made["id"]), "Nachbarin-override", town.clock())
    await visit(town, people, made, "1")
    await town.rows(DIFFERENCE, town.clock(), "Nachbarin-difference")
    await town.rows(REQUEST, town.clock(), "Nachbarin-request")
    for statement, constraint in REFUSED.items():
        with pytest.raises(asyncpg.PostgresError) as caught:
            await town.rows(statement)
        assert getattr(caught.value, "constraint_name", None) == constraint, statement

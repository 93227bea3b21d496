"""The procedure document names each account, kind, permission, rule and migration that concerns money, as they are now."""

from __future__ import annotations

from functools import partial

from base.db import Database
from base.i18n import Translations
from base.migrate import scripts
from payment.ledger import JournalKind
from payment.ledgers.documenting import facts_of, money_tables
from payment.ledgers.procedure import ACCOUNTS, KINDS, concerns_money, document, markdown


async def test_it_names_all_there_is(db: Database) -> None:
    facts = await facts_of(db)
    for language in ("de", "en"):
        text = markdown("x", document(facts, partial(Translations.load().gettext, language)))
        for account in ACCOUNTS:
            assert f"| {account} | " in text
        for kind in JournalKind:
            assert f"| {kind} | " in text
        for rule in (
            "journal_balanced",
            "journal_on_its_day",
            "journal_append_only",
            "refund_four_eyes",
            "account_role_duties",
        ):
            assert f"| {rule} | " in text
        async with db.connection() as conn:
            held = {one for row in await conn.fetch("SELECT permissions FROM role") for one in row["permissions"]}
            ruled = {row["permission"] for row in await conn.fetch("SELECT permission FROM duty_permission")}
        money = {one for one in held if one.startswith(("finance.", "refund.", "ledger."))} | ruled
        assert {"refund.approve", "ledger.close", "finance.audit", "till.work"} <= money
        for permission in money:
            assert f"| {permission} | " in text
        for name in ("0005_payment", "0010_till", "0060_books", "0061_sealed_books", "0062_duties", "0069_receipt"):
            assert f"| {name} | " in text
        assert "STRIPE_API_KEY" in text


async def test_no_account_or_kind_is_without_words(db: Database) -> None:
    facts = await facts_of(db)
    assert set(facts.accounts) == set(ACCOUNTS)
    assert set(facts.kinds) == set(KINDS) == {one.value for one in JournalKind}


async def test_a_migration_of_money_is_known_by_what_it_touches(db: Database) -> None:
    async with db.connection() as conn:
        tables = await money_tables(conn)
    assert {"payment", "journal", "entry", "receipt", "fee"} <= set(tables)
    concerned = {name for name, sql in scripts().items() if concerns_money(sql, tables)}
    assert {"0005_payment", "0007_staff", "0010_till", "0014_erasure", "0060_books", "0062_duties"} <= concerned
    assert {"0067_bank", "0074_export"} <= concerned
    assert not {"0011_ticket", "0051_place"} & concerned
    assert concerned == set((await facts_of(db)).migrations)

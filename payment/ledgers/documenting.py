"""The facts of the procedure document, read from the database that runs and the migrations that made it."""

from __future__ import annotations

from base.config import SETTINGS
from base.db import Connection, Database, fetch_all
from base.migrate import scripts
from payment.ledgers.procedure import Facts, Rule, accounts_of, money_migrations

_TABLES = [
    "payment",
    "refund",
    "dispute",
    "journal",
    "entry",
    "journal_seal",
    "ledger_day",
    "receipt",
    "account_role",
    "duty_permission",
    "reversal",
    "retention_term",
    "retention_run",
]
_SETTINGS = ("STRIPE_", "XBEZAHL", "PAYMENT")


async def facts_of(db: Database) -> Facts:
    async with db.transaction() as conn:
        return Facts(
            accounts=accounts_of(await _definition(conn, "entry_account")),
            kinds=_words(await _definition(conn, "journal_kind")),
            roles={
                row["name"]: tuple(row["permissions"]) for row in await conn.fetch("SELECT name, permissions FROM role")
            },
            duties={row["permission"]: row["duty"] for row in await conn.fetch("SELECT * FROM duty_permission")},
            rules=tuple(await _rules(conn)),
            migrations=money_migrations(scripts(), await money_tables(conn)),
            settings={one.name: one.meaning for one in SETTINGS if one.name.startswith(_SETTINGS)},
        )


async def money_tables(conn: Connection) -> list[str]:
    """The books, what points to them or to a payment, and every table with an amount in it."""
    sql = """
        SELECT unnest($1::text[]) UNION
        SELECT c.relname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         WHERE k.contype = 'f'
           AND k.confrelid IN ('payment'::regclass, 'refund'::regclass, 'journal'::regclass, 'ledger_day'::regclass) UNION
        SELECT table_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name IN ('amount_cents', 'cents', 'sum_cents', 'total_cents', 'currency')"""
    return await fetch_all(conn, str, sql, _TABLES)


async def _definition(conn: Connection, constraint: str) -> str:
    return str(
        await conn.fetchval("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", constraint)
    )


def _words(definition: str) -> tuple[str, ...]:
    return tuple(part for n, part in enumerate(definition.split("'")) if n % 2)


async def _rules(conn: Connection) -> list[Rule]:
    sql = """
        SELECT c.relname AS "table", k.conname AS name, pg_get_constraintdef(k.oid) AS text
          FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relname = ANY ($1) AND k.contype IN ('c', 'u', 'x')
        UNION ALL
        SELECT c.relname, t.tgname,
               coalesce(substring(pg_get_triggerdef(t.oid) from 'refuse_by_rule\\(''(.*)''\\)$'), pg_get_triggerdef(t.oid))
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relname = ANY ($1) AND NOT t.tgisinternal
         ORDER BY 1, 2"""
    return await fetch_all(conn, Rule, sql, _TABLES)

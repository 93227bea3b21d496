"""SQL of what people typed at visits. One function, one statement; that it may go is decided by the schema (0107_words_erased.sql)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from base.db import Connection, fetch_all

# Nobody came with an appointment, or who came with it is erased: no person takes the words along any more.
_NOBODY = "NOT EXISTS (SELECT FROM appointment a WHERE a.id = {case} AND a.erased_at IS NULL)"


def _gone(update: str) -> str:
    return f"WITH gone AS ({update} RETURNING 1) SELECT count(*) FROM gone"  # noqa: S608


async def erase_open_fees(conn: Connection, before: datetime) -> int:
    sql = _gone(f"""
        UPDATE open_fee f SET note = '[erased]' FROM ticket t
         WHERE t.id = f.ticket_id AND f.left_at < $1 AND f.note <> '[erased]' AND {_NOBODY.format(case="t.appointment_id")}""")  # noqa: S608
    return int(await conn.fetchval(sql, before))


async def erase_withdrawals(conn: Connection, before: datetime) -> int:
    sql = _gone(f"""
        UPDATE charge c SET withdraw_reason = '[erased]'
         WHERE c.changed_at < $1 AND c.withdraw_reason <> '[erased]' AND {_NOBODY.format(case="c.appointment_id")}""")  # noqa: S608
    return int(await conn.fetchval(sql, before))


async def erase_history(conn: Connection, before: datetime) -> int:
    sql = _gone(f"""
        UPDATE charge_history h SET reason = '[erased]' FROM charge c
         WHERE c.id = h.charge_id AND h.at < $1 AND h.reason <> '[erased]' AND {_NOBODY.format(case="c.appointment_id")}""")  # noqa: S608
    return int(await conn.fetchval(sql, before))


async def erase_withdrawn_texts(conn: Connection, before: datetime) -> int:
    """The name of the price list stays."""
    sql = _gone(f"""
        UPDATE charge c SET label = charge_name(c), lines = lines_named(c.lines, charge_name(c))
         WHERE c.changed_at < $1 AND c.status = 'withdrawn' AND c.kind = 'fee' AND c.label <> charge_name(c)
           AND {_NOBODY.format(case="c.appointment_id")}""")  # noqa: S608
    return int(await conn.fetchval(sql, before))


async def erase_receipt_texts(conn: Connection, before: datetime) -> int:
    """As erase_withdrawn_texts, of what is on a receipt or may come to be."""
    sql = _gone("""
        UPDATE charge c SET label = charge_name(c), lines = lines_named(c.lines, charge_name(c))
         WHERE c.day < $1::date AND c.status <> 'withdrawn' AND c.kind = 'fee' AND c.label <> charge_name(c)""")
    return int(await conn.fetchval(sql, before))


async def erase_overrides(conn: Connection, before: datetime) -> int:
    """Why somebody got a time that was not free, where no appointment came of it or its person is erased."""
    sql = _gone("""
        UPDATE override o SET reason = '[erased]'
         WHERE o.kind <> 3 AND o.at < $1 AND o.reason <> '[erased]'
           AND NOT EXISTS (SELECT FROM claim c JOIN appointment a ON a.id = c.appointment_id
                            WHERE c.override_id = o.id AND a.erased_at IS NULL)""")
    return int(await conn.fetchval(sql, before))


async def with_refund_notes(conn: Connection, before: datetime) -> list[UUID]:
    """Further fees of whoever came without an appointment, with words about a refund that is decided."""
    sql = """
        SELECT DISTINCT c.id FROM charge c JOIN payment p ON p.reference = c.id JOIN refund r ON r.payment_id = p.id
         WHERE c.appointment_id IS NULL AND c.changed_at < $1 AND r.decided_at < $1 AND r.note <> '[erased]' ORDER BY 1"""
    return await fetch_all(conn, UUID, sql, before)

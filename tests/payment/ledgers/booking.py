"""Journals in a database, as the product books them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import pytest

from base.db import Database
from payment.ledger import Journal, JournalKind, fee_journal, moved
from payment.model import Payment, PaymentStatus, RefundStatus
from payment.store import insert_journal, insert_payment, insert_refund
from tests.payment.making import NOW, a_payment, a_refund

REFUND = moved(500, debit="revenue:fees", credit="psp_clearing")


async def pay(db: Database, number: int, at: datetime = NOW, **fields: object) -> Payment:
    """A payment that came, with its journal."""
    payment = a_payment(
        id=UUID(int=number),
        reference=UUID(int=1000 + number),
        status=PaymentStatus.PAID,
        session_id=f"cs_{number}",
        charge_id=f"pi_{number}",
        created_at=at,
        **fields,
    )
    async with db.transaction() as conn:
        assert await insert_payment(conn, payment)
        await insert_journal(conn, fee_journal(payment), at)
    return payment


async def give_back(db: Database, payment: Payment, at: datetime = NOW, *, number: int = 501) -> UUID:
    """A part of it, with its journal; the refund's id."""
    refund = a_refund(id=UUID(int=number), payment_id=payment.id, amount_cents=500, status=RefundStatus.APPROVED)
    async with db.transaction() as conn:
        assert await insert_refund(conn, refund)
        await insert_journal(conn, Journal(JournalKind.REFUND, payment.id, refund.id, REFUND), at)
    return refund.id


async def staff(db: Database, login: str = "kim") -> int:
    sql = "INSERT INTO account (login, name, password_hash) VALUES ($1, 'Kim Kasse', '$argon2id$') RETURNING id"
    async with db.connection() as conn:
        return int(await conn.fetchval(sql, login))


async def refusal(db: Database, sql: str, *values: object) -> str | None:
    """The name of the rule that refuses it; the commit is part of it."""
    with pytest.raises(asyncpg.PostgresError) as caught:
        async with db.transaction() as conn:
            await conn.execute(sql, *values)
    return getattr(caught.value, "constraint_name", None)


async def behind_the_back(db: Database, *statements: str) -> None:
    """As somebody does it who may switch triggers and foreign keys off."""
    async with db.transaction() as conn:
        await conn.execute("SET LOCAL session_replication_role = replica")
        for one in statements:
            await conn.execute(one)

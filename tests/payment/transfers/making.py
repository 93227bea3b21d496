"""Transfer orders on a real database with everything defaulted: people, paid payments, refunds that failed for good."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg

from base.clock import SettableClock
from base.db import Connection, Database
from base.seal import Sealer
from payment import store as payments
from payment.bank.pain import Account
from payment.ledger import fee_journal
from payment.model import Payment, PaymentStatus, Refund
from payment.ports import Tx
from payment.transfers.files import TransferFiles
from payment.transfers.model import Order
from payment.transfers.usecases import Transfers
from tests.payment.making import NOW, a_payment, a_refund

HOLDER, IBAN = "Kim Müßtermann", "DE89370400440532013000"
OURS = Account(name="Stadt Stuttgart", iban="DE02600501010002034304")


@dataclass
class Told:
    """What payees were told, instead of messages."""

    said: list[tuple[str, UUID]] = field(default_factory=list)

    async def __call__(self, tx: Tx, order: Order, what: str, path: str, *, again: int = 0) -> None:
        assert path.startswith("/refunds/link/")
        self.said.append((what, order.id))


@dataclass
class Desk:
    """`people`: accounts by name; their roles are not asked here, the endpoints do that."""

    db: Database
    clock: SettableClock
    told: Told
    transfers: Transfers
    files: TransferFiles
    people: dict[str, int]

    async def failed(self, cents: int = 1300, *, number: int = 1, paid: int = 1300) -> Order:
        """A paid payment whose refund of so many cents has failed for good, and the order that has arisen of it."""
        payment = await self.paid(number, paid)
        refund = a_refund(id=UUID(int=500 + number), payment_id=payment.id, amount_cents=cents)
        async with self.db.transaction() as conn:
            await fail(conn, refund)
            await self.transfers.arise(conn, payment, refund)
        [order] = await self.transfers.of_payment(payment.id)
        return order

    async def paid(self, number: int = 1, cents: int = 1300) -> Payment:
        ident = UUID(int=number)
        fields = {"amount_cents": cents, "captured_cents": cents, "status": PaymentStatus.PAID}
        made = a_payment(id=ident, reference=UUID(int=1000 + number), charge_id=f"pi_{number}", **fields)
        async with self.db.transaction() as conn:
            await payments.insert_payment(conn, made)
            await payments.insert_journal(conn, fee_journal(made), NOW)
        return made

    async def given(self, **fields: int) -> Order:
        order = await self.failed(**fields)
        return await self.transfers.give_account(order.id, holder=HOLDER, iban=IBAN)

    async def approved(self, **fields: int) -> Order:
        order = await self.given(**fields)
        await self.transfers.assess(order.id, by=self.people["ada"])
        return await self.transfers.approve(order.id, by=self.people["toni"])

    async def exported(self, **fields: int) -> Order:
        order = await self.approved(**fields)
        await self.files.make(by=self.people["noa"], key=uuid4())
        return await self.transfers.get(order.id)

    async def arrived(self, order: Order, ref: str = "CAMT-1") -> Order:
        async with self.db.transaction() as conn:
            return await self.transfers.arrived(conn, order.id, ref)

    async def returned(self, order: Order, reason: str = "AC04") -> Order:
        async with self.db.transaction() as conn:
            return await self.transfers.returned(conn, order.id, reason)

    async def balances(self) -> dict[str, int]:
        sql = "SELECT account, sum(amount_cents)::int AS cents FROM entry GROUP BY account ORDER BY account"
        async with self.db.connection() as conn:
            return {row["account"]: row["cents"] for row in await conn.fetch(sql) if row["cents"]}

    async def refunded(self, number: int = 1) -> int:
        async with self.db.connection() as conn:
            return int(await conn.fetchval("SELECT refunded_cents FROM payment WHERE id = $1", UUID(int=number)))

    async def refusal(self, sql: str, *values: object) -> str | None:
        """The name of the rule that forbids a statement, also at its commit."""
        try:
            async with self.db.transaction() as conn:
                await conn.execute(sql, *values)
        except asyncpg.PostgresError as error:
            return getattr(error, "constraint_name", None) or type(error).__name__
        return None


async def fail(conn: Connection, refund: Refund) -> None:
    await payments.insert_refund(conn, refund)
    await conn.execute("UPDATE refund SET status = 'submitted' WHERE id = $1", refund.id)
    await conn.execute("UPDATE refund SET status = 'failed', failure = 'declined' WHERE id = $1", refund.id)


async def open_desk(db: Database) -> Desk:
    clock, told = SettableClock(NOW), Told()
    async with db.connection() as conn:
        sql = "INSERT INTO account (login, name, password_hash) VALUES ($1, initcap($1), '$argon2id$') RETURNING id"
        people = {login: await conn.fetchval(sql, login) for login in ("ada", "toni", "luca", "noa")}
    sealer = Sealer("test-" + "k" * 40)
    transfers = Transfers(db, sealer, clock, told, lambda: clock().date(), OURS)
    return Desk(db, clock, told, transfers, TransferFiles(transfers), people)

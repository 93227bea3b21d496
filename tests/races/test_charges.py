"""A further fee between several people: withdrawn while it is paid, paid on a phone and at a till at once; and what the schema forbids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database
from base.errors import DomainError
from base.i18n import Translations
from booking.appointments.reductions import Reductions
from booking.appointments.slots import Notice
from booking.appointments.slots_pg import PgSlots
from booking.charges.hooks import ChargeHooks
from booking.charges.model import Charge, ChargeStatus
from booking.charges.usecases import Charges
from booking.queue.model import LeftOpen, OpenReason
from booking.queue.usecases import FeeOpen, Queue
from payment.books_pg import PgBooks
from payment.model import PaymentStatus
from payment.ports import Tx
from payment.psp_counter import CounterProvider
from payment.till.model import COUNTER, Drawer, Method, Till
from payment.till.usecases import Tills
from payment.usecases import Payments
from tests.booking.appointments.toy_provider import ToyProvider
from tests.booking.availability.city import make_city
from tests.booking.holds.world import SEALER
from tests.locks import waits_for
from tests.payment.making import NOW, Ids, RecordingHooks

TICKET = """
    INSERT INTO ticket (id, office_id, day, number, service_id, channel, status, counter_id, arrived_at, called_at, calls, changed_at)
    SELECT gen_random_uuid(), c.office_id, $1, 7, s.id, 'onsite', 'serving', c.id, $2, $2, 1, $2 FROM counter c, service s
     ORDER BY c.id, s.id LIMIT 1 RETURNING id"""


async def nobody_is_told(tx: Tx, reference: UUID, notice: Notice) -> None: ...


async def no_call(conn: Connection, appointment_id: UUID) -> None: ...


@dataclass
class Desk:
    """One visitor who is served, a provider on their phone, and a till."""

    db: Database
    clock: SettableClock
    charges: Charges
    payments: Payments
    provider: ToyProvider
    tills: Tills
    till: Till
    drawer: Drawer
    office: int
    ticket: UUID
    fee: int
    by: int
    queue: Queue

    async def ask(self) -> Charge:
        return await self.charges.ask(self.office, self.ticket, self.fee, quantity=1, text="", by=self.by, key=uuid4())

    async def withdraw(self, charge: Charge) -> str:
        try:
            return (await self.charges.withdraw(self.office, charge.id, reason="Irrtum", by=self.by)).status.value
        except DomainError as refusal:
            return refusal.code

    async def by_phone(self, charge: Charge) -> str:
        """All that a payer does, from the button to the provider's page and back."""
        try:
            await self.charges.pay(charge.id, "http://back")
        except DomainError as refusal:
            return refusal.code
        payment = await self.charges.payment(charge.id)
        assert payment is not None
        if payment.provider != "toy" or f"cs_{payment.id}" not in self.provider.sessions:
            return "nothing to pay here"
        self.provider.pay(payment.id)
        return (await self.charges.settle(charge.id)).status.value

    async def at_till(self, charge: Charge) -> str:
        try:
            payment = await self.charges.pay_at_till(charge.id, "http://back")
            if payment is None:
                return "paid already"
            taking = await self.tills.take(
                self.till, payment.id, Method.CASH, given_cents=payment.amount_cents, key=uuid4()
            )
        except DomainError as refusal:
            return refusal.code
        return taking.payment.status.value

    async def state(self, charge: Charge) -> tuple[str, int, int]:
        """What became of it; cents that came for it, and of them those that go back."""
        async with self.db.connection() as conn:
            row = await conn.fetchrow(
                """SELECT c.status, coalesce(sum(p.captured_cents), 0)::int AS came, coalesce(sum(p.refunded_cents), 0)::int AS back
                     FROM charge c LEFT JOIN payment p ON p.reference = c.id WHERE c.id = $1 GROUP BY c.id""",
                charge.id,
            )
        assert row is not None
        return row["status"], row["came"], row["back"]

    async def refusal(self, sql: str, *values: object) -> str | None:
        try:
            async with self.db.transaction() as conn:
                await conn.execute(sql, *values)
        except asyncpg.PostgresError as error:
            return getattr(error, "constraint_name", None)
        return "done"


@pytest.fixture
async def desk(dsn: str) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(Database(dsn, size=8))
        clock = SettableClock(NOW)
        async with db.transaction() as conn:
            await make_city(conn, counters=1, fee_cents=1300)
            office = await conn.fetchval("SELECT id FROM office")
            by = await conn.fetchval(
                "INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$') RETURNING id"
            )
            ticket = await conn.fetchval(TICKET, NOW.date(), NOW)
            fee = await conn.fetchval("SELECT id FROM fee WHERE amount_cents = 1300")
        provider, books = ToyProvider(), PgBooks(db)

        async def earn(tx: Tx, payment_id: UUID) -> int:
            return await payments.earn(tx, payment_id)

        hooks = ChargeHooks(RecordingHooks(), earn, clock)
        payments = Payments(books, {"toy": provider, COUNTER: CounterProvider(db, clock)}, hooks, clock, Ids())
        tills = Tills(db, payments.settle, payments.submit_refund, clock)
        till = (await tills.till(office, await tills.set_up(office, "Kasse 1"))).till
        drawer = await tills.open_drawer(till, float_cents=0, brought_cents=0, by=by, key=uuid4())
        slots = PgSlots(nobody_is_told)
        charges = Charges(
            db,
            payments,
            Translations.load(),
            SEALER,
            clock,
            "http://localhost:8080",
            Reductions(db, slots, payments, clock),
            nobody_is_told,
        )
        queue = Queue(db, slots, no_call, clock)
        yield Desk(db, clock, charges, payments, provider, tills, till, drawer, office, ticket, fee, by, queue)


@pytest.mark.parametrize("how", ["by_phone", "at_till"])
async def test_withdrawn_while_it_is_paid_there_is_one_outcome(desk: Desk, how: str) -> None:
    seen = set()
    for _ in range(12):
        charge = await desk.ask()
        if how == "by_phone":
            await desk.charges.pay(charge.id, "http://back")
        paid, withdrawn = await asyncio.gather(getattr(desk, how)(charge), desk.withdraw(charge))
        status, came, back = await desk.state(charge)
        seen.add(status)
        if status == "paid":
            assert (came, back) == (1300, 0)
            assert (paid, withdrawn) in [("paid", "charge_paid"), ("paid already", "charge_paid")], (paid, withdrawn)
        else:
            assert status == "withdrawn", (status, paid, withdrawn)
            assert came == back
            assert withdrawn == "withdrawn"
    assert seen <= {"paid", "withdrawn"}


async def test_paid_on_a_phone_and_at_a_till_at_once_one_is_kept(desk: Desk) -> None:
    for _ in range(12):
        charge = await desk.ask()
        await desk.charges.pay(charge.id, "http://back")
        await asyncio.gather(desk.by_phone(charge), desk.at_till(charge))
        await desk.charges.settle(charge.id)
        status, came, back = await desk.state(charge)
        if status == "open":  # each has kept the other from paying: nobody has paid, and either may try again
            assert (came, back) == (0, 0)
            assert await desk.at_till(charge) == "paid"
            status, came, back = await desk.state(charge)
        assert (status, came - back) == ("paid", 1300)
        async with desk.db.connection() as conn:
            living = await conn.fetchval(
                "SELECT count(*) FROM payment WHERE reference = $1 AND status = 'paid' AND NOT surplus", charge.id
            )
        assert living == 1


async def test_two_clerks_withdraw_it_once(desk: Desk) -> None:
    charge = await desk.ask()
    assert list(await asyncio.gather(desk.withdraw(charge), desk.withdraw(charge))) == ["withdrawn", "withdrawn"]


async def test_while_the_provider_is_silent_it_is_neither_paid_nor_withdrawn(desk: Desk) -> None:
    charge = await desk.ask()
    await desk.charges.pay(charge.id, "http://back")
    desk.provider.silent = True
    assert await desk.withdraw(charge) == ChargeStatus.WITHDRAWING
    desk.provider.silent = False
    desk.clock.advance(minutes=2)
    assert await desk.charges.withdraw_due() == 1
    assert (await desk.state(charge))[0] == "withdrawn"
    assert await desk.charges.withdraw_due() == 0


async def works_there(desk: Desk) -> None:
    async with desk.db.transaction() as conn:
        counter = await conn.fetchval("SELECT counter_id FROM ticket")
        await conn.execute(
            "INSERT INTO counter_clerk (counter_id, office_id, account_id, day) VALUES ($1, $2, $3, $4)",
            counter, desk.office, desk.by, NOW.date(),
        )  # fmt: skip


async def test_a_visit_that_is_ended_in_a_deadlock_is_ended_once_more(desk: Desk) -> None:
    await works_there(desk)
    async with desk.db.connection() as conn:
        other = conn.transaction()
        await other.start()
        await conn.execute("SET LOCAL deadlock_timeout = '10s'")  # so that the other one is ended
        await conn.execute("SELECT FROM ticket WHERE id = $1 FOR UPDATE", desk.ticket)
        finishing = asyncio.create_task(desk.queue.finish(desk.office, desk.by, desk.ticket))
        assert await waits_for(conn, finishing)  # it has locked the clerk's place, and waits for the ticket
        await conn.execute("SELECT FROM counter_clerk WHERE account_id = $1 FOR UPDATE", desk.by)
        await other.rollback()
    await asyncio.wait_for(finishing, 10)
    async with desk.db.connection() as conn:
        assert await conn.fetchval("SELECT status FROM ticket") == "done"


async def test_a_visit_that_ends_while_a_fee_is_asked_for_has_one_of_both(desk: Desk) -> None:
    async def finish() -> str:
        try:
            await desk.queue.finish(desk.office, desk.by, desk.ticket)
        except FeeOpen as refusal:
            return refusal.code
        return "done"

    async def ask() -> str:
        try:
            return (await desk.ask()).status.value
        except DomainError as refusal:
            return refusal.code

    await works_there(desk)
    outcomes = list(await asyncio.gather(finish(), ask()))
    assert outcomes in (["done", "not_served"], ["fee_open", "open"]), outcomes
    if outcomes[0] == "fee_open":
        left = LeftOpen(OpenReason.PAYS_LATER)
        await desk.queue.finish(desk.office, desk.by, desk.ticket, left)
        await desk.queue.finish(desk.office, desk.by, desk.ticket, left)  # once more: it is so already
    async with desk.db.connection() as conn:
        assert await conn.fetchval("SELECT status FROM ticket") == "done"
        assert await conn.fetchval("SELECT count(*) FROM open_fee") == await conn.fetchval(
            "SELECT count(*) FROM charge"
        )


class TestGoingRoundTheCode:
    async def test_nothing_is_asked_of_who_is_not_served(self, desk: Desk) -> None:
        charge = await desk.ask()
        copy = """
            INSERT INTO charge (id, office_id, ticket_id, kind, fee_id, quantity, amount_cents, currency, lines, label, language, day,
                                requested_by, requested_at, changed_at, token_sha256, token_sealed)
            SELECT gen_random_uuid(), office_id, ticket_id, kind, fee_id, quantity, amount_cents + $1, currency,
                   jsonb_set(lines, '{0,amount_cents}', to_jsonb(amount_cents + $1)), label, language, $2,
                   requested_by, requested_at, changed_at, sha256(gen_random_uuid()::text::bytea), '' FROM charge LIMIT 1"""
        assert await desk.refusal(copy, 0, NOW.date()) == "done"
        assert await desk.refusal(copy, 1, NOW.date()) == "charge_of_price_list"
        assert await desk.refusal("UPDATE ticket SET status = 'done' WHERE id = $1", desk.ticket) == "ticket_open_fee"
        assert charge.status is ChargeStatus.OPEN

    async def test_what_was_asked_for_never_changes(self, desk: Desk) -> None:
        charge = await desk.ask()
        change = "UPDATE charge SET amount_cents = 1, lines = jsonb_set(lines, '{0,amount_cents}', '1') WHERE id = $1"
        assert await desk.refusal(change, charge.id) == "charge_terms_fixed"
        assert await desk.refusal("DELETE FROM charge WHERE id = $1", charge.id) == "charge_never_deleted"
        assert await desk.refusal("DELETE FROM charge_history") == "charge_history_append_only"

    async def test_it_is_paid_only_by_money_and_withdrawn_only_without(self, desk: Desk) -> None:
        charge = await desk.ask()
        assert (
            await desk.refusal("UPDATE charge SET status = 'paid' WHERE id = $1", charge.id) == "charge_paid_by_money"
        )
        withdrawn = "UPDATE charge SET status = 'withdrawn', withdrawn_by = $2, withdraw_reason = 'x' WHERE id = $1"
        await desk.charges.pay(charge.id, "http://back")
        assert await desk.refusal(withdrawn, charge.id, desk.by) == "charge_withdrawn_unpaid"
        assert await desk.by_phone(charge) == "paid"
        assert await desk.refusal("UPDATE charge SET status = 'open' WHERE id = $1", charge.id) == "charge_moves"
        payment = await desk.charges.payment(charge.id)
        assert payment is not None
        assert payment.status is PaymentStatus.PAID
        assert isinstance(charge.day, date)

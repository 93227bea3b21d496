"""A cashier's process killed between the money and the books: the sweep books it once, and the drawer closes without a difference."""

from __future__ import annotations

import signal
from pathlib import Path
from uuid import uuid4

from base.clock import SettableClock, utcnow
from base.config import Settings
from base.money import Money
from payment.model import PaymentStatus
from server.product import Product, open_product
from tests.faults.child import Child

# The steps; test_killed.py compares the registry with these and with its own.
STEPS = ("till.taken", "till.given")


async def cash(product: Product, till: int) -> int:
    async with product.db.connection() as conn:
        return int(await conn.fetchval("SELECT till_balance($1)", till))


async def test_what_was_taken_and_given_is_booked_by_the_sweep(today_dsn: str, folder: Path) -> None:
    secret, clock = "test-" + "k" * 40, SettableClock(utcnow())
    env = {"DATABASE_URL": today_dsn, "SECRET_KEY": secret, "DATABASE_POOL": "3"}
    async with open_product(Settings(database_url=today_dsn, secret_key=secret, database_pool=3), clock) as product:
        async with product.db.transaction() as conn:
            office = await conn.fetchval("SELECT min(id) FROM office")
            sql = "INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$') RETURNING id"
            by = await conn.fetchval(sql)
            payment = await product.payments.request(
                conn,
                reference=uuid4(),  # nobody's: what is paid for it goes back
                amount=Money(1300),
                description="Gebühr",
                language="de",
                return_url="http://localhost/de",
                at_till=True,
            )
        await product.payments.open(payment.id)
        ident = await product.tills.set_up(office, "Kasse 1")
        till = (await product.tills.till(office, ident)).till
        drawer = await product.tills.open_drawer(till, float_cents=5000, brought_cents=5000, by=by, key=uuid4())

        async def killed(step: str, point: str, about: object) -> None:
            arguments = ("-m", "tests.faults.till_process", step, str(office), str(ident), str(about))
            child = await Child.start("till", arguments, env, point, folder / "till.log")
            assert await child.end() == -signal.SIGKILL, child.said()

        await killed("take", "till.taken", payment.id)
        assert await cash(product, ident) == 5000
        clock.advance(minutes=5)
        await product.payments.sweep()
        assert (await product.payments.settle(payment.id)).status is PaymentStatus.PAID
        assert await cash(product, ident) == 6300
        clock.advance(minutes=20)
        await product.payments.sweep()  # nobody's money: a refund waits at the till
        async with product.db.connection() as conn:
            refund = await conn.fetchval("SELECT refund_id FROM counter_refund")
        await killed("give", "till.given", refund)
        clock.advance(minutes=20)
        await product.payments.sweep()
        assert await cash(product, ident) == 5000
        closed = await product.tills.close_drawer(
            till, drawer.id, counted_cents=5000, count={}, deposit_cents=0, note="", by=by
        )
        assert closed.difference_cents == 0

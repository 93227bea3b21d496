"""A process killed at every step of a further fee: asked for once, paid once, and withdrawn or paid in the end, never in between."""

from __future__ import annotations

import signal
from pathlib import Path
from uuid import UUID, uuid4

from base.clock import SettableClock, utcnow
from base.config import Settings
from server.product import open_product
from tests.faults.child import Child

# The steps; test_killed.py compares the registry with these and with its own.
STEPS = ("charge.asked", "charge.pay-requested", "charge.paid", "charge.withdrawing", "charge.withdrawn")

TICKET = """
    INSERT INTO ticket (id, office_id, day, number, service_id, channel, status, counter_id, arrived_at, called_at, calls, changed_at)
    SELECT gen_random_uuid(), c.office_id, $1, 7, s.id, 'onsite', 'serving', c.id, $2, $2, 1, $2 FROM counter c, service s
     WHERE c.channel = 'onsite' ORDER BY c.office_id, c.id, s.id LIMIT 1 RETURNING id"""


async def test_every_step_is_survived(today_dsn: str, folder: Path) -> None:
    secret, clock = "test-" + "k" * 40, SettableClock(utcnow())
    env = {"DATABASE_URL": today_dsn, "SECRET_KEY": secret, "DATABASE_POOL": "3"}
    async with open_product(Settings(database_url=today_dsn, secret_key=secret, database_pool=3), clock) as product:
        async with product.db.transaction() as conn:
            sql = "INSERT INTO account (login, name, password_hash) VALUES ('kim', 'Kim', '$argon2id$') RETURNING id"
            by = await conn.fetchval(sql)
            ticket = await conn.fetchval(TICKET, clock().date(), clock())
            office = await conn.fetchval("SELECT office_id FROM ticket WHERE id = $1", ticket)
        fee = (await product.charges.prices(ticket))[0].fee_id
        till = await product.tills.set_up(office, "Kasse 1")
        at = (await product.tills.till(office, till)).till
        await product.tills.open_drawer(at, float_cents=0, brought_cents=0, by=by, key=uuid4())

        async def killed(step: str, point: str, ident: UUID) -> None:
            given = (step, str(office), str(till), str(ticket), str(ident), str(fee), str(by))
            child = await Child.start(
                "charge", ("-m", "tests.faults.charge_process", *given), env, point, folder / "charge.log"
            )
            assert await child.end() == -signal.SIGKILL, child.said()

        async def status(ident: UUID) -> str:
            return (await product.charges.get(ident)).status.value

        async def asked(ident: UUID) -> None:
            await product.charges.ask(office, ticket, fee, quantity=1, text="", by=by, key=ident)

        paid, withdrawn, unpaid = UUID(int=1), UUID(int=2), UUID(int=3)
        await killed("ask", "charge.asked", paid)
        await asked(paid)  # the same form once more
        assert [one.id for one in await product.charges.of_visit(ticket)] == [paid]

        await killed("pay", "charge.pay-requested", paid)
        await killed("pay", "charge.paid", paid)  # taken, and not heard of
        assert await status(paid) == "open"
        clock.advance(minutes=5)
        await product.payments.sweep()
        assert await status(paid) == "paid"

        await asked(withdrawn)
        await product.charges.pay_at_till(withdrawn, "http://localhost/de")
        await killed("withdraw", "charge.withdrawing", withdrawn)
        assert await status(withdrawn) == "withdrawing"
        clock.advance(minutes=5)
        await product.charges.withdraw_due()
        assert await status(withdrawn) == "withdrawn"

        await asked(unpaid)
        await killed("withdraw", "charge.withdrawn", unpaid)
        assert await status(unpaid) == "withdrawn"
        async with product.db.connection() as conn:
            assert await conn.fetchval("SELECT sum(captured_cents - refunded_cents) FROM payment") == (
                await conn.fetchval("SELECT amount_cents FROM charge WHERE id = $1", paid)
            )

"""What a reduction can never do is refused by the database itself, by name; what happens at once with a claim ends one way or the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from base.db import Connection, Database
from booking.appointments.model import AppointmentStatus, ProofOutcome
from booking.appointments.reductions import AlreadyBooked, PaymentBegun, ProofOver, ProofUndecided, Reductions
from booking.queue.usecases import Queue
from payment.model import PaymentStatus
from tests.booking.appointments.world import NINE, CaseWorld, case_world
from tests.booking.availability.city import TUESDAY, at
from tests.races.test_constraints import refused

FEE = 3700
_S = AppointmentStatus


@pytest.fixture
async def world(db: Database) -> AsyncIterator[CaseWorld]:
    async with case_world(db, fee_cents=FEE) as made:
        yield made


@pytest.fixture
async def conn(db: Database, world: CaseWorld) -> AsyncIterator[Connection]:
    async with db.connection() as conn:
        yield conn


async def rule(conn: Connection, world: CaseWorld, key: str = "half", kind: str = "percent", value: int = 50) -> int:
    ident: int = await conn.fetchval(
        """
        INSERT INTO reduction (key, name, kind, value, per, rank, services, proof, legal_basis, valid)
        VALUES ($1, '{"de": "Hälfte"}', $2, $3, 'person', 1, $4, '{"de": "Karte"}', '{"de": "§"}', 'empty') RETURNING id""",
        key,
        kind,
        value,
        [world.city.service_id],
    )
    await conn.execute("UPDATE reduction SET valid = '(,)' WHERE id = $1", ident)
    return ident


async def account(conn: Connection) -> int:
    ident: int = await conn.fetchval(
        "INSERT INTO account (login, name, password_hash) VALUES ('rosa', 'Rosa', '$argon2id$none') RETURNING id"
    )
    return ident


def use_case(world: CaseWorld) -> Reductions:
    return Reductions(world.db, world.slots, world.payments, world.clock)


async def claimed(world: CaseWorld, conn: Connection) -> UUID:
    """A case that is held, with half of its fee taken off."""
    await rule(conn, world)
    ident = (await world.create()).case.id
    await use_case(world).claim(ident, {"half": 1})
    return ident


async def price(conn: Connection, ident: UUID) -> tuple[int, int]:
    [row] = await conn.fetch("SELECT fee_cents, reduction_cents FROM appointment WHERE id = $1", ident)
    return row["fee_cents"], row["reduction_cents"]


class TestTheRule:
    @pytest.mark.parametrize(
        ("kind", "value"), [("percent", 0), ("percent", 100), ("fixed", 0), ("exempt", 1), ("fixed", -1)]
    )
    async def test_values(self, conn: Connection, world: CaseWorld, kind: str, value: int) -> None:
        with refused("reduction_value"):
            await rule(conn, world, kind=kind, value=value)

    async def test_one_version_a_day_and_terms_that_stand(self, conn: Connection, world: CaseWorld) -> None:
        await rule(conn, world)
        with refused("reduction_one_at_a_time"):
            await rule(conn, world)
        for change in ("value = 60", "services = '{7}'", 'proof = \'{"de": "nichts"}\''):
            with refused("reduction_append_only"):
                await conn.execute(f"UPDATE reduction SET {change}")
        with refused("reduction_append_only"):
            await conn.execute("DELETE FROM reduction")


class TestThePrice:
    @pytest.mark.parametrize(
        ("constraint", "sql"),
        [
            ("reduction_is_its_parts", "UPDATE appointment SET reduction_cents = 1900, fee_cents = 1800"),
            ("reduction_leaves_price", "UPDATE appointment SET fee_cents = 1800"),
            ("reduction_is_its_parts", "DELETE FROM reduction_part"),
            ("reduction_is_its_parts", "UPDATE reduction_part SET cents = 1900"),
            (
                "reduction_within_fee",
                "WITH a AS (UPDATE appointment SET reduction_cents = 3701) UPDATE reduction_part SET cents = 3701",
            ),
            ("reduction_within_fee", "UPDATE reduction_part SET units = 2"),
            ("appointment_reduction", "UPDATE appointment SET reduction_cents = -1"),
            ("appointment_fee", "UPDATE appointment SET fee_cents = -1"),
            ("reduction_part_cents", "UPDATE reduction_part SET cents = 0"),
        ],
    )
    async def test_it_is_the_fee_without_its_parts(
        self, conn: Connection, world: CaseWorld, constraint: str, sql: str
    ) -> None:
        ident = await claimed(world, conn)
        assert await price(conn, ident) == (1850, 1850)
        with refused(constraint):
            await conn.execute(sql)
        assert await price(conn, ident) == (1850, 1850)

    async def test_not_for_a_service_that_the_rule_does_not_name(self, conn: Connection, world: CaseWorld) -> None:
        ident = (await world.create()).case.id
        other = await conn.fetchval(
            """
            INSERT INTO reduction (key, name, kind, value, per, rank, services, proof, legal_basis, valid)
            VALUES ('x', '{"de": "x"}', 'exempt', 0, 'person', 1, '{0}', '{"de": "x"}', '{"de": "x"}', '(,)') RETURNING id"""
        )
        with refused("reduction_within_fee"):
            await conn.execute(
                """
                WITH c AS (INSERT INTO reduction_claim VALUES ($1, $2, 1, now())),
                     p AS (INSERT INTO reduction_part VALUES ($1, $2, $3, 1, 3700))
                UPDATE appointment SET fee_cents = 0, reduction_cents = 3700 WHERE id = $1""",
                ident,
                other,
                world.city.service_id,
            )

    async def test_a_move_that_forgets_the_reduction_is_refused(self, conn: Connection, world: CaseWorld) -> None:
        """As by a process of the former release, which knows of none."""
        ident = await claimed(world, conn)
        await world.paid(ident)
        with refused("reduction_leaves_price"):
            await conn.execute("UPDATE appointment SET fee_cents = $2 WHERE id = $1", ident, FEE)


class TestTheClaim:
    async def test_a_booked_case_keeps_its_claims(self, conn: Connection, world: CaseWorld) -> None:
        ident = await claimed(world, conn)
        await world.paid(ident)
        more = await rule(conn, world, "child", "exempt", 0)
        for sql, args in (
            ("DELETE FROM reduction_claim WHERE appointment_id = $1", (ident,)),
            ("INSERT INTO reduction_claim VALUES ($1, $2, 1, now())", (ident, more)),
        ):
            with refused("reduction_claim_before_booking"):
                await conn.execute(sql, *args)
        with refused("reduction_claim_fixed"):
            await conn.execute("UPDATE reduction_claim SET persons = 2")

    @pytest.mark.parametrize(
        ("constraint", "change"),
        [
            ("reduction_claim_outcome", "outcome = 'perhaps', decided_by = $1, decided_at = now()"),
            ("reduction_claim_decided", "outcome = 'shown', decided_at = now(), decided_by = nullif($1::int, $1)"),
            ("reduction_claim_reason_of_unchecked", "outcome = 'unchecked', decided_by = $1, decided_at = now()"),
            (
                "reduction_claim_reason_of_unchecked",
                "outcome = 'shown', reason = 'x', decided_by = $1, decided_at = now()",
            ),
            ("reduction_claim_reason", "outcome = 'unchecked', reason = ' ', decided_by = $1, decided_at = now()"),
        ],
    )
    async def test_outcomes(self, conn: Connection, world: CaseWorld, constraint: str, change: str) -> None:
        ident = await claimed(world, conn)
        await world.paid(ident)
        with refused(constraint):
            await conn.execute(f"UPDATE reduction_claim SET {change}", await account(conn))

    async def test_decided_only_while_it_is_booked(self, conn: Connection, world: CaseWorld) -> None:
        ident, clerk = await claimed(world, conn), await account(conn)
        noted = "UPDATE reduction_claim SET outcome = 'shown', decided_by = $1, decided_at = now()"
        with refused("reduction_claim_while_booked"):
            await conn.execute(noted, clerk)
        await world.paid(ident)
        await world.appointments.cancel(ident)
        with refused("reduction_claim_while_booked"):
            await conn.execute(noted, clerk)
        with pytest.raises(ProofOver):
            await use_case(world).decide(world.city.office, ident, "half", ProofOutcome.SHOWN, "", clerk)

    async def test_nobody_closes_a_case_whose_proof_nobody_has_looked_at(
        self, conn: Connection, world: CaseWorld
    ) -> None:
        ident, clerk = await claimed(world, conn), await account(conn)
        await world.paid(ident)
        closing = "UPDATE appointment SET status = 'finished' WHERE id = $1"
        with refused("reduction_decided"):
            await conn.execute(closing, ident)
        await use_case(world).decide(world.city.office, ident, "half", ProofOutcome.UNCHECKED, "Stromausfall", clerk)
        await conn.execute(closing, ident)

    async def test_the_queue_says_so(self, conn: Connection, world: CaseWorld) -> None:
        ident, clerk = await claimed(world, conn), await account(conn)
        await world.paid(ident)

        async def no_call(conn: Connection, reference: UUID) -> None: ...

        queue = Queue(world.db, world.slots, no_call, world.clock)
        world.clock.set(NINE)
        ticket = await queue.check_in(world.city.office, ident)
        await queue.take_counter(world.city.office, clerk, world.city.counters[0])
        await queue.call_next(world.city.office, clerk)
        await queue.start(world.city.office, clerk, ticket.id)
        with pytest.raises(ProofUndecided):
            await queue.finish(world.city.office, clerk, ticket.id)
        await use_case(world).decide(world.city.office, ident, "half", ProofOutcome.NOT_SHOWN, "", clerk)
        await queue.finish(world.city.office, clerk, ticket.id)
        assert (await world.appointments.case(ident)).status is _S.FINISHED
        due = await use_case(world).due(ident)
        assert (due.amount.cents, sum(line.amount_cents for line in due.lines)) == (1850, 1850)


class TestAtOnce:
    async def test_claiming_while_paying_begins(self, conn: Connection, world: CaseWorld) -> None:
        """Whatever comes first: what is asked for is what the case costs."""
        await rule(conn, world)
        ident = (await world.create()).case.id
        done = await asyncio.gather(
            use_case(world).claim(ident, {"half": 1}),
            world.appointments.pay(ident, "http://back"),
            return_exceptions=True,
        )
        assert [one for one in done if isinstance(one, BaseException) and not isinstance(one, PaymentBegun)] == []
        asked_for = [one[0] for one in await conn.fetch("SELECT amount_cents FROM payment WHERE status <> 'fenced'")]
        cost, off = await price(conn, ident)
        assert cost + off == FEE
        assert asked_for in ([], [cost])

    async def test_ten_claims_at_once_are_one(self, conn: Connection, world: CaseWorld) -> None:
        await rule(conn, world)
        await rule(conn, world, "child", "exempt", 0)
        ident = (await world.create()).case.id
        wanted: list[dict[str, int]] = [{"half": 1}, {"child": 1}, {}] * 4
        await asyncio.gather(*(use_case(world).claim(ident, one) for one in wanted))
        cost, off = await price(conn, ident)
        assert (cost, off) in ((FEE, 0), (1850, 1850), (0, FEE))

    async def test_a_provider_that_is_silent_keeps_the_price(self, conn: Connection, world: CaseWorld) -> None:
        await rule(conn, world)
        ident = (await world.create()).case.id
        await world.appointments.pay(ident, "http://back")
        world.provider.silent = True
        with pytest.raises(PaymentBegun):
            await use_case(world).claim(ident, {"half": 1})
        assert await price(conn, ident) == (FEE, 0)
        world.provider.silent = False
        payment = (await world.appointments.case(ident)).payment
        assert payment is not None
        assert payment.status is PaymentStatus.OPEN
        world.provider.pay(payment.id)
        await world.appointments.settle(ident)
        with pytest.raises(AlreadyBooked):
            await use_case(world).claim(ident, {"half": 1})

    async def test_the_city_shifts_a_case_and_its_price_stays(self, conn: Connection, world: CaseWorld) -> None:
        ident = await claimed(world, conn)
        await world.paid(ident)
        hold = await world.hold(at(TUESDAY, 10))
        async with world.db.transaction() as inside:
            await world.appointments.shift(inside, ident, hold.id)
        assert await price(conn, ident) == (1850, 1850)


async def test_late_money_for_a_reduced_case_has_its_time_again(conn: Connection, world: CaseWorld) -> None:
    """The price is checked anew when what had run out is booked."""
    ident = await claimed(world, conn)
    async with world.db.transaction() as inside:
        for table, status in (("claim", "8"), ("appointment", "'expired'")):
            more = ", hold_until = NULL" if table == "claim" else ""
            key = "appointment_id" if table == "claim" else "id"
            await inside.execute(f"UPDATE {table} SET status = {status}{more} WHERE {key} = $1", ident)
    async with world.db.transaction() as inside:
        assert await world.slots.move(inside, ident, _S.CONFIRMED)
    assert await price(conn, ident) == (1850, 1850)

"""A case that moves, while something else happens to it: one living time or none, never two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import asyncpg
import pytest

from base.db import Connection, Database, violates
from base.money import Money
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus
from booking.appointments.moving import HasArrived, MoveWaits, NotMovable, PriceDiffers, TooManyMoves
from booking.holds.model import Hold
from booking.holds.refusals import HoldInUse
from booking.queue import store as queue_store
from booking.queue.arriving import arrive
from booking.queue.model import TicketStatus, sources
from payment.model import PaymentStatus, RefundReason, RefundStatus
from tests.booking.appointments.world import ANNA, NINE, CaseWorld, case_world
from tests.booking.availability.city import TUESDAY, at
from tests.invariants import faults

_S = AppointmentStatus
TEN, ELEVEN = at(TUESDAY, 10), at(TUESDAY, 11)


@pytest.fixture
async def world(db: Database) -> AsyncIterator[CaseWorld]:
    async with case_world(db) as made:
        yield made


async def confirmed(world: CaseWorld) -> UUID:
    ident = (await world.create(NINE)).case.id
    await world.paid(ident)
    return ident


async def statuses(world: CaseWorld) -> list[int]:
    async with world.db.connection() as conn:
        assert await conn.fetch("SELECT * FROM claim_audit") == []
    return sorted(status for status, _ in await world.claims())


async def test_everything_but_the_time_stays(world: CaseWorld) -> None:
    ident = await confirmed(world)
    before = await world.appointments.case(ident)
    hold = await world.hold(TEN)
    after = await world.move(ident, hold.id)
    assert (after.starts_at, after.sequence) == (TEN, before.sequence + 1)
    assert (after.status, after.number, after.payment) == (_S.CONFIRMED, before.number, before.payment)
    assert await world.claims() == [(10, False), (2, False)]
    (_, old), (template, new) = await world.messages()
    assert (template, new["moved_from"]) == ("appointment_moved", old["starts_at"])
    assert (old["uid"], old["manage_url"]) == (new["uid"], new["manage_url"])
    assert (new["starts_at"], new["sequence"]) == (TEN.isoformat(), old["sequence"] + 1)
    await world.poll()
    assert (await world.hold(NINE)).starts_at == NINE
    cancelled = await world.appointments.cancel(ident)
    assert [refund.amount_cents for refund in cancelled.refunds] == [3700]


async def test_the_same_move_ten_times_at_once_is_once(world: CaseWorld) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)
    await asyncio.gather(*(world.move(ident, hold.id) for _ in range(10)))
    assert await statuses(world) == [2, 10]
    assert len(await world.messages()) == 2


async def test_two_moves_at_once(world: CaseWorld) -> None:
    ident = await confirmed(world)
    holds = [await world.hold(TEN), await world.hold(ELEVEN)]
    await asyncio.gather(*(world.move(ident, hold.id) for hold in holds))
    assert await statuses(world) == [2, 10, 10]


async def test_two_cases_and_one_hold(world: CaseWorld) -> None:
    idents = [await confirmed(world), await confirmed(world)]
    hold = await world.hold(TEN)
    ends = await asyncio.gather(*(world.move(ident, hold.id) for ident in idents), return_exceptions=True)
    assert [type(end) for end in ends if isinstance(end, BaseException)] == [HoldInUse]
    assert await statuses(world) == [2, 2, 10]


async def test_moving_a_case_and_making_another_of_the_same_hold(world: CaseWorld) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)
    ends = await asyncio.gather(
        world.move(ident, hold.id),
        world.appointments.create(hold.id, ANNA, "the key of one request"),
        return_exceptions=True,
    )
    assert [type(end) for end in ends if isinstance(end, BaseException)] == [HoldInUse]
    assert await statuses(world) in ([1, 2], [2, 10])


@pytest.mark.parametrize("move_first", [True, False])
async def test_moving_and_cancelling(world: CaseWorld, move_first: bool) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)
    both = [world.move(ident, hold.id), world.appointments.cancel(ident)]
    ends = await asyncio.gather(*(both if move_first else reversed(both)), return_exceptions=True)
    assert {type(end) for end in ends if isinstance(end, BaseException)} <= {NotMovable}
    assert (await world.appointments.case(ident)).status is _S.CANCELLED
    assert await statuses(world) in ([9, 10], [1, 9])


@pytest.mark.parametrize("is_over", [True, False])
async def test_moving_and_the_end_of_the_hold(world: CaseWorld, is_over: bool) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)
    world.clock.advance(minutes=14, seconds=60 if is_over else 59)
    ends = await asyncio.gather(world.move(ident, hold.id), world.appointments.expire_bare(), return_exceptions=True)
    assert [type(end) for end in ends if isinstance(end, BaseException)] == ([HoldOver] if is_over else [])
    await world.appointments.expire_bare()
    assert await statuses(world) == ([2, 8] if is_over else [2, 10])


async def test_moving_and_arriving(world: CaseWorld, db: Database) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)

    async def come() -> None:
        async with db.transaction() as conn:
            await conn.execute("SELECT FROM appointment WHERE id = $1 FOR NO KEY UPDATE", ident)
            assert await arrive(conn, ident, world.clock()) is not None

    ends = await asyncio.gather(world.move(ident, hold.id), come(), return_exceptions=True)
    assert {type(end) for end in ends if isinstance(end, BaseException)} <= {HasArrived}
    case = await world.appointments.case(ident)
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT due_at FROM ticket") == case.starts_at
    if case.starts_at == TEN:
        with pytest.raises(HasArrived):
            await world.move(ident, (await world.hold(ELEVEN)).id)


async def test_moving_and_closing_the_counter(world: CaseWorld, db: Database) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)

    async def close() -> None:
        async with db.transaction() as conn:
            for counter in world.city.counters:
                await conn.execute(
                    "SELECT set_open($1, tstzrange($2, $3), '{}')", counter, at(TUESDAY, 8), at(TUESDAY, 9, 40)
                )

    ends = await asyncio.gather(world.move(ident, hold.id), close(), return_exceptions=True)
    faults = [end for end in ends if isinstance(end, BaseException)]
    assert all(isinstance(e, asyncpg.ExclusionViolationError) and violates(e, "claim_no_overlap") for e in faults)
    assert await statuses(world) == [2, 10]
    await close()  # what was in the way has moved


async def test_what_is_refused_leaves_the_old_time(world: CaseWorld) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)
    world.clock.advance(hours=2)  # it has begun
    with pytest.raises(NotMovable):
        await world.move(ident, hold.id)
    assert (await world.appointments.case(ident)).starts_at == NINE


async def new_fee(world: CaseWorld, cents: int, hold: Hold) -> None:
    """It holds for this hold already."""
    async with world.db.transaction() as conn:
        day = await conn.fetchval("SELECT coalesce(max(lower(valid)), '2027-01-01') + 1 FROM fee")
        await conn.execute("UPDATE fee SET valid = daterange(lower(valid), $1) WHERE upper_inf(valid)", day)
        fee = await conn.fetchval(
            """INSERT INTO fee (service_id, amount_cents, legal_basis, valid)
               SELECT service_id, $1, legal_basis, daterange($2, NULL) FROM fee LIMIT 1 RETURNING id""",
            cents,
            day,
        )
        await conn.execute("UPDATE claim SET fee_id = $1 WHERE request_key = $2", fee, hold.id)


async def test_where_the_fee_is_less_the_difference_goes_back_once(world: CaseWorld) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)
    await new_fee(world, 3000, hold)
    await asyncio.gather(*(world.move(ident, hold.id) for _ in range(5)))
    case = await world.appointments.case(ident)
    assert (case.fee, case.starts_at, case.refund_at(world.clock())) == (Money(3000), TEN, Money(3000))
    assert [(refund.amount_cents, refund.reason) for refund in case.refunds] == [(700, RefundReason.MOVED)]
    told = dict(await world.messages())
    assert told["appointment_moved"]["refund_cents"] == 700
    again = await world.hold(ELEVEN)
    await new_fee(world, 2500, again)
    with pytest.raises(PriceDiffers):
        await world.move(ident, again.id)
    assert (await world.appointments.case(ident)).starts_at == TEN
    world.clock.advance(seconds=1)
    cancelled = await world.appointments.cancel(ident)
    assert [refund.amount_cents for refund in cancelled.refunds] == [700, 3000]
    async with world.db.connection() as conn:
        assert await faults(conn, at_rest=True) == {"a hold that has run out": [await _claim_of(conn, again.id)]}


async def _claim_of(conn: Connection, hold_id: UUID) -> int:
    ident: int = await conn.fetchval("SELECT id FROM claim WHERE request_key = $1", hold_id)
    return ident


async def dearer(world: CaseWorld, at: datetime = TEN) -> Hold:
    hold = await world.hold(at)
    await new_fee(world, 4600, hold)
    return hold


async def difference(world: CaseWorld, hold: Hold) -> UUID:
    """The payment of it."""
    async with world.db.connection() as conn:
        payment = await world.payments.living(conn, hold.id)
    assert payment is not None
    assert payment.amount == Money(900)
    return payment.id


async def test_to_a_dearer_time_when_the_difference_is_paid(world: CaseWorld) -> None:
    ident = await confirmed(world)
    hold = await dearer(world)
    urls = await asyncio.gather(*(world.appointments.move(ident, hold.id, "http://moved") for _ in range(5)))
    assert len(set(urls)) == 1
    case = await world.appointments.case(ident)
    assert case.waiting is not None
    assert (case.starts_at, case.fee, case.waiting.difference) == (NINE, Money(3700), Money(900))
    with pytest.raises(MoveWaits):
        await world.move(ident, (await dearer(world, ELEVEN)).id)
    world.provider.pay(await difference(world, hold))
    await asyncio.gather(*(world.appointments.settle_move(ident, hold.id) for _ in range(5)))
    case = await world.appointments.case(ident)
    assert (case.starts_at, case.fee, case.waiting, case.moves_left) == (TEN, Money(4600), None, 4)
    assert case.refund_at(world.clock()) == Money(4600)
    assert await world.appointments.move(ident, hold.id, "http://moved") is None  # done already
    told = dict(await world.messages())
    assert told["appointment_moved"]["paid_cents"] == 900
    async with world.db.connection() as conn:
        assert await faults(conn) == {}
    brief = (await world.appointments.briefs([hold.id]))[hold.id]
    assert brief.number == case.number  # the till knows whose payment it is
    cheaper = await world.hold(at(TUESDAY, 11, 20))
    await new_fee(world, 4000, cheaper)
    await world.move(ident, cheaper.id)
    cancelled = await world.appointments.cancel(ident)
    assert sorted(refund.amount_cents for refund in cancelled.refunds) == [300, 600, 3700]
    assert {refund.status for refund in cancelled.refunds} == {RefundStatus.SUCCEEDED}


@pytest.mark.parametrize("is_paid", [True, False])
async def test_a_dearer_time_and_the_end_of_its_hold(world: CaseWorld, is_paid: bool) -> None:
    ident = await confirmed(world)
    hold = await dearer(world)
    await world.move(ident, hold.id)
    if is_paid:
        world.provider.pay(await difference(world, hold))
    world.clock.advance(minutes=15)
    await asyncio.gather(
        world.appointments.expire_due(),
        world.appointments.expire_bare(),
        world.appointments.settle_move(ident, hold.id),
    )
    case = await world.appointments.case(ident)
    assert (case.starts_at, case.waiting) == (TEN if is_paid else NINE, None)
    assert await statuses(world) == ([2, 10] if is_paid else [2, 8])
    if not is_paid:
        with pytest.raises(HoldOver):
            await world.move(ident, hold.id)
    async with world.db.connection() as conn:
        assert await faults(conn, at_rest=True) == {}


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_paying_the_difference_and_cancelling(world: CaseWorld, cancel_first: bool) -> None:
    """Whoever is first: the case is cancelled in the end, and all the money is on its way back."""
    ident = await confirmed(world)
    hold = await dearer(world)
    await world.move(ident, hold.id)
    world.provider.pay(await difference(world, hold))
    both = [world.appointments.settle_move(ident, hold.id), world.appointments.cancel(ident)]
    await asyncio.gather(*(reversed(both) if cancel_first else both))
    await world.appointments.expire_due()
    assert (await world.appointments.case(ident)).status is _S.CANCELLED
    assert await statuses(world) in ([9, 10], [8, 9])
    async with world.db.connection() as conn:
        assert await conn.fetchval("SELECT sum(captured_cents - refunded_cents) FROM payment") == 0


async def test_paying_the_difference_and_arriving(world: CaseWorld, db: Database) -> None:
    """Whoever is here stays here: the money goes back."""
    ident = await confirmed(world)
    hold = await dearer(world)
    await world.move(ident, hold.id)
    async with db.transaction() as conn:
        assert await arrive(conn, ident, world.clock()) is not None
    world.provider.pay(await difference(world, hold))
    await world.appointments.settle_move(ident, hold.id)
    case = await world.appointments.case(ident)
    assert (case.starts_at, case.waiting, case.refund_at(world.clock())) == (NINE, None, Money(3700))
    assert await statuses(world) == [2, 8]
    async with db.connection() as conn:
        assert [row["reason"] for row in await conn.fetch("SELECT reason FROM refund")] == ["lost_slot"]


async def test_who_has_left_may_move_and_comes_with_another_ticket(world: CaseWorld, db: Database) -> None:
    ident = await confirmed(world)
    hold = await world.hold(TEN)
    async with db.transaction() as conn:
        first = await arrive(conn, ident, world.clock())
        assert first is not None
        assert await queue_store.move(conn, first.id, sources(TicketStatus.LEFT), TicketStatus.LEFT, None, NINE)
    await world.move(ident, hold.id)
    async with db.transaction() as conn:
        second = await arrive(conn, ident, world.clock())
    assert second is not None
    assert (second.id != first.id, second.due_at, second.status) == (True, TEN, TicketStatus.WAITING)
    with pytest.raises(HasArrived):
        await world.move(ident, (await world.hold(ELEVEN)).id)


async def test_coming_back_while_moving(world: CaseWorld, db: Database) -> None:
    """To the waiting room, from which somebody had gone: one ticket, and it is due when the case is."""
    ident = await confirmed(world)
    hold = await world.hold(TEN)
    async with db.transaction() as conn:
        left = await arrive(conn, ident, world.clock())
        assert left is not None
        assert await queue_store.move(conn, left.id, sources(TicketStatus.LEFT), TicketStatus.LEFT, None, NINE)

    async def come() -> None:
        async with db.transaction() as conn:
            await conn.execute("SELECT FROM appointment WHERE id = $1 FOR NO KEY UPDATE", ident)
            await arrive(conn, ident, world.clock())

    ends = await asyncio.gather(world.move(ident, hold.id), come(), return_exceptions=True)
    assert {type(end) for end in ends if isinstance(end, BaseException)} <= {HasArrived}
    case = await world.appointments.case(ident)
    async with db.connection() as conn:
        due = await conn.fetchval("SELECT due_at FROM ticket WHERE appointment_id = $1", ident)
    assert due in (None, case.starts_at)


async def test_a_late_move_does_not_make_a_late_cancellation_free(world: CaseWorld, db: Database) -> None:
    async with db.transaction() as conn:
        sql = """INSERT INTO refund_policy (key, share_percent, step_hours, step_percent, text)
                 VALUES ('steps', 100, '{3,1}', '{100,50}', '{"de": "…"}')"""
        await conn.execute(sql)
    ident = await confirmed(world)  # at seven, for nine
    case = await world.appointments.case(ident)
    assert case.refund_at(world.clock()) == Money(1850)
    await world.move(ident, (await world.hold(at(TUESDAY, 11, 40))).id)
    case = await world.appointments.case(ident)
    assert case.refund_at(world.clock()) == Money(1850)
    cancelled = await world.appointments.cancel(ident)
    assert [refund.amount_cents for refund in cancelled.refunds] == [1850]


async def test_as_often_as_the_setting_says(world: CaseWorld) -> None:
    ident = await confirmed(world)
    for n in range(5):
        await world.move(ident, (await world.hold(at(TUESDAY, 10, 20 * (n % 2)))).id)
        await world.poll()
    with pytest.raises(TooManyMoves):
        await world.move(ident, (await world.hold(ELEVEN)).id)


async def test_a_cancelled_case_keeps_no_dearer_time(world: CaseWorld) -> None:
    ident = await confirmed(world)
    hold = await dearer(world)
    await world.move(ident, hold.id)
    await world.appointments.cancel(ident)
    assert await statuses(world) == [8, 9]
    async with world.db.connection() as conn:
        assert (await world.payments.latest(conn, hold.id)).status is PaymentStatus.FENCED  # type: ignore[union-attr]
    await world.poll()
    assert (await world.hold(TEN)).starts_at == TEN  # somebody else has it


async def test_money_that_comes_after_cancelling_and_erasing_goes_back_and_nobody_is_told(world: CaseWorld) -> None:
    ident = await confirmed(world)
    hold = await dearer(world)
    await world.move(ident, hold.id)
    late = await difference(world, hold)
    world.provider.silent = True  # so nothing is fenced
    await world.appointments.erase(ident)
    assert await statuses(world) == [8, 9]
    world.provider.silent = False
    world.provider.pay(late)
    await world.payments.settle(late)
    for _ in range(2):
        world.clock.advance(minutes=10)
        await world.payments.sweep()
    async with world.db.connection() as conn:
        assert await conn.fetchval("SELECT sum(captured_cents - refunded_cents) FROM payment") == 0
        assert await faults(conn, at_rest=True) == {}
    assert await world.messages() == []


async def test_to_another_time_while_a_dearer_one_waits(world: CaseWorld) -> None:
    """What waits would be paid at another difference than was said: it is given back with the same commit."""
    ident = await confirmed(world)
    hold = await dearer(world)
    await world.move(ident, hold.id)
    late = await difference(world, hold)
    cheaper = await world.hold(ELEVEN)
    await new_fee(world, 3000, cheaper)
    moved = await world.move(ident, cheaper.id)
    assert (moved.starts_at, moved.fee, moved.waiting) == (ELEVEN, Money(3000), None)
    assert await statuses(world) == [2, 8, 10]
    world.provider.pay(late)  # the provider refuses: fenced
    await world.appointments.settle_move(ident, hold.id)
    async with world.db.connection() as conn:
        assert await faults(conn, at_rest=True) == {}
        assert await conn.fetchval("SELECT sum(captured_cents - refunded_cents) FROM payment") == 3000


async def test_a_dearer_time_is_given_back_and_another_one_chosen(world: CaseWorld) -> None:
    ident = await confirmed(world)
    hold = await dearer(world)
    await world.move(ident, hold.id)
    stays = await asyncio.gather(*(world.appointments.stay(ident) for _ in range(3)))
    assert {(case.starts_at, case.waiting) for case in stays} == {(NINE, None)}
    assert await statuses(world) == [2, 8]
    with pytest.raises(HoldOver):
        await world.move(ident, hold.id)
    other = await dearer(world, ELEVEN)
    assert await world.appointments.move(ident, other.id, "http://moved")
    world.provider.pay(await difference(world, other))
    await world.appointments.settle_move(ident, other.id)
    assert (await world.appointments.stay(ident)).starts_at == ELEVEN  # nothing waits: nothing happens


@pytest.mark.parametrize("pay_first", [True, False])
async def test_paying_a_dearer_time_and_giving_it_back(world: CaseWorld, pay_first: bool) -> None:
    ident = await confirmed(world)
    hold = await dearer(world)
    await world.move(ident, hold.id)
    world.provider.pay(await difference(world, hold))
    both = [world.appointments.settle_move(ident, hold.id), world.appointments.stay(ident)]
    await asyncio.gather(*(both if pay_first else reversed(both)))
    await world.payments.sweep()
    case = await world.appointments.case(ident)
    assert (case.starts_at, case.fee.cents) in ((TEN, 4600), (NINE, 3700))
    async with world.db.connection() as conn:
        assert await conn.fetchval("SELECT sum(captured_cents - refunded_cents) FROM payment") == case.fee.cents
        assert await faults(conn, at_rest=True) == {}

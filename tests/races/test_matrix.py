"""Everything that may happen to a counter's time, against everything else, in the same moment.

One counter. A confirmed case, one that has paid without us knowing, a hold nobody uses yet, free time, and time set aside by a
run. Each of two actors picks one of these, often the same; what is refused must be refused in words, and what is left must be sound.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import combinations_with_replacement
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database, violates
from base.errors import DomainError
from tests.booking.allocation.world import THURSDAY, NeedWorld, make_need, moment
from tests.booking.appointments.world import ANNA, CaseWorld
from tests.booking.availability.city import TUESDAY, at
from tests.invariants import faults
from tests.locks import waits_for

ROUNDS = 60 if os.environ.get("SCALE") == "full" else 3
PAID, PAYING, BARE, FREE, SET_ASIDE = moment(9), moment(9, 20), moment(9, 40), moment(10), moment(8)
FURTHER = moment(11)
CLOSING_TRIES = 5


@dataclass
class Scene:
    """`cases` and `holds` by the time they are at."""

    db: Database
    clock: SettableClock
    plain: CaseWorld
    need: NeedWorld
    dice: random.Random
    request: UUID
    run: UUID
    cases: dict[datetime, UUID]
    holds: dict[datetime, UUID]

    @property
    def counter(self) -> int:
        return self.plain.city.counters[0]


Actor = Callable[[Scene, datetime], Awaitable[object]]


async def hold(scene: Scene, when: datetime) -> object:
    return await scene.plain.hold(when)


async def confirm(scene: Scene, when: datetime) -> object:
    """The money has come; for a hold without a case, the whole way."""
    if case := scene.cases.get(when):
        return await scene.plain.appointments.settle(case)
    ident = scene.holds[when] if when in scene.holds else (await scene.plain.hold(when)).id
    made = await scene.plain.appointments.create(ident, ANNA, uuid4().hex)
    await scene.plain.paid(made.case.id)
    return made


async def expire(scene: Scene, when: datetime) -> object:
    """The sweeps; what `when` holds has run out a moment ago."""
    async with scene.db.connection() as conn:
        await conn.execute(
            "UPDATE claim SET hold_until = $2 WHERE starts_at = $1 AND kind = 0 AND status = 1",
            when,
            scene.clock() - timedelta(seconds=1),
        )
    return await scene.plain.appointments.expire_bare() + await scene.plain.appointments.expire_due()


async def cancel(scene: Scene, when: datetime) -> object:
    if case := scene.cases.get(when):
        return await scene.plain.appointments.cancel(case)
    if ident := scene.holds.get(when):
        await scene.plain.holds.release(ident)
    else:
        await scene.need.allocation.withdraw(scene.request)
    return None


async def move(scene: Scene, when: datetime) -> object:
    """The paid case to `when`, or away from it."""
    ident = scene.holds[when] if when in scene.holds else (await scene.plain.hold(_elsewhere(when))).id
    case = scene.cases[when if when in scene.cases else PAID]
    return await scene.plain.move(case, ident)


async def close(scene: Scene, when: datetime) -> object:
    """With whoever is inside left in the override lane; a hold that got in between means: again."""
    for _try in range(CLOSING_TRIES):
        try:
            async with scene.db.transaction() as conn:
                return await conn.fetchrow(
                    "SELECT * FROM close_leaving($1, tstzrange($2, $3), 'Pipe burst', $4)",
                    [scene.counter],
                    when,
                    when + timedelta(minutes=20),
                    scene.need.clerk,
                )
        except asyncpg.ExclusionViolationError as error:
            assert violates(error, "claim_no_overlap")  # noqa: PT017 - a later try is what is asked for
        except asyncpg.DeadlockDetectedError:
            continue
    raise AssertionError("closing met a hold each time")


async def offer(scene: Scene, when: datetime) -> object:
    ident = scene.holds.get(when, scene.holds[BARE])
    async with scene.db.transaction() as conn:
        return await scene.plain.appointments.offer(conn, ident, ANNA, scene.clock() + timedelta(hours=4))


async def allocate(scene: Scene, when: datetime) -> object:
    await scene.need.runs.release(scene.run, scene.need.clerk)
    return None


ACTORS: tuple[Actor, ...] = (hold, confirm, expire, cancel, move, close, offer, allocate)
TIMES = (PAID, PAYING, BARE, FREE, SET_ASIDE)


def _elsewhere(when: datetime) -> datetime:
    return when if when == FREE else FURTHER


async def _make(db: Database, dice: random.Random) -> Scene:
    clock = SettableClock(at(TUESDAY, 7))
    async with db.connection() as conn:
        city, clerk = await make_need(conn)
        counter = city.counters[1]  # one counter only: all meet there
        await conn.execute("SELECT set_open($1, tstzrange($2, $3), '{}')", counter, at(THURSDAY, 0), at(THURSDAY, 23))
        plain_service, plain_fee = await _plain_service(conn, city.counters[0])
    city = replace(city, offices={city.office: (city.counters[0],)})
    need = NeedWorld(db, city, clock, clerk)
    plain = CaseWorld(db, replace(city, service_id=plain_service, fee_cents=3700, fee_id=plain_fee), clock)
    await need.start()
    await plain.start()
    request = await need.take_part("Berta Beispiel", THURSDAY)
    run = await need.open(2)  # eight o'clock and twenty past; one of both stays without an applicant
    clock.advance(hours=1)
    await need.runs.close_due()
    clock.advance(hours=1)
    await need.runs.enter_seed(run, "4 9 17 23 31 46", clerk)
    await plain.poll()
    paid, paying = await plain.create(PAID), await plain.create(PAYING)
    await plain.paid(paid.case.id)
    await plain.appointments.pay(paying.case.id, "http://back")
    payment = (await plain.appointments.case(paying.case.id)).payment
    assert payment is not None
    plain.provider.pay(payment.id)
    bare = await plain.hold(BARE)
    cases, holds = {PAID: paid.case.id, PAYING: paying.case.id}, {BARE: bare.id}
    return Scene(db, clock, plain, need, dice, request, run, cases, holds)


async def _plain_service(conn: Connection, counter: int) -> tuple[int, int]:
    """Of the same counter, given out by the first click."""
    service: int = await conn.fetchval(
        """INSERT INTO service (key, name, channels, duration_min, source)
           VALUES ('card', '{"de": "Ausweis"}', '{onsite}', 20, 'test') RETURNING id"""
    )
    await conn.execute("INSERT INTO counter_service VALUES ($1, $2)", counter, service)
    fee: int = await conn.fetchval(
        'INSERT INTO fee (service_id, amount_cents, legal_basis) VALUES ($1, 3700, \'{"de": "§ 1"}\') RETURNING id',
        service,
    )
    return service, fee


async def _together(scene: Scene, both: list[tuple[Actor, datetime]]) -> list[object]:
    """Both at once; half of the time behind a lock that a third one lets go when both stand before it."""
    if scene.dice.random() < 0.5:
        return list(await asyncio.gather(*(actor(scene, when) for actor, when in both), return_exceptions=True))
    async with scene.db.connection() as gate:
        barrier = gate.transaction()
        await barrier.start()
        if scene.dice.random() < 0.5:
            await gate.execute("SELECT FROM counter FOR UPDATE")
        await gate.execute("SELECT FROM claim WHERE kind = 0 AND status < 8 ORDER BY id FOR UPDATE")
        tasks = [asyncio.create_task(_run(actor, scene, when)) for actor, when in both]
        for task in tasks:
            await waits_for(gate, task)
        await barrier.commit()
        return list(await asyncio.gather(*tasks, return_exceptions=True))


async def _run(actor: Actor, scene: Scene, when: datetime) -> object:
    return await actor(scene, when)


async def _rest(scene: Scene) -> None:
    """In the evening of that day everything has run out or come to its end."""
    scene.clock.advance(hours=60)
    for world in (scene.plain, scene.need):
        while await world.appointments.expire_bare() + await world.appointments.expire_due():
            pass
        await world.payments.sweep()


@pytest.mark.parametrize(
    "pair", list(combinations_with_replacement(ACTORS, 2)), ids=lambda p: "-".join(a.__name__ for a in p)
)
@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_two_at_once(db: Database, pair: tuple[Actor, Actor], round_: int) -> None:
    seed = f"{round_}:{pair[0].__name__}:{pair[1].__name__}"
    scene = await _make(db, random.Random(seed))
    first = scene.dice.choice(TIMES)
    times = (first, first if scene.dice.random() < 0.7 else scene.dice.choice(TIMES))
    both = list(zip(scene.dice.sample(pair, 2), times, strict=True))
    print(f"{seed}: " + ", ".join(f"{actor.__name__} {when:%H:%M}" for actor, when in both))
    try:
        ends = await _together(scene, both)
        unexpected = [end for end in ends if isinstance(end, BaseException) and not isinstance(end, DomainError)]
        assert unexpected == []
        async with db.connection() as conn:
            assert await faults(conn) == {}
        await _rest(scene)
        async with db.connection() as conn:
            assert await faults(conn, at_rest=True) == {}
    finally:
        await scene.plain.stop()
        await scene.need.stop()

"""Both stores of Slots do the same: one random program, run on PostgreSQL and in memory, step by step."""

from __future__ import annotations

import os
import random
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from base.db import Connection, Database
from base.money import Money
from booking.appointments.model import AppointmentStatus, CaseState, MoveState
from booking.appointments.policy import Terms
from booking.appointments.slots import Notice, Slots
from booking.appointments.slots_memory import BareHold, MemorySlots
from booking.appointments.slots_pg import PgSlots
from payment.memory import MemoryDatabase
from payment.ports import Tx
from tests.booking.availability.city import TUESDAY, City, at, make_city

RUNS = 40 if os.environ.get("SCALE") == "full" else 8
NOW = at(TUESDAY, 0)
_S = AppointmentStatus


class _Undo(Exception):
    pass


@dataclass
class PgSide:
    db: Database
    city: City
    slots: Slots
    dear_fee: int

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        return self.db.transaction()

    async def add(self, tx: Any, case: CaseState, slot: int) -> None:
        await tx.execute(
            """
            INSERT INTO appointment (id, number, office_id, service_id, channel, language, fee_id, fee_cents, refund_policy_id,
                                     token_sha256, token_sealed, created_at)
            VALUES ($1, $2, $3, $4, 'onsite', 'de', (SELECT min(id) FROM fee), $5, 1, sha256($2::text::bytea), '', $6)""",
            case.id,
            case.number,
            self.city.office,
            self.city.service_id,
            case.fee.cents,
            NOW,
        )
        await self._claim(tx, slot, case.starts_at, case.hold_until, case.id)

    async def add_bare(self, tx: Any, hold: BareHold, slot: int) -> None:
        await self._claim(tx, slot, _start(slot), hold.hold_until, None)

    async def add_move(self, tx: Any, move: MoveState, slot: int) -> None:
        """The case has it confirmed; the dearer time waits."""
        await self._claim(tx, slot, move.starts_at, move.hold_until, None)
        await tx.execute(
            "UPDATE claim SET status = 3, request_key = $1, moves = $2, fee_id = $3 WHERE id = (SELECT max(id) FROM claim)",
            move.id,
            move.case.id,
            self.dear_fee,
        )

    async def _claim(self, tx: Any, slot: int, start: datetime, until: datetime | None, case: UUID | None) -> None:
        await tx.execute(
            """
            INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, hold_until, appointment_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
            self.city.office,
            self.city.counters[slot % 2],
            self.city.service_id,
            self.city.fee_id,
            start,
            start + timedelta(minutes=5),
            until,
            case,
        )


@dataclass
class MemorySide:
    db: MemoryDatabase
    slots: MemorySlots

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        return self.db.transaction()

    async def add(self, tx: Any, case: CaseState, slot: int) -> None:
        self.slots.add_case(tx, case)

    async def add_move(self, tx: Any, move: MoveState, slot: int) -> None:
        self.slots.add_move(tx, move)

    async def add_bare(self, tx: Any, hold: BareHold, slot: int) -> None:
        self.slots.add_bare_hold(tx, hold)


def _start(slot: int) -> datetime:
    return NOW + timedelta(hours=1, minutes=5 * (slot // 2))


async def _no_announcement(tx: Tx, reference: UUID, notice: Notice) -> None:
    return None


@pytest.mark.parametrize("taken", [False, True])
async def test_what_has_run_out_is_had_again_where_all_of_it_is_free(db: Database, taken: bool) -> None:
    async with db.connection() as conn:
        city = await make_city(conn, counters=2, duration_min=5, fee_cents=3700, days=[TUESDAY], opens=0, closes=23)
    side = PgSide(db, city, PgSlots(_no_announcement), 0)
    until = NOW + timedelta(minutes=15)
    case = CaseState(
        id=uuid4(),
        number="T-1",
        status=_S.HELD,
        language="de",
        starts_at=_start(0),
        hold_until=until,
        fee=Money(3700),
        terms=Terms.of(100, (), ()),
    )
    async with db.transaction() as tx:
        await side.add(tx, case, 0)
        await side._claim(tx, 1, _start(0), until, case.id)  # a second part, at another counter
    async with db.transaction() as tx:
        assert await side.slots.move(tx, case.id, _S.EXPIRED)
        if taken:
            await side.add_bare(tx, BareHold(uuid4(), until), 1)
    async with db.transaction() as tx:
        assert await side.slots.move(tx, case.id, _S.CONFIRMED) is not taken
        found = await side.slots.lock(tx, case.id)  # and the transaction goes on
        assert found is not None
        assert found.status is (_S.EXPIRED if taken else _S.CONFIRMED)
        statuses = await tx.fetch("SELECT status FROM claim WHERE appointment_id = $1", case.id)
        assert {row[0] for row in statuses} == ({8} if taken else {2})


@pytest.mark.parametrize("seed", range(RUNS))
async def test_the_same_program_has_the_same_results(db: Database, seed: int) -> None:
    async with db.connection() as conn:
        days = [TUESDAY + timedelta(days=n) for n in range(2)]
        city = await make_city(conn, counters=2, duration_min=5, fee_cents=3700, days=days, opens=0, closes=23)
        dear = await conn.fetchval(
            """INSERT INTO fee (service_id, amount_cents, legal_basis, valid) SELECT service_id, 5000, legal_basis, 'empty' FROM fee
               RETURNING id"""
        )
    sides: list[PgSide | MemorySide] = [
        PgSide(db, city, PgSlots(_no_announcement), dear),
        MemorySide(MemoryDatabase(), MemorySlots()),
    ]
    program = _program(random.Random(seed))
    results = [[await _step(side, *step) for step in program] for side in sides]
    for step, left, right in zip(program, *results, strict=True):
        assert left == right, step


Step = tuple[str, tuple[Any, ...], bool]


def _program(chance: random.Random) -> list[Step]:
    """Cases and holds come, statuses are tried in any order, some transactions are undone. At the end everything is looked at."""
    cases: list[UUID] = []
    movable: dict[UUID, CaseState] = {}
    moves: list[UUID] = []
    steps: list[Step] = []
    slot = 0
    for _ in range(80):
        undone = chance.random() < 0.15
        known = chance.choice(cases) if cases and chance.random() < 0.95 else UUID(int=chance.getrandbits(128))
        until = NOW + timedelta(minutes=chance.randrange(1, 30), seconds=slot)
        match chance.randrange(10):
            case 0 | 1:
                slot += 1
                case = CaseState(
                    id=UUID(int=chance.getrandbits(128)),
                    number=f"N{slot}",
                    status=_S.HELD,
                    language="de",
                    starts_at=_start(slot),
                    hold_until=until,
                    fee=Money(3700),
                    terms=Terms.of(100, (), ()),
                )
                steps.append(("add", (case, slot), undone))
                if not undone:
                    cases.append(case.id)
                    movable[case.id] = case
            case 2:
                slot += 1
                steps.append(("add_bare", (BareHold(uuid4(), until), slot), undone))
            case 8 if movable:
                slot += 1
                move = MoveState(
                    id=UUID(int=chance.getrandbits(128)),
                    case=movable[chance.choice(sorted(movable))],
                    starts_at=_start(slot),
                    hold_until=until,
                    fee=Money(5000),
                    is_waiting=True,
                )
                steps += [("move", (move.case.id, _S.CONFIRMED), False), ("add_move", (move, slot), undone)]
                if not undone:
                    moves.append(move.id)
                    del movable[move.case.id]  # one time waits for a case
            case 9 if moves:
                which = chance.choice(moves)
                steps += [("lock_move", (which,), False), ("end_move", (which, chance.choice([None, until])), undone)]
                steps += [("mark_tried", (which, until), False), ("lock_move", (which,), False)]
            case 3 | 4:
                steps.append(("move", (known, chance.choice(list(_S))), undone))
            case 5:
                steps.append(("due", (NOW + timedelta(minutes=chance.randrange(40)), chance.randrange(1, 5)), undone))
            case 6:
                steps.append(("mark_tried", (known, NOW + timedelta(minutes=chance.randrange(40))), undone))
            case _:
                steps.append(
                    ("expire_bare", (NOW + timedelta(minutes=chance.randrange(40)), chance.randrange(1, 3)), undone)
                )
        steps.append(("lock", (known,), False))
    steps += [("lock_move", (ident,), False) for ident in [*moves, *cases]]
    return steps + [("lock", (ident,), False) for ident in cases] + [("due", (NOW + timedelta(days=9), 1000), False)]


async def _step(side: PgSide | MemorySide, name: str, arguments: tuple[Any, ...], undone: bool) -> object:
    result: object = None
    try:
        async with side.transaction() as tx:
            if name == "end_move" and arguments[1] is not None:  # as its callers do, who look at the case first
                found = await side.slots.lock_move(tx, arguments[0])
                if found is None or found.case.status is not _S.CONFIRMED:
                    return None
            target = side if name.startswith("add") else side.slots
            result = await getattr(target, name)(tx, *arguments)
            if undone:
                raise _Undo
    except _Undo:
        pass
    return result

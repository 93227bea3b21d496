"""The whole engine, step by step in any order, against plain SQL: what memory says is free, the database says is free, for citizens
and for staff, also to a process that has only just begun; and whatever was refused, nothing unsound is left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from base.clock import SettableClock
from base.db import Database
from base.errors import DomainError
from booking.availability.model import Audience
from booking.holds.model import Override
from tests.booking.appointments.world import ANNA, CaseWorld
from tests.booking.availability.city import TUESDAY, at, make_city
from tests.conftest import cloned
from tests.invariants import faults

FULL = os.environ.get("SCALE") == "full"
T = TypeVar("T")
BUFFER_MIN = 5
STARTS = [at(TUESDAY, 8) + timedelta(minutes=20 * n) for n in range(12)]
_START, _COUNTER, _NUMBER = st.sampled_from(STARTS), st.integers(0, 1), st.integers(0, 30)
_PART = st.sampled_from(["open", "staff", "walk_in", "unreleased", "closed"])
_DAY = st.lists(_PART, min_size=12, max_size=12)  # what each twenty minutes are


class Engine(RuleBasedStateMachine):
    """Two web processes on one database; `one` acts, `two` only hears."""

    dsn: str
    template: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self._database = cloned(self.dsn, self.template)
        self.db = Database(self._database.__enter__(), size=3)
        self.do(self._start())

    async def _start(self) -> None:
        await self.db.__aenter__()
        self.clock = SettableClock(at(TUESDAY, 6))
        async with self.db.connection() as conn:
            city = await make_city(conn, fee_cents=3700)
            self.clerk = await conn.fetchval(
                "INSERT INTO account (login, name, password_hash) VALUES ('rosa', 'Rosa', '$argon2id$none') RETURNING id"
            )
        city = replace(city, rule={"buffer_min": BUFFER_MIN})
        self.one, self.two = CaseWorld(self.db, city, self.clock), CaseWorld(self.db, city, self.clock)
        await self.one.start()
        await self.two.start()
        self.holds: list[UUID] = []
        self.cases: list[UUID] = []

    def teardown(self) -> None:
        async def stop() -> None:
            await self.one.stop()
            await self.two.stop()
            await self.db.__aexit__(None, None, None)

        self.do(stop())
        self.loop.close()
        self._database.__exit__(None, None, None)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def try_(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What is refused in words is no fault."""
        with suppress(DomainError):
            return self.do(work)
        return None

    def asked(self, start: datetime, audience: Audience = Audience.PUBLIC) -> Coroutine[Any, Any, Any]:
        city = self.one.city
        return self.one.holds.hold(city.service_id, "onsite", city.office, start, uuid4().hex, audience=audience)

    @rule(start=_START, by_staff=st.booleans())
    def hold(self, start: datetime, by_staff: bool) -> None:
        if made := self.try_(self.asked(start, Audience.STAFF if by_staff else Audience.PUBLIC)):
            self.holds.append(made.id)

    @rule(start=_START, counter=_COUNTER)
    def overbook(self, start: datetime, counter: int) -> None:
        city = self.one.city
        asked = Override(
            service_id=city.service_id,
            channel="onsite",
            office_id=city.office,
            counter_id=city.counters[counter],
            starts_at=start,
            reason="A child is ill",
            by=self.clerk,
        )
        if made := self.try_(self.one.holds.override(asked, uuid4().hex)):
            self.holds.append(made.id)

    @rule(which=_NUMBER, pay=st.booleans())
    def book(self, which: int, pay: bool) -> None:
        if self.holds and (
            made := self.try_(self.one.appointments.create(_pick(self.holds, which), ANNA, uuid4().hex))
        ):
            self.cases.append(made.case.id)
            if pay:
                self.try_(self.one.paid(made.case.id))

    @rule(which=_NUMBER)
    def give_back(self, which: int) -> None:
        if self.holds:
            self.try_(self.one.holds.release(_pick(self.holds, which)))

    @rule(which=_NUMBER)
    def cancel(self, which: int) -> None:
        if self.cases:
            self.try_(self.one.appointments.cancel(_pick(self.cases, which)))

    @rule(which=_NUMBER, start=_START)
    def move(self, which: int, start: datetime) -> None:
        if self.cases and (made := self.try_(self.asked(start))):
            self.holds.append(made.id)
            self.try_(self.one.move(_pick(self.cases, which), made.id))

    @rule(minutes=st.sampled_from([1, 14, 16, 45]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)
        self.do(self.one.appointments.expire_bare())
        self.do(self.one.appointments.expire_due())

    @rule(counter=_COUNTER, day=_DAY)
    def lay_hours(self, counter: int, day: list[str]) -> None:
        parts = [
            [(start, start + timedelta(minutes=20)) for start, is_ in zip(STARTS, day, strict=True) if is_ == part]
            for part in ("open", "staff", "walk_in", "unreleased")
        ]
        self.do(self._lay(self.one.city.counters[counter], parts))

    async def _lay(self, counter: int, parts: list[list[tuple[datetime, datetime]]]) -> None:
        ranges = [
            [asyncpg.Range(start, end) for start, end in part]  # touching ones are joined there
            for part in parts
        ]
        async with self.db.connection() as conn:
            with suppress(asyncpg.ExclusionViolationError):  # somebody is booked in what was to be closed
                await conn.execute(
                    """
                    SELECT set_hours($1, tstzrange($2, $3), tstzmultirange(VARIADIC $4::tstzrange[]),
                                     tstzmultirange(VARIADIC $5::tstzrange[]), tstzmultirange(VARIADIC $6::tstzrange[]),
                                     tstzmultirange(VARIADIC $7::tstzrange[]))""",
                    counter,
                    at(TUESDAY, 0),
                    at(TUESDAY, 23),
                    *ranges,
                )

    @rule(counter=_COUNTER, start=_START)
    def close_leaving(self, counter: int, start: datetime) -> None:
        async def close() -> None:
            async with self.db.transaction() as conn:
                await conn.execute(
                    "SELECT close_leaving($1, tstzrange($2, $3), 'Pipe burst', $4)",
                    [self.one.city.counters[counter]],
                    start,
                    start + timedelta(minutes=40),
                    self.clerk,
                )

        self.do(close())

    @rule()
    def another_process_begins(self) -> None:
        self.do(self.two.stop())
        self.two = CaseWorld(self.db, self.one.city, self.clock)
        self.do(self.two.start())

    @invariant()
    def memory_is_the_database(self) -> None:
        expected = {staff: self.do(self._free(staff)) for staff in (False, True)}
        for world in (self.one, self.two):
            self.do(world.poll())
            self.do(world.poll())  # a claim of our own is believed until a poll that began after it
            offer, (office,) = world.availability.get_offer(world.city.service_id, "onsite")
            for staff, audience in ((False, Audience.PUBLIC), (True, Audience.STAFF)):
                found = {
                    (start, counter)
                    for start in STARTS
                    for counter in world.availability.candidates(offer, office, start, audience)
                }
                assert found == expected[staff], audience
                offered = {slot.starts_at for slot in self._slots(world, audience)}
                assert offered <= {start for start, _ in found}

    @invariant()
    def nothing_unsound(self) -> None:
        async def look() -> dict[str, list[object]]:
            async with self.db.connection() as conn:
                return await faults(conn)

        assert self.do(look()) == {}

    def _slots(self, world: CaseWorld, audience: Audience) -> list[Any]:
        return world.availability.nearest(world.city.service_id, "onsite", [world.city.office], STARTS[0], 50, audience)

    async def _free(self, staff: bool) -> set[tuple[datetime, int]]:
        """Counters that nothing living stands in the way of, asked of each start by itself."""
        kept = "AND NOT (c.kind IN (5, 6) AND isfinite(c.starts_at) AND isfinite(c.ends_at))" if staff else ""
        async with self.db.connection() as conn:
            rows = await conn.fetch(
                f"""
                SELECT s, k.id FROM unnest($1::timestamptz[]) s CROSS JOIN counter k
                 WHERE NOT EXISTS (SELECT FROM claim c WHERE c.counter_id = k.id AND c.status < 8 {kept}
                                      AND tstzrange(c.starts_at, c.ends_at) && tstzrange(s, s + $2))""",
                STARTS,
                timedelta(minutes=20 + BUFFER_MIN),
            )
        return {(row[0], row[1]) for row in rows}


def _pick(idents: list[UUID], which: int) -> UUID:
    return idents[which % len(idents)]


def test_the_engine(database_url: str, template: str) -> None:
    machine = type("EngineHere", (Engine,), {"dsn": database_url, "template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=150 if FULL else 8,
            stateful_step_count=40 if FULL else 25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

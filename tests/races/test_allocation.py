"""Giving out by need: what the schema refuses, whoever asks; and a release against everything that may happen beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Connection, Database
from base.errors import DomainError
from booking.allocation.model import RequestStatus, RunStatus
from booking.allocation.runs import RunGoesOn
from booking.allocation.usecases import NotAsking
from booking.appointments import store
from booking.appointments.model import AppointmentStatus
from tests.booking.allocation.test_runs import LATER, SOON, world_claims
from tests.booking.allocation.world import SEED, NeedWorld, moment, need_world
from tests.booking.availability.city import TUESDAY, at
from tests.races.test_constraints import refused


@pytest.fixture
async def world(db: Database) -> AsyncIterator[NeedWorld]:
    async with need_world(db, SettableClock(at(TUESDAY, 7))) as made:
        yield made


@pytest.fixture
async def conn(world: NeedWorld) -> AsyncIterator[Connection]:
    async with world.db.connection() as conn:
        yield conn


class TestSchema:
    async def test_no_plain_hold_of_a_service_given_out_by_need(self, world: NeedWorld, conn: Connection) -> None:
        insert = """
            INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, hold_until)
            VALUES ($1, $2, $3, $4, $5, $6, $5)"""
        city = world.city
        times = moment(9), moment(9, 20)
        given = (city.office, city.counters[0], city.service_id, city.fee_id, *times)
        assert await conn.execute(insert, *given) == "INSERT 0 0"
        await conn.execute("DELETE FROM allocation_service")
        assert await conn.execute(insert, *given) == "INSERT 0 1"

    async def test_what_was_said_of_a_service_is_whole_and_stays(self, world: NeedWorld, conn: Connection) -> None:
        insert = """
            INSERT INTO allocation_mark (service_id, is_on, class_days, offer_hours, rhythm_days, from_at, because, by_user, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
        now, service = world.clock(), world.city.service_id
        later = now + timedelta(hours=1)
        for constraint, *given in (
            ("allocation_mark_classes", True, [21, 7], 48, 7, now, ""),
            ("allocation_mark_offer", True, [7], 0, 7, now, ""),
            ("allocation_mark_rhythm", True, [7], 48, 93, now, ""),
            ("allocation_mark_not_backwards", True, [7], 48, 7, now - timedelta(seconds=1), ""),
            ("allocation_mark_whole", True, [7], 48, None, now, ""),
            ("allocation_mark_whole", False, None, None, None, now, " "),
            ("allocation_mark_whole", False, None, None, None, later, "Enough counters"),
        ):
            with refused(str(constraint)):
                await conn.execute(insert, service, *given, world.clerk, now)
        await conn.execute(insert, service, True, [7], 48, 7, later, "", world.clerk, now)
        for change in ("UPDATE allocation_mark SET because = 'x'", "DELETE FROM allocation_mark"):
            with refused("allocation_mark_append_only"):
                await conn.execute(change)
        with refused("allocation_service_rhythm"):
            await conn.execute("UPDATE allocation_service SET rhythm_days = 0")

    async def test_a_run_is_of_a_marked_service_and_keeps_it_marked(self, world: NeedWorld, conn: Connection) -> None:
        run = await world.open()
        with refused("allocation_service_run_goes_on"):
            await conn.execute("UPDATE allocation_service SET is_on = false")
        await world.runs.give_up(run, "Another way", world.clerk)
        await conn.execute("UPDATE allocation_service SET is_on = false")
        with refused("allocation_run_of_marked"):
            await conn.execute(
                """
                INSERT INTO allocation_run (id, service_id, class_days, closes_at, seed_source, seed_at, release_by, opened_by, opened_at)
                SELECT gen_random_uuid(), service_id, class_days, closes_at, seed_source, seed_at, release_by, opened_by, opened_at
                  FROM allocation_run"""
            )

    async def test_nobody_is_called_whom_nobody_entered(self, world: NeedWorld, conn: Connection) -> None:
        await world.ask("Anna Häberle")
        with refused("allocation_request_called_was_entered"):
            await conn.execute("UPDATE allocation_request SET is_called = true")

    async def test_a_word_is_due_once_for_each_run_and_said_once(self, world: NeedWorld, conn: Connection) -> None:
        ident = await world.enter("Anna Häberle")
        insert = "INSERT INTO allocation_word (request_id, due_at, said_by) VALUES ($1, now(), $2)"
        with refused("allocation_word_said"):
            await conn.execute(insert, ident, world.clerk)
        await conn.execute(insert, ident, None)
        with refused("allocation_word_once"):
            await conn.execute(insert, ident, None)
        with refused("allocation_word_said_once"):
            await conn.execute("UPDATE allocation_word SET due_at = due_at + interval '1 day'")
        await conn.execute("UPDATE allocation_word SET said_at = now()")
        with refused("allocation_word_said_once"):
            await conn.execute("UPDATE allocation_word SET said_at = now() + interval '1 day'")

    async def test_a_document_is_small_known_few_and_of_an_open_request(
        self, world: NeedWorld, conn: Connection
    ) -> None:
        ident = await world.ask("Anna Häberle")
        insert = """
            INSERT INTO allocation_document (id, request_id, kind, size_bytes, content, sent_at)
            VALUES (gen_random_uuid(), $1, $2, $3, $4, now())"""
        for constraint, *given in (
            ("allocation_document_kind", "gif", 9, b"x" * 20),
            ("allocation_document_size", "pdf", 0, b""),
            ("allocation_document_size", "pdf", 5 * 1024 * 1024 + 1, b"x" * (5 * 1024 * 1024 + 1)),
            ("allocation_document_size", "pdf", 9, b"x" * 1000),
        ):
            with refused(str(constraint)):
                await conn.execute(insert, ident, *given)
        for _n in range(5):
            await conn.execute(insert, ident, "pdf", 9, b"x" * 20)
        with refused("allocation_document_most"):
            await conn.execute(insert, ident, "pdf", 9, b"x" * 20)
        with refused("allocation_document_stays"):
            await conn.execute("UPDATE allocation_document SET kind = 'png'")
        await conn.execute("DELETE FROM allocation_document")
        await world.allocation.withdraw(ident)
        with refused("allocation_document_of_open"):
            await conn.execute(insert, ident, "pdf", 9, b"x" * 20)

    async def test_ended_has_its_moment(self, world: NeedWorld, conn: Connection) -> None:
        ident = await world.ask("Anna Häberle")
        with refused("allocation_request_ended"):
            await conn.execute("UPDATE allocation_request SET status = 'ended' WHERE id = $1", ident)
        with refused("allocation_request_ended"):
            await conn.execute("UPDATE allocation_request SET ended_at = now() WHERE id = $1", ident)

    async def test_no_seed_before_its_moment(self, world: NeedWorld, conn: Connection) -> None:
        run = await world.open()
        seeded = "UPDATE allocation_run SET status = 'ranked', seed = '1', seeded_at = $2, seeded_by = $3, result = '' WHERE id = $1"
        with refused("allocation_run_transition"):  # without a list there is nothing to draw from
            await conn.execute(seeded, run, world.clock() + timedelta(hours=3), world.clerk)
        world.clock.advance(hours=1)
        await world.runs.close_due()
        with refused("allocation_run_seed_after_closing"):
            await conn.execute(seeded, run, world.clock() + timedelta(minutes=59), world.clerk)
        await conn.execute(seeded, run, world.clock() + timedelta(minutes=60), world.clerk)

    @pytest.mark.parametrize("minutes", [59, 120])
    async def test_no_list_too_early_and_none_once_the_seed_may_be_known(
        self, world: NeedWorld, conn: Connection, minutes: int
    ) -> None:
        run = await world.open()
        closed = "UPDATE allocation_run SET status = 'closed', closed_at = $2, list = 'x', list_sha256 = sha256('x') WHERE id = $1"
        with refused("allocation_run_closed_in_time"):
            await conn.execute(closed, run, world.clock() + timedelta(minutes=minutes))

    async def test_the_hash_is_of_the_list(self, world: NeedWorld, conn: Connection) -> None:
        run = await world.open()
        with refused("allocation_run_list_hashed"):
            await conn.execute(
                "UPDATE allocation_run SET status = 'closed', closed_at = closes_at, list = 'x', list_sha256 = sha256('y') WHERE id = $1",
                run,
            )

    @pytest.mark.parametrize(
        "change",
        [
            "seed = '1 2 3'",
            "seed = '1 2 3', result = 'other', seed_because = 'I like it more'",  # by the same person
            "seed = NULL, result = NULL, seeded_at = NULL, seeded_by = NULL",
            "seeded_by = (SELECT max(id) FROM account), seed_because = 'Not mine'",  # and nothing else
            "result = 'other'",
            "list = 'other', list_sha256 = sha256('other')",
            "seed_source = 'another'",
            "seed_at = seed_at + interval '1 day'",
            "class_days = '{1,2}'",
            "closes_at = closes_at + interval '1 minute'",
        ],
    )
    async def test_what_is_published_stays(self, world: NeedWorld, conn: Connection, change: str) -> None:
        run = await world.ranked()
        with refused("allocation_run_published_stays"):
            await conn.execute(f"UPDATE allocation_run SET {change} WHERE id = $1", run)

    async def test_a_seed_set_right_leaves_its_trace_whoever_writes(self, world: NeedWorld, conn: Connection) -> None:
        run, other = await world.ranked(), await world.second_clerk()
        change = """
            UPDATE allocation_run SET seed = '1 2 3', result = 'other', seed_because = $3, seeded_by = $2,
                                      seeded_at = seeded_at + $4::interval WHERE id = $1"""
        for because, later, constraint in (
            (None, timedelta(0), "because"),
            (" ", timedelta(0), "allocation_former_seed_says_why"),
            ("Typed wrong", -timedelta(seconds=1), "allocation_former_seed_not_backwards"),
        ):
            with pytest.raises(asyncpg.PostgresError, match=constraint):
                await conn.execute(change, run, other, because, later)
        await conn.execute(change, run, other, "Typed wrong", timedelta(0))
        [former] = await conn.fetch("SELECT seed, seeded_by, set_right_by, because FROM allocation_former_seed")
        assert tuple(former) == (SEED, world.clerk, other, "Typed wrong")
        for write in ("UPDATE allocation_former_seed SET seed = '7'", "DELETE FROM allocation_former_seed"):
            with refused("allocation_former_seed_append_only"):
                await conn.execute(write)
        with refused("allocation_run_given_up_by_another"):
            await conn.execute(
                "UPDATE allocation_run SET status = 'given_up', given_up_because = 'x', given_up_by = $2 WHERE id = $1",
                run,
                other,
            )
        await conn.execute(
            "UPDATE allocation_run SET status = 'released', released_at = seeded_at, released_by = $2 WHERE id = $1",
            run,
            world.clerk,
        )
        with refused("allocation_run_over_never_changes"):
            await conn.execute(change, run, world.clerk, "Too late", timedelta(0))

    async def test_a_released_run_never_changes(self, world: NeedWorld, conn: Connection) -> None:
        run = await world.ranked()
        await world.runs.release(run, world.clerk)
        with refused("allocation_run_over_never_changes"):
            await conn.execute("UPDATE allocation_run SET released_by = released_by WHERE id = $1", run)
        with refused("allocation_run_never_deleted"):
            await conn.execute("DELETE FROM allocation_run WHERE id = $1", run)

    async def test_no_run_without_source_and_none_is_skipped(self, world: NeedWorld, conn: Connection) -> None:
        run = await world.open()
        with refused("allocation_run_transition"):
            await conn.execute("UPDATE allocation_run SET status = 'released' WHERE id = $1", run)
        copy = """
            INSERT INTO allocation_run (id, service_id, class_days, closes_at, seed_source, seed_at, release_by, opened_by, opened_at)
            SELECT gen_random_uuid(), service_id, class_days, closes_at, {source}, {seed_at}, release_by, opened_by, opened_at
              FROM allocation_run"""
        with refused("allocation_run_names_source"):
            await conn.execute(copy.format(source="' '", seed_at="seed_at"))
        with refused("allocation_run_in_order"):
            await conn.execute(copy.format(source="seed_source", seed_at="closes_at"))
        with refused("allocation_run_one_at_a_time"):
            await conn.execute(copy.format(source="seed_source", seed_at="seed_at"))

    async def test_one_living_request_and_one_appointment(self, world: NeedWorld, conn: Connection) -> None:
        await world.take_part("Anna Häberle", SOON)
        first = await world.ask("Ben Blau")
        for field, index in (
            ("person_hmac", "allocation_request_one_living"),
            ("contact_hmac", "allocation_request_one_contact"),
        ):
            columns = {"person_hmac": "sha256('p')", "contact_hmac": "sha256('c')", field: field}
            with refused(index):
                await conn.execute(
                    f"""
                    INSERT INTO allocation_request (id, public_id, service_id, status, language, made_at, person_hmac,
                                                    contact_hmac, request_key)
                    SELECT gen_random_uuid(), '000000000000', service_id, 'asked', language, made_at,
                           {columns["person_hmac"]}, {columns["contact_hmac"]}, gen_random_uuid()
                      FROM allocation_request WHERE id = $1""",
                    first,
                )
        run = await world.ranked()
        await world.runs.release(run, world.clerk)
        with refused("allocation_request_one_appointment"):
            await conn.execute(
                "UPDATE allocation_request SET status = 'asked', run_id = NULL, appointment_id = NULL WHERE status = 'placed'"
            )
        with refused("allocation_request_placed_has_case"):
            await conn.execute("UPDATE allocation_request SET status = 'asked' WHERE status = 'placed'")
        with refused("allocation_request_checked"):
            await conn.execute("UPDATE allocation_request SET status = 'confirmed' WHERE id = $1", first)
        with refused("allocation_request_deadline_checked"):
            await conn.execute("UPDATE allocation_request SET deadline = '2026-12-05' WHERE id = $1", first)

    @pytest.mark.parametrize("change", ["public_id = '000000000000'", "made_at = made_at - interval '1 day'"])
    async def test_neither_lot_nor_waiting_time_is_changed(
        self, world: NeedWorld, conn: Connection, change: str
    ) -> None:
        ident = await world.ask("Anna Häberle")
        with refused("allocation_request_stays"):
            await conn.execute(f"UPDATE allocation_request SET {change} WHERE id = $1", ident)


async def sound(world: NeedWorld) -> None:
    """Whatever was faster: a placed request has one living or ended case, nothing overlaps, no time is left set aside."""
    assert await world.rows("SELECT * FROM claim_audit") == []
    assert await world.rows("SELECT FROM claim WHERE kind = 0 AND status = 1 AND appointment_id IS NULL") == []
    [(placed, cases)] = await world.rows(
        "SELECT count(*) FILTER (WHERE status = 'placed'), (SELECT count(*) FROM appointment) FROM allocation_request"
    )
    assert placed == cases


class TestRaces:
    async def test_one_form_sent_ten_times_opens_one_run(self, world: NeedWorld) -> None:
        key = uuid4()
        assert len(set(await asyncio.gather(*(world.open(key=key) for _ in range(10))))) == 1
        assert world_claims(await world.claims()) == [1, 1, 1]

    async def test_ten_clerks_open_one_run(self, world: NeedWorld) -> None:
        done = await asyncio.gather(*(world.open() for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(result, RunGoesOn) for result in done) == 9
        assert world_claims(await world.claims()) == [1, 1, 1]

    async def test_ten_clerks_release_once(self, world: NeedWorld) -> None:
        for name, deadline in (("Anna Häberle", SOON), ("Ben Blau", LATER), ("Cem Can", None)):
            await world.take_part(name, deadline)
        run = await world.ranked()
        await asyncio.gather(*(world.runs.release(run, world.clerk) for _ in range(10)))
        assert await world.rows("SELECT count(*) FROM appointment") == [(3,)]
        assert await world.rows("SELECT count(*) FROM message WHERE template = 'appointment_offered'") == [(3,)]
        await sound(world)

    async def test_two_seeds_at_once_one_stands(self, world: NeedWorld) -> None:
        run = await world.open()
        world.clock.advance(hours=1)
        await asyncio.gather(*(world.runs.close(run) for _ in range(5)))
        world.clock.advance(hours=1)
        done = await asyncio.gather(
            *(world.runs.enter_seed(run, f"seed {n}", world.clerk) for n in range(5)), return_exceptions=True
        )
        assert sum(result is None for result in done) == 1
        assert all(isinstance(result, DomainError) for result in done if result is not None)

    async def test_release_against_setting_right_and_giving_up(self, world: NeedWorld) -> None:
        await world.take_part("Anna Häberle", SOON)
        run, other = await world.ranked(), await world.second_clerk()
        await asyncio.gather(
            world.runs.release(run, world.clerk),
            world.runs.set_right(run, SEED, "1 2 3", "Typed wrong", other),
            world.runs.give_up(run, "Typed wrong", other),
            return_exceptions=True,
        )
        row, former = await world.runs.run(run), (await world.runs.former_seeds([run]))[run]
        assert row.status in (RunStatus.RELEASED, RunStatus.GIVEN_UP)
        assert (row.seed == SEED) == (former == [])
        assert await world.rows("SELECT count(*) FROM appointment") == [(int(row.status is RunStatus.RELEASED),)]
        await sound(world)

    async def test_release_against_withdrawing(self, db: Database, world: NeedWorld) -> None:
        asked = [await world.take_part(name, SOON) for name in ("Anna Häberle", "Ben Blau", "Cem Can")]
        run = await world.ranked()
        await asyncio.gather(
            world.runs.release(run, world.clerk),
            *(world.allocation.withdraw(ident) for ident in asked),
            return_exceptions=True,
        )
        for ident in asked:
            row = await world.allocation.find(ident)
            assert row.status in (RequestStatus.PLACED, RequestStatus.WITHDRAWN)
            if row.status is RequestStatus.PLACED:
                with pytest.raises(NotAsking):
                    await world.allocation.withdraw(ident)
        await sound(world)

    async def test_release_against_expiry(self, world: NeedWorld) -> None:
        """The times run out in this moment: each is given to its person or freed, never both."""
        for name in ("Anna Häberle", "Ben Blau", "Cem Can"):
            await world.take_part(name, SOON)
        run = await world.ranked()
        async with world.db.connection() as conn:
            await conn.execute(
                "UPDATE claim SET hold_until = $1 WHERE kind = 0", world.clock() + timedelta(milliseconds=1)
            )
        late = SettableClock(world.clock() + timedelta(seconds=1))

        async def expire() -> None:
            async with world.db.transaction() as conn:
                await store.expire_bare(conn, late(), 200)

        await asyncio.gather(world.runs.release(run, world.clerk), *(expire() for _ in range(4)))
        await sound(world)

    async def test_release_against_holds_and_closing(self, world: NeedWorld) -> None:
        """Holds find no way round; who closes the counters over the times set aside is refused or sees them."""
        await world.take_part("Anna Häberle", SOON)
        run = await world.ranked()

        async def shut(counter: int) -> None:
            async with world.db.transaction() as conn:
                await conn.execute(
                    "SELECT set_open($1, tstzrange($2, $3), '{}')", counter, moment(0), moment(0) + timedelta(days=1)
                )

        done = await asyncio.gather(
            world.runs.release(run, world.clerk),
            *(world.hold(moment(8), key=uuid4().hex) for _ in range(5)),
            *(shut(counter) for counter in world.city.counters),
            return_exceptions=True,
        )
        assert done[0] is None
        assert all(isinstance(result, DomainError) for result in done[1:6])
        refusals = (
            asyncpg.ExclusionViolationError,
            asyncpg.DeadlockDetectedError,
        )  # whoever is ended has changed nothing
        assert all(result is None or isinstance(result, refusals) for result in done[6:])
        await sound(world)

    async def test_the_offer_against_its_own_end(self, world: NeedWorld) -> None:
        """Booked, cancelled and run out at once, right after the release."""
        for name in ("Anna Häberle", "Ben Blau", "Cem Can"):
            await world.take_part(name, SOON)
        await world.runs.release(await world.ranked(), world.clerk)
        cases: list[UUID] = [row[0] for row in await world.rows("SELECT id FROM appointment")]  # type: ignore[misc]
        await asyncio.gather(
            *(
                work
                for case in cases
                for work in (world.appointments.pay(case, "http://back"), world.appointments.cancel(case))
            ),
            return_exceptions=True,
        )
        ends = {(await world.appointments.case(case)).status for case in cases}
        assert ends <= {AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELLED}
        await sound(world)

"""Two web processes, one database: an office has one owner, the other sends it its holds, and does without it when it is away."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from base import lines
from base.clock import SettableClock
from base.db import Database, violates
from booking.availability.book import cell_of
from booking.availability.model import ClaimStatus
from booking.holds import owners
from booking.holds.links import Away, Link, Server
from booking.holds.model import Hold, Wanted
from booking.holds.refusals import PassNeeded, SlotTaken, StartNotOffered, TooManyHolds
from tests.booking.availability.city import TUESDAY, at, make_city
from tests.booking.holds.world import HoldWorld, hold_world
from tests.town import eventually

NINE = at(TUESDAY, 9)
CAPACITY = 2 * 12  # two counters, four hours of three each


@asynccontextmanager
async def two_processes(db: Database, clock: SettableClock, folder: Path) -> AsyncIterator[tuple[HoldWorld, HoldWorld]]:
    """The owner of the only office, and another one; both know of each other."""
    clock.set(at(TUESDAY, 7))
    async with AsyncExitStack() as stack:
        async with db.connection() as conn:
            city = await make_city(conn, counters=2)
        pair = [await stack.enter_async_context(hold_world(db, city, clock, listen=str(folder))) for _ in range(2)]
        for world in pair:
            await world.owners._renew()
        owner = next(world for world in pair if world.owners.owner_of(city.office) is None)
        other = next(world for world in pair if world is not owner)
        assert other.owners.owner_of(city.office) == owner.owners.id
        yield owner, other


async def claims(db: Database) -> int:
    async with db.connection() as conn:
        return int(await conn.fetchval("SELECT count(*) FROM claim WHERE kind = 0"))


async def test_a_hold_is_made_by_the_owner(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    async with two_processes(db, clock, tmp_path) as (owner, other):
        hold = await other.hold(NINE, key="a key of one request")
        assert await other.holds.authorise(hold.id, hold.token)
        assert await other.holds.find(hold.id) == hold
        counters = owner.city.counters
        assert [owner.mirror.book.is_free(c, cell_of(NINE), 4) for c in counters].count(False) == 1  # it knew at once
        assert all(other.mirror.book.is_free(c, cell_of(NINE), 4) for c in counters)  # until its next poll
        assert await owner.hold(NINE, key="a key of one request") == hold
        assert await claims(db) == 1


async def test_refusals_come_back_as_such(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    async with two_processes(db, clock, tmp_path) as (owner, other):
        with pytest.raises(StartNotOffered):
            await other.hold(NINE + timedelta(minutes=7))
        await owner.hold(NINE)
        await owner.hold(NINE)
        with pytest.raises(SlotTaken):
            await other.hold(NINE)  # its own memory still shows two free counters


async def test_everything_is_sold_once_over_two_processes(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    async with two_processes(db, clock, tmp_path) as (owner, other):
        starts = [at(TUESDAY, 8) + timedelta(minutes=20 * n) for n in range(12)]
        sold: Counter[int] = Counter()

        async def client(number: int) -> None:
            world = (owner, other)[number % 2]
            for start in starts[number % 12 :] + starts[: number % 12]:
                with suppress(SlotTaken):
                    sold[(await world.hold(start)).starts_at.hour] += 1

        await asyncio.gather(*(client(number) for number in range(60)))
        assert sum(sold.values()) == CAPACITY
        async with db.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM claim_audit") == 0


async def test_a_silent_owner_is_done_without(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    """It hears the request, says nothing for 200 ms, and makes the hold after all: still one hold."""
    async with two_processes(db, clock, tmp_path) as (owner, other):
        release = asyncio.Event()
        real = owner.holds.answer

        async def slow(message: dict[str, object]) -> object:
            await release.wait()
            return await real(message)

        server = owner.owners._server
        assert server is not None
        server._answer = slow  # type: ignore[assignment]
        hold = await other.hold(NINE, key="a key of one request")
        release.set()
        await asyncio.gather(*server._answering)
        assert await claims(db) == 1
        assert (await owner.hold(NINE, key="a key of one request")).id == hold.id
        began = asyncio.get_running_loop().time()
        await other.hold(NINE)  # and it is not waited for again and again
        assert asyncio.get_running_loop().time() - began < owners.SILENT_S


async def test_what_a_silent_owner_makes_for_somebody_who_was_sent_away_is_free_again(
    db: Database, clock: SettableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is silent while others take all and give it back; then it makes the hold that the other has refused meanwhile."""
    async with two_processes(db, clock, tmp_path) as (owner, other), hold_world(db, owner.city, clock) as third:
        heard, goes_on = asyncio.Event(), asyncio.Event()
        submit = owner.batcher.submit

        async def slow(wanted: Wanted) -> datetime | None:
            heard.set()
            await goes_on.wait()
            return await submit(wanted)

        monkeypatch.setattr(owner.batcher, "submit", slow)
        asking = asyncio.create_task(other.hold(NINE, key="a key of one request"))
        await asyncio.wait_for(heard.wait(), 5)
        taken = [await third.hold(NINE), await third.hold(NINE)]
        await other.poll()
        with pytest.raises(SlotTaken):
            await asking
        for hold in taken:
            await third.holds.release(hold.id)
        goes_on.set()
        await eventually(lambda: _nobody_is_answered(owner))
        async with db.connection() as conn:
            of_nobody = await conn.fetch("SELECT status FROM claim WHERE kind = 0 ORDER BY id DESC")
        assert [row["status"] for row in of_nobody] == [ClaimStatus.CANCELLED] * 3
        await owner.poll()
        assert (await owner.hold(NINE, key="a key of one request")).starts_at == NINE


async def _nobody_is_answered(world: HoldWorld) -> bool:
    server = world.owners._server
    assert server is not None
    return not server._answering


async def test_a_dead_owner_is_done_without_and_loses_its_offices(
    db: Database, clock: SettableClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "RENEW_S", 0.02)
    async with two_processes(db, clock, tmp_path) as (owner, other):
        assert owner.owners._server is not None
        assert owner.owners._task is not None
        owner.owners._task.cancel()
        await owner.owners._server.stop()  # as if it had been killed: its lease stays
        await other.hold(NINE)
        assert await claims(db) == 1
        async with db.connection() as conn:
            await conn.execute(
                "UPDATE web_process SET lease_until = clock_timestamp() - interval '1 s' WHERE id = $1", owner.owners.id
            )
        await eventually(lambda: _is_alone(other))


async def _is_alone(world: HoldWorld) -> bool:
    return world.owners.owner_of(world.city.office) is None


async def test_who_stops_gives_its_lease_back(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    async with two_processes(db, clock, tmp_path) as (owner, other):
        await owner.owners.stop()
        await other.owners._renew()
        assert other.owners.owner_of(owner.city.office) is None
        assert len(list(tmp_path.glob("*.sock"))) == 1


def test_few_offices_move_when_a_process_comes() -> None:
    """About one in three, all of them to the new one."""
    first, second, third = (UUID(int=n) for n in (1, 2, 3))

    def shared(*alive: UUID) -> dict[int, UUID]:
        return {office: max(alive, key=lambda one: owners._weight(one, office)) for office in range(1, 901)}

    before, after = shared(first, second), shared(first, second, third)
    moved = {office for office in before if before[office] != after[office]}
    assert {after[office] for office in moved} == {third}
    assert 240 < len(moved) < 360
    assert 390 < Counter(before.values())[first] < 510


class TestLink:
    async def echo(self, message: object) -> dict[str, object]:
        assert isinstance(message, dict)
        return {"said": message["say"]}

    @pytest.mark.parametrize("where", ["folder", "127.0.0.1:0"])
    async def test_many_questions_at_once(self, tmp_path: Path, where: str) -> None:
        server = Server("secret", self.echo)
        await server.start(str(tmp_path) if where == "folder" else where, uuid4())
        link = Link(server.address, "secret")
        answers = await asyncio.gather(*(link.ask({"say": n}, 5, 0) for n in range(200)))
        assert [answer["said"] for answer in answers] == list(range(200))
        await link.close()
        await server.stop()

    async def test_what_is_withdrawn_before_it_is_begun_is_left(self, tmp_path: Path) -> None:
        """A process that was stopped reads the question and its withdrawal together."""
        asked: list[object] = []

        async def answer(message: Mapping[str, object]) -> dict[str, object]:
            asked.append(message.get("withdrawn", message.get("say")))
            return {}

        server = Server("secret", answer)
        await server.start(str(tmp_path), uuid4())
        reader, writer = await asyncio.open_unix_connection(server.address)
        nonce = json.loads(await reader.readline())["nonce"]
        said: list[lines.Message] = [
            {"proof": lines.proof("secret", nonce, "client")},
            {"id": 1, "say": "left"},
            {"id": 2, "say": "done"},
            {"id": 3, "withdrawn": 1, "asked": {"say": "left"}},
        ]
        writer.write(b"".join(lines.encoded(one) for one in said))
        assert {json.loads(await reader.readline())["id"] for _ in range(2)} == {2, 3}
        assert asked == ["done", 1]
        writer.close()
        await server.stop()

    async def test_who_does_not_know_the_secret_is_shown_the_door(self, tmp_path: Path) -> None:
        server = Server("secret", self.echo)
        await server.start(str(tmp_path), uuid4())
        assert Path(server.address).stat().st_mode & 0o077 == 0
        link = Link(server.address, "another")
        with pytest.raises(Away):
            await link.ask({"say": 1}, 5, 0)
        await link.close()
        await server.stop()

    async def test_nonsense_harms_nobody(self, tmp_path: Path) -> None:
        server = Server("secret", self.echo)
        await server.start(str(tmp_path), uuid4())
        for raw in (b"\n", b"[]\n", b"{}\n", b"x" * 200_000, json.dumps({"proof": 1}).encode() + b"\n"):
            reader, writer = await asyncio.open_unix_connection(server.address)
            await reader.readline()
            writer.write(raw)
            writer.write_eof()
            with suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        await server.stop()


@pytest.mark.parametrize(
    ("address", "until", "constraint"),
    [("nowhere", "now()", "web_process_address"), ("host:1", "'infinity'", "web_process_lease_ends")],
)
async def test_a_lease_is_whole(db: Database, address: str, until: str, constraint: str) -> None:
    async with db.connection() as conn:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await conn.execute(
                f"INSERT INTO web_process (id, address, lease_until) VALUES (gen_random_uuid(), $1, {until})",
                address,
            )
        assert violates(refused.value, constraint)


async def test_a_pass_goes_along_to_the_owner(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    async with two_processes(db, clock, tmp_path) as (owner, other):
        service, passes = owner.city.service_id, [uuid4(), uuid4()]
        async with db.connection() as conn:
            await conn.execute("INSERT INTO account (login, name, password_hash) VALUES ('ada', 'Ada', '$argon2id$x')")
            await conn.execute("INSERT INTO guard SELECT $1, 1, id, now() FROM account", service)
            for one in passes:
                sql = "INSERT INTO guard_pass (id, service_id, way, good_until) VALUES ($1, $2, 'proof', 'infinity')"
                await conn.execute(sql, one, service)

        async def hold(world: HoldWorld, pass_id: UUID | None, key: str) -> Hold:
            world.holds._guarded = lambda _service: True
            entry = world.holds.entry("192.0.2.7", pass_id)
            return await world.holds.hold(service, "onsite", owner.city.office, NINE, key, entry=entry)

        with pytest.raises(PassNeeded):
            await hold(other, None, "without")
        with pytest.raises(PassNeeded):
            await hold(other, uuid4(), "of nobody")
        held = await hold(other, passes[0], "first of them")
        assert await hold(other, passes[0], "first of them") == held
        assert not all(owner.mirror.book.is_free(c, cell_of(NINE), 4) for c in owner.city.counters)  # the owner made it
        with pytest.raises(TooManyHolds):
            await hold(other, passes[1], "second of them")
        assert await claims(db) == 1

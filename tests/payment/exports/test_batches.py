"""A closed day becomes one batch, whoever asks how often; the database itself holds what is in it and compares it with the books."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import NotFound
from payment.exports import store
from payment.exports.batch import Profile, files
from payment.exports.datev import DatevFormat
from payment.exports.delimited import CsvFormat
from payment.exports.model import Batch, Day, File
from payment.exports.usecases import Acknowledged, DayNotClosed, Exports, NotExportable, ReferenceWrong
from payment.ledgers import store as ledgers_store
from payment.ledgers.usecases import Ledgers
from payment.model import Line
from tests.payment.ledgers.booking import give_back, pay, refusal, staff
from tests.payment.making import NOW

FIRST, SECOND = date(2026, 12, 1), date(2026, 12, 2)
ONE_DAY = timedelta(days=1)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def exports(db: Database, clock: SettableClock) -> Exports:
    return Exports(db, clock, Profile())


async def close(db: Database, clock: SettableClock, *days: date) -> int:
    kim = await staff(db)
    clock.advance(days=len(days))
    for one in days:
        await Ledgers(db, clock).close(one, by=kim)
    return kim


async def booked_day(db: Database, batch: Batch) -> Day:
    async with db.connection() as conn:
        closed = await ledgers_store.find_closed_day(conn, batch.day)
        assert closed is not None
        return Day(
            batch=batch.number,
            business_day=batch.day,
            closed_at=closed.closed_at,
            root_sha256=closed.root_sha256,
            vouchers=await store.vouchers(conn, batch.day),
        )


async def test_a_batch_is_the_files_of_its_day_and_stays_so(
    db: Database, exports: Exports, clock: SettableClock
) -> None:
    lines = (Line(product="a", amount_cents=800), Line(product="b", amount_cents=500, tax_percent=19))
    await pay(db, 1, lines=lines)
    await give_back(db, await pay(db, 2))
    await pay(db, 3, NOW + ONE_DAY)
    kim = await close(db, clock, FIRST)
    made = await exports.make(FIRST, by=kim)
    assert (made.number, made.day, made.made_at) == (1, FIRST, clock())
    said = json.loads((await exports.file(1, "manifest", by=kim)).content)
    assert (said["vouchers"], said["sums"]["payment_cents"], said["sums"]["refund_cents"]) == (3, 2600, -500)
    assert made.manifest_sha256 == sha256((await exports.file(1, "manifest", by=kim)).content).digest()
    clock.advance(days=300)
    assert await exports.make(FIRST, by=kim) == made
    again = files(await booked_day(db, made), Profile())
    assert [await exports.file(1, file.format, by=kim) for file in again] == list(again)
    dispatch = await exports.dispatch(1)
    assert [(one.format, one.sha256) for one in dispatch.files] == [
        (f.format, sha256(f.content).digest()) for f in again
    ]
    assert [(one.format, one.by) for one in dispatch.downloads[:2]] == [
        ("manifest", "Kim Kasse"),
        ("xlsx", "Kim Kasse"),
    ]


async def test_only_a_closed_day(db: Database, exports: Exports) -> None:
    await pay(db, 1)
    with pytest.raises(DayNotClosed):
        await exports.make(FIRST, by=await staff(db))


async def test_many_at_once_make_one_batch_a_day_without_a_gap(
    db: Database, exports: Exports, clock: SettableClock
) -> None:
    await pay(db, 1)
    await pay(db, 2, NOW + ONE_DAY)
    kim = await close(db, clock, FIRST, SECOND)
    waiting, none = await exports.batches()
    assert ([(one.day, one.batch) for one in waiting], none) == ([(FIRST, None), (SECOND, None)], [])
    made = await asyncio.gather(*(exports.make(day, by=kim) for day in (FIRST, SECOND, FIRST, SECOND)))
    assert {batch.number for batch in made} == {1, 2}
    assert made[0] == made[2]
    assert made[1] == made[3]
    assert [batch.number for batch in (await exports.batches())[1]] == [2, 1]


async def test_a_day_that_does_not_fit_uses_no_number(db: Database, exports: Exports, clock: SettableClock) -> None:
    await pay(db, 1)
    kim = await close(db, clock, FIRST)
    narrow = CsvFormat(columns=("cents",), widths=(6,), has_heading=False)
    for profile in (
        Profile(datev=DatevFormat(consultant=1001, client=1, accounts={})),
        Profile(items=replace(narrow, widths=(3,))),
    ):
        with pytest.raises(NotExportable):
            await Exports(db, clock, profile).make(FIRST, by=kim)
    assert (await exports.make(FIRST, by=kim)).number == 1


async def test_a_payment_in_another_currency_is_refused(db: Database) -> None:
    with pytest.raises(asyncpg.PostgresError) as caught:
        await pay(db, 1, currency="CHF")
    assert getattr(caught.value, "constraint_name", None) == "payment_in_euro"


async def test_two_currencies_are_not_added(db: Database, exports: Exports, clock: SettableClock) -> None:
    """Of before there was one currency (docs/adr/0078)."""
    await pay(db, 1)
    async with db.connection() as conn:
        await conn.execute("ALTER TABLE payment DISABLE TRIGGER payment_in_euro")
    await pay(db, 2, currency="CHF")
    with pytest.raises(NotExportable):
        await exports.make(FIRST, by=await close(db, clock, FIRST))


async def test_an_acknowledgement_is_written_down_once(db: Database, exports: Exports, clock: SettableClock) -> None:
    await pay(db, 1)
    kim = await close(db, clock, FIRST)
    await exports.make(FIRST, by=kim)
    for reference in ("  ", "x" * 101):
        with pytest.raises(ReferenceWrong):
            await exports.acknowledge(1, by=kim, reference=reference)
    found = await exports.acknowledge(1, by=kim, reference=" HKR 2026/4711 ")
    assert (found.acknowledged_by, found.acknowledged_at, found.reference) == (kim, clock(), "HKR 2026/4711")
    with pytest.raises(Acknowledged):
        await exports.acknowledge(1, by=kim, reference="another")
    with pytest.raises(NotFound):
        await exports.acknowledge(2, by=kim, reference="x")
    with pytest.raises(NotFound):
        await exports.file(1, "datev-extf", by=kim)
    assert (await exports.acknowledge(1, by=kim, reference="HKR 2026/4711")) == found  # clicked twice


async def test_a_closed_day_is_overdue_until_it_is_acknowledged(
    db: Database, exports: Exports, clock: SettableClock
) -> None:
    await pay(db, 1)
    kim = await close(db, clock, FIRST)
    clock.advance(days=3)
    assert await exports.overdue() == []
    clock.advance(seconds=1)
    assert [(one.day, one.batch) for one in await exports.overdue()] == [(FIRST, None)]
    await exports.make(FIRST, by=kim)
    assert [(one.day, one.batch) for one in await exports.overdue()] == [(FIRST, 1)]
    await exports.acknowledge(1, by=kim, reference="x")
    assert (await exports.overdue(), (await exports.batches())[0]) == ([], [])


async def put(db: Database, batch: Batch, made: tuple[File, ...]) -> str | None:
    """Around the use case; the name of the rule that refuses it, None where none does."""
    try:
        async with db.transaction() as conn:
            await store.insert_batch(conn, batch)
            await store.insert_files(conn, batch.number, made)
    except asyncpg.PostgresError as error:
        return getattr(error, "constraint_name", None) or repr(error)
    return None


async def test_the_schema_compares_a_batch_with_the_books(db: Database, exports: Exports, clock: SettableClock) -> None:
    await pay(db, 1)
    await pay(db, 2)
    await pay(db, 3, NOW + ONE_DAY)
    kim = await close(db, clock, FIRST)
    batch = Batch(number=1, day=FIRST, made_by=kim, made_at=clock(), manifest_sha256=bytes(32))
    day = await booked_day(db, batch)

    def of(one: Day, **fields: Any) -> tuple[Batch, tuple[File, ...]]:
        made = files(one, Profile())
        return replace(batch, **({"manifest_sha256": sha256(made[-1].content).digest()} | fields)), made

    right, made = of(day)
    short = replace(day, vouchers=day.vouchers[:1])
    cent = replace(day.vouchers[0], entries=tuple((a, c + (1 if c > 0 else -1)) for a, c in day.vouchers[0].entries))
    assert await put(db, *of(short)) == "export_batch_of_ledger"
    assert await put(db, *of(replace(day, vouchers=(cent, *day.vouchers[1:])))) == "export_batch_of_ledger"
    assert await put(db, *of(replace(day, root_sha256=bytes(32)))) == "export_batch_of_ledger"
    assert await put(db, *of(replace(day, batch=2))) == "export_batch_manifest"
    assert await put(db, right, made[1:]) == "export_batch_manifest"
    assert await put(db, right, made[:-1]) == "export_batch_manifest"
    assert await put(db, batch, made) == "export_batch_manifest"
    assert await put(db, right, (replace(made[0], content=b"other"), *made[1:])) == "export_batch_manifest"
    assert await put(db, *of(replace(day, batch=2), number=2)) == "export_batch_gapless"
    assert await put(db, *of(replace(day, business_day=SECOND), day=SECOND)) == "export_batch_of_closed_day"
    assert (await exports.make(FIRST, by=kim)).manifest_sha256 == right.manifest_sha256
    assert await put(db, *of(replace(day, batch=2), number=2)) == "export_batch_day_once"


async def test_the_schema_holds_a_batch_as_it_is(db: Database, exports: Exports, clock: SettableClock) -> None:
    await pay(db, 1)
    kim = await close(db, clock, FIRST)
    await exports.make(FIRST, by=kim)
    await exports.acknowledge(1, by=kim, reference="x")
    add = "INSERT INTO export_file (batch, format, name, rows, sum_cents, content, sha256) VALUES (1, 'datev-extf', 'x', 0, 0, '', $1)"
    assert await refusal(db, add, bytes(32)) == "export_file_is_sha256"
    assert await refusal(db, add, sha256(b"").digest()) == "export_batch_manifest"
    await exports.file(1, "xlsx", by=kim)
    for table in ("export_batch", "export_file", "export_acknowledgement", "export_download"):
        column = "number" if table == "export_batch" else "batch"
        assert await refusal(db, f"UPDATE {table} SET {column} = 2") == f"{table}_append_only"
        assert await refusal(db, f"DELETE FROM {table}") == f"{table}_append_only"
        assert await refusal(db, f"TRUNCATE {table} CASCADE") == f"{table}_append_only"

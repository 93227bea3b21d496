"""`schalter import catalogue PATH`: a folder goes into the database in one transaction, or nothing does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, again_after_deadlock, violates
from base.errors import DomainError
from base.i18n import zone
from booking.catalogue.capacity_checks import faults
from booking.catalogue.draft import Draft, DraftService, LineError
from booking.catalogue.hours import local_day
from booking.catalogue.import_diff import difference, fingerprint
from booking.catalogue.import_format import FILES, parse
from booking.catalogue.import_report import ImportRefused, ImportReport, InTheWay
from booking.catalogue.import_state_store import state
from booking.catalogue.import_store import lock_imports
from booking.catalogue.import_write import write
from booking.catalogue.projection import Opening, apply_openings, blocked_openings, planned_openings
from booking.catalogue.shares import Draw, at_once
from payment.model import Capture

HORIZON_DAYS = 90
_TRIES = 3  # a hold may meet us the other way round; PostgreSQL then ends one of both
_TIMES_NAMED = 5
Check = Callable[[Connection, bytes], Awaitable[None]]  # with the fingerprint of the catalogue as it stands


async def import_catalogue(
    db: Database,
    path: Path,
    clock: Clock,
    *,
    horizon_days: int = HORIZON_DAYS,
    draw: Draw = at_once,
    is_dry: bool = False,
    can_reserve: bool = True,
) -> ImportReport:
    """Raises ImportRefused with every error; then nothing has changed. The same folder again changes nothing either.

    `is_dry`: nothing changes; the report says what would, and which appointments would be in its way. `can_reserve`: the payment provider
    can reserve money and take it later.
    """
    return await import_files(
        db, read_folder(path), clock, horizon_days=horizon_days, draw=draw, is_dry=is_dry, can_reserve=can_reserve
    )


async def import_files(
    db: Database,
    files: Mapping[str, bytes],
    clock: Clock,
    *,
    horizon_days: int,
    draw: Draw,
    is_dry: bool = False,
    check: Check | None = None,
    can_reserve: bool = True,
) -> ImportReport:
    """The same of contents by name. `check` comes first in the transaction, when nobody else can import; what it raises ends all."""
    draft = await asyncio.to_thread(parse, files, clock())  # a city's files take a while, and others are served here
    if not can_reserve and (wrong := [_not_supported(one) for one in draft.services if one.capture is Capture.MANUAL]):
        raise ImportRefused(wrong)
    return await again_after_deadlock(
        lambda: _import(db, draft, clock(), horizon_days, draw, is_dry=is_dry, check=check), _TRIES
    )


def _not_supported(service: DraftService) -> LineError:
    said = f"'{service.key}': the payment provider of this city cannot reserve money and take it later. Leave this cell empty."
    return LineError("services.csv", service.line, "capture", "capture_not_supported", said)


def read_folder(path: Path) -> dict[str, bytes]:
    """The files of the format, and the names of others that look like them, so that a misspelt one is noticed."""
    if not path.is_dir():
        raise ImportRefused([LineError(str(path), 0, "", "missing_folder", "There is no such folder.")])
    return {
        file.name: file.read_bytes()
        for file in sorted(path.iterdir())
        if file.is_file() and (file.name in FILES or file.suffix in (".csv", ".toml"))
    }


class _Undo(Exception):
    """Ends the transaction of a dry run."""


async def _import(
    db: Database,
    draft: Draft,
    now: datetime,
    horizon_days: int,
    draw: Draw,
    *,
    is_dry: bool,
    check: Check | None,
) -> ImportReport:
    openings: Sequence[Opening] = ()
    today = local_day(now, draft.city.time_zone)
    report: ImportReport | None = None
    try:
        async with db.transaction() as conn:
            await lock_imports(conn)
            before = await state(conn) if is_dry or check else {}
            if check:
                await check(conn, fingerprint(before))
            counts = await write(conn, draft, today)
            if wrong := await faults(conn, today):
                raise ImportRefused([LineError("rules.csv", 0, "", one.code, _english(one)) for one in wrong])
            openings = await planned_openings(conn, now, None, horizon_days, draw, for_ever=True)
            report = ImportReport(counts=counts, open_from=today, open_days=horizon_days)
            if is_dry:
                blocked = await blocked_openings(conn, openings)
                report = replace(
                    report,
                    difference=tuple(difference(before, await state(conn))),
                    in_the_way=tuple(_in_the_way(blocked)),
                    base_sha256=fingerprint(before),
                )
                raise _Undo
            await apply_openings(conn, openings)
    except _Undo:
        assert report is not None
    except asyncpg.ExclusionViolationError as error:
        if not violates(error, "claim_no_overlap"):
            raise
        raise ImportRefused(await _closed_over(db, draft, openings)) from None
    return report


def _english(error: DomainError) -> str:
    return error.message.format(**error.fields)


async def _closed_over(db: Database, draft: Draft, openings: Sequence[Opening]) -> list[LineError]:
    """Looked up after the rollback, so all counters are named and not only the first."""
    async with db.connection() as conn:
        blocked = await blocked_openings(conn, openings)
    lines = {
        f"{counter.office}/{counter.key}": min((hours.line for hours in draft.hours_of(counter)), default=0)
        for counter in draft.counters
    }
    errors = [
        LineError("hours.csv", lines.get(opening.counter, 0), "", "closes_over_appointments", str(one))
        for (opening, _), one in zip(blocked, _in_the_way(blocked), strict=True)
    ]
    return errors or [
        LineError("hours.csv", 0, "", "closes_over_appointments", "An appointment came in between. Please try again.")
    ]


def _in_the_way(blocked: Sequence[tuple[Opening, list[datetime]]]) -> list[InTheWay]:
    return [
        InTheWay(
            counter=opening.counter,
            times=tuple(f"{start.astimezone(zone(opening.zone)):%Y-%m-%d %H:%M}" for start in starts[:_TIMES_NAMED]),
            more=max(0, len(starts) - _TIMES_NAMED),
        )
        for opening, starts in blocked
    ]

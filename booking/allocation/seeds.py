"""The seed of a run: entered from the source that was named, and set right by another person as long as nothing is released.

Whoever knows the list and the seed can work out the result, so both stay published, and so does every former seed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, DomainError, NotFound
from base.failpoint import point
from base.i18n import mark as _
from booking.allocation import runs_store
from booking.allocation.canonical import parse_list, result_bytes
from booking.allocation.model import RunStatus
from booking.allocation.ranking import normal_seed, rank
from booking.allocation.runs_store import Files, FormerSeed, RunRow

run_ranked = point("allocation.ranked")


class NotNow(Conflict):
    code = "run_not_now"
    message = _("The run is not at this step: look at it again.")


class SeedWhyNeeded(DomainError):
    code = "seed_why_needed"
    status = 422
    message = _("Please say why the seed that was entered is wrong: it is published with it.")


class SeedByAnother(Conflict):
    code = "seed_by_another"
    message = _("You have entered this seed: another person sets it right or gives the run up.")


class SeedNeeded(DomainError):
    code = "seed_needed"
    status = 422
    message = _("Please enter the seed as its source gives it: letters and digits.")


class SeedTooEarly(Conflict):
    code = "seed_too_early"
    message = _("The seed cannot be entered before the moment that was named for it.")


class Seeds:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def run(self, ident: UUID) -> RunRow:
        async with self._db.connection() as conn:
            found = await runs_store.find(conn, ident)
        if found is None:
            raise NotFound
        return found

    async def files(self, ident: UUID) -> Files:
        """Raises NotFound."""
        async with self._db.connection() as conn:
            found = await runs_store.files(conn, ident)
        if found is None:
            raise NotFound
        return found

    async def former_seeds(self, run_ids: Sequence[UUID]) -> dict[UUID, list[FormerSeed]]:
        """Of each run, the first entered first."""
        async with self._db.connection() as conn:
            rows = await runs_store.former_seeds(conn, run_ids)
        return {ident: [row for row in rows if row.run_id == ident] for ident in run_ids}

    async def enter_seed(self, ident: UUID, typed: str, by: int) -> None:
        """From the source named, at or after its moment. The same again is no mistake, another is refused.

        Raises NotFound, NotNow, SeedNeeded, SeedTooEarly.
        """
        seed = _read(typed)
        result = await self._result(ident, seed)
        async with self._db.transaction() as conn:
            run, now = await self._locked(conn, ident), self._clock()
            if run.seed is not None and run.seed == seed:
                return
            if run.status is not RunStatus.CLOSED or not result:
                raise NotNow
            if now < run.seed_at:
                raise SeedTooEarly
            await runs_store.rank(conn, ident, now, seed, result, by)
        run_ranked()

    async def set_right(self, ident: UUID, was: str, typed: str, because: str, by: int) -> None:
        """Another seed in the place of one that was entered wrong (`was`, as it was seen), before the release and by another person.

        The former one stays published with the reason. The same again is no mistake.
        Raises NotFound, NotNow, SeedNeeded, SeedWhyNeeded, SeedByAnother.
        """
        seed, because = _read(typed), because.strip()
        if not because:
            raise SeedWhyNeeded
        result = await self._result(ident, seed)
        async with self._db.transaction() as conn:
            run = await self._locked(conn, ident)
            if run.seed is not None and run.seed == seed:
                return
            if run.status is not RunStatus.RANKED or run.seed != normal_seed(was):
                raise NotNow
            if run.seeded_by == by:
                raise SeedByAnother
            await runs_store.set_right(conn, ident, self._clock(), seed, result, because, by)
        run_ranked()

    async def _result(self, ident: UUID, seed: str) -> bytes:
        """Empty where the list is not closed. Raises NotFound."""
        closed = (await self.files(ident)).list  # which never changes any more
        # A city's list takes a second, and others are served here.
        return await asyncio.to_thread(_ranked, closed, seed) if closed is not None else b""

    async def _locked(self, conn: Connection, ident: UUID) -> RunRow:
        run = await runs_store.lock(conn, ident)
        if run is None:
            raise NotFound
        return run


def _read(typed: str) -> str:
    """Raises SeedNeeded."""
    seed = normal_seed(typed)
    if not seed:
        raise SeedNeeded
    return seed


def _ranked(closed: bytes, seed: str) -> bytes:
    """The published result of a published list."""
    return result_bytes(rank(parse_list(closed), seed))

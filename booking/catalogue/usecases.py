"""What people do with the catalogue: find a service, see what it costs and where it is offered; and cities fill it."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from base.clock import Clock
from base.db import Connection, Database, database_is_away, freeze
from base.errors import NotFound, Unavailable
from booking.catalogue import hours_store, store
from booking.catalogue.hours import local_day
from booking.catalogue.import_report import ImportReport
from booking.catalogue.importing import HORIZON_DAYS, import_catalogue
from booking.catalogue.matching import matches
from booking.catalogue.model import Channel, City, Counter, Fee, Office, Service, ServiceDetail, ServiceHit
from booking.catalogue.questions import Question
from booking.catalogue.rolling import roll
from booking.catalogue.shares import Draw, at_once
from booking.catalogue.snapshot import Snapshot, load_snapshot
from booking.catalogue.words import terms

log = logging.getLogger(__name__)
_ANSWERS_KEPT = 2000
_PATIENCE_S = 3.0  # how long a reader waits for news while the last version is at hand


class CatalogueEmpty(Unavailable):
    code = "catalogue_empty"
    message = "No catalogue has been imported yet."


class Catalogue:
    """Reads come from memory; whether that is still true is asked of the database once a second at most.

    While the database is away the last version answers: it changes once a month.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        horizon_days: int = HORIZON_DAYS,
        poll_s: float = 1.0,
        draw: Draw = at_once,
        can_reserve: bool = True,
    ) -> None:
        """`can_reserve`: see import_catalogue.

        `draw`: when in a release's last minutes each piece of time comes, by a secret; without one they come at their time."""
        self._draw = draw
        self._can_reserve = can_reserve
        self._db = db
        self._clock = clock
        self._horizon_days = horizon_days
        self._poll_s = poll_s
        self._snapshot: Snapshot | None = None
        self._checked_at = float("-inf")  # of the loop's clock: the injected one may stand still
        self._reading = asyncio.Lock()
        self._is_away = False
        self._rolled_on: date | None = None
        self._blocked: frozenset[int] = frozenset()  # counters that could not be rolled today
        self._answers: OrderedDict[tuple[str, ...], list[int]] = OrderedDict()

    # Reading

    async def search(self, text: str, language: str, limit: int = 20) -> list[ServiceHit]:
        """By everyday words, in any of the city's languages, with typing errors. No words: what most people come for."""
        now = await self.snapshot()
        today = self.today(now)
        wanted = terms(text)
        if not wanted and text.strip():
            return []  # something was typed, but no word
        if not wanted:
            return [now.hit(service, today) for service in now.ranked[:limit]]
        found = [now.services[ident] for ident in await self._found(now, wanted, language) if ident in now.services]
        return [now.hit(service, today) for service in found[:limit]]

    async def service(self, service_id: int) -> ServiceDetail:
        now = await self.snapshot()
        if service_id not in now.services:
            raise NotFound
        return now.detail(now.services[service_id], self.today(now))

    async def booked(self, service_id: int, office_id: int) -> tuple[Service, Office]:
        """What an appointment was made for and where, even if the catalogue has withdrawn it since."""
        now = await self.snapshot()
        service = now.services.get(service_id) or now.withdrawn_services.get(service_id)
        office = now.offices.get(office_id) or now.withdrawn_offices.get(office_id)
        if service is None or office is None:
            raise NotFound
        return service, office

    async def offices(self, service_id: int | None = None, channel: Channel | None = None) -> list[Office]:
        """All offices, or those that offer this service, by this channel or by any."""
        now = await self.snapshot()
        if service_id is None:
            return list(now.offices.values())
        if service_id not in now.services:
            raise NotFound
        wanted = {
            office.id
            for each in ([channel] if channel else now.services[service_id].channels)
            for office in now.offices_of(service_id, each)
        }
        return [office for office in now.offices.values() if office.id in wanted]

    async def counters(self, service_id: int, channel: Channel) -> tuple[Counter, ...]:
        return (await self.snapshot()).counters_of(service_id, channel)

    async def fee(self, service_id: int, day: date) -> Fee | None:
        """The version that holds on this day."""
        return (await self.snapshot()).fee(service_id, day)

    async def questions(self, service_ids: Iterable[int]) -> tuple[Question, ...]:
        """What a visit for these services is asked."""
        return (await self.snapshot()).asked_for(service_ids)

    async def city(self) -> City:
        return (await self.snapshot()).city

    async def snapshot(self) -> Snapshot:
        """The newest version, at most a second old while the database answers; raises CatalogueEmpty before the first import,
        Unavailable where the database is away and nothing was read before."""
        if self._is_due() and not (self._snapshot and self._reading.locked()):
            async with self._reading:
                if self._is_due():
                    await self._refresh_or_keep()
        if self._snapshot is None:
            raise CatalogueEmpty
        return self._snapshot

    async def refresh(self, conn: Connection) -> None:
        """On a connection that the caller has anyway, outside of transactions. Asks each time, for one number: a rule that was
        changed is to be seen as soon as the hours that were changed with it."""
        await self._refresh(conn)

    @property
    def known(self) -> Snapshot | None:
        """The version read last, without asking: whoever needs it without awaiting has it refreshed by the change feed."""
        return self._snapshot

    # Filling

    async def import_folder(self, path: Path) -> ImportReport:
        """Raises ImportRefused with all errors; nothing has changed then."""
        report = await import_catalogue(
            self._db,
            path,
            self._clock,
            horizon_days=self._horizon_days,
            draw=self._draw,
            can_reserve=self._can_reserve,
        )
        self._checked_at = float("-inf")
        return report

    async def roll_hours(self) -> int:
        """Once a local day, and at the first call: the horizon moves on, and what is released is what the source says.

        A counter that an appointment stands in the way of is left out and tried again with the next call; returns how many
        counters have changed.
        """
        try:
            today = self.today(await self.snapshot())
        except CatalogueEmpty:
            return 0
        only = self._blocked if today == self._rolled_on else None
        if only is not None and not only:
            return 0
        rolled = await roll(self._db, self._clock(), today, self._horizon_days, self._draw, only)
        self._rolled_on, self._blocked = today, rolled.blocked
        return rolled.changed

    async def release_due(self) -> int:
        """Look again at the counters of which something is to be released, or kept again; nobody else is touched. May be repeated."""
        async with self._db.connection() as conn:
            due = frozenset(await hours_store.due_counters(conn, self._clock()))
        if not due:
            return 0
        now = await self.snapshot()
        return (await roll(self._db, self._clock(), self.today(now), self._horizon_days, self._draw, due)).changed

    async def _found(self, now: Snapshot, wanted: list[str], language: str) -> list[int]:
        key = (language, *wanted)
        if key not in self._answers:
            if self._is_away:
                return matches(now.ranked, wanted)  # without tolerance for typing errors, and not to be kept
            try:
                async with self._db.connection() as conn:
                    found = await store.found_services(conn, wanted, language, 100)
            except Exception as error:  # being away has many classes; all else goes on
                if not database_is_away(error):
                    raise
                self._went_away(error)
                return matches(now.ranked, wanted)
            if self._snapshot is not now:
                return found  # an import came in between: the answer is of no known version
            self._answers[key] = found
            if len(self._answers) > _ANSWERS_KEPT:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        return self._answers[key]

    def _is_due(self) -> bool:
        return asyncio.get_running_loop().time() - self._checked_at >= self._poll_s

    async def _refresh_or_keep(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S if self._snapshot else None), self._db.connection() as conn:
                await self._refresh(conn)
        except Exception as error:  # being away has many classes; all else goes on
            if not database_is_away(error):
                raise
            self._went_away(error)
            if self._snapshot is None:
                raise Unavailable from error
            self._checked_at = asyncio.get_running_loop().time()

    async def _refresh(self, conn: Connection) -> None:
        version = await store.find_version(conn)
        if version is None:
            self._snapshot = None
        elif self._snapshot is None or self._snapshot.city.version != version:
            async with conn.transaction():
                await freeze(conn)  # so that no import comes in between
                self._snapshot = await load_snapshot(conn)
            self._answers.clear()
        self._checked_at = asyncio.get_running_loop().time()
        if self._is_away:
            self._is_away = False
            log.info("catalogue.database-back")

    def _went_away(self, error: BaseException) -> None:
        if not self._is_away:
            self._is_away = True
            log.warning("catalogue.database-away", extra={"error": type(error).__name__})

    def today(self, now: Snapshot) -> date:
        """Where the city is."""
        return local_day(self._clock(), now.city.time_zone)

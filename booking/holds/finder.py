"""Look-ups of the same moment share one query: thousands who are refused at once each ask whether their own request was here before."""

from __future__ import annotations

import asyncio
from uuid import UUID

from base.db import Database
from base.errors import NotFound
from base.money import Money
from base.seal import Sealer
from booking.availability.model import Item
from booking.holds import store
from booking.holds.model import Hold, HoldStatus, token_text
from booking.holds.said import open_who
from booking.holds.store import HoldRow

_MOST = 500


class Finder:
    """One query is under way at a time; who comes meanwhile goes with the next."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer
        self._waiting: dict[UUID, asyncio.Future[HoldRow | None]] = {}
        self._working: asyncio.Task[None] | None = None

    async def find(self, ident: UUID) -> Hold | None:
        waiting = self._waiting.get(ident)
        if waiting is None:
            waiting = self._waiting[ident] = asyncio.get_running_loop().create_future()
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name="holds-finder")
        row = await asyncio.shield(waiting)
        return None if row is None else self._hold(row)

    async def get(self, ident: UUID) -> Hold:
        """Raises NotFound."""
        found = await self.find(ident)
        if found is None:
            raise NotFound
        return found

    def token(self, ident: UUID) -> str:
        return self._sealer.mac(token_text(ident))

    def _hold(self, row: HoldRow) -> Hold:
        return Hold(
            id=row.id,
            token=self.token(row.id),
            service_id=row.service_id,
            channel=row.channel,
            office_id=row.office_id,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            expires_at=row.hold_until or row.starts_at,
            fee=Money(row.fee_cents, row.currency),
            legal_basis=row.legal_basis,
            status=HoldStatus.of(row.status, row.appointment_id),
            appointment_id=row.appointment_id,
            items=tuple(Item(*pair) for pair in zip(row.services, row.quantities, strict=True)),
            bases=tuple(row.bases),
            who=open_who(self._sealer, row.id, row.who),
        )

    async def _work(self) -> None:
        while self._waiting:
            asked = {ident: self._waiting.pop(ident) for ident in list(self._waiting)[:_MOST]}
            try:
                async with self._db.connection() as conn:
                    found = {row.id: row for row in await store.find_many(conn, list(asked))}
            except Exception as error:  # each who asked decides what it means to them
                for waiting in asked.values():
                    waiting.set_exception(error)
                    waiting.exception()  # looked at, so that nobody warns where everybody has gone
            else:
                for ident, waiting in asked.items():
                    waiting.set_result(found.get(ident))

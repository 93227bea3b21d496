"""What administrators say: which services are guarded, and who books for many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from base.clock import Clock
from base.db import Database
from base.errors import FieldError, Invalid, NotFound
from base.i18n import mark as _
from base.seal import Sealer, token_sha256
from booking.guard import store
from booking.guard.figures import Figures
from booking.guard.model import FIGURES, Allowance, Guarded, Refusals, Terms
from booking.guard.usecases import Guard

_LONGEST = timedelta(days=366)


class DayWrong(Invalid):
    code = "allowance_day_wrong"
    message = _("An allowance ends in the future, and within a year.")

    def __init__(self) -> None:
        super().__init__([FieldError("/expires_at", self.code, self.message)])


class Rules:
    def __init__(
        self, db: Database, guard: Guard, figures: Figures, sealer: Sealer, clock: Clock, public_url: str
    ) -> None:
        self.public_url = public_url
        self._db = db
        self._guard = guard
        self._figures = figures
        self._sealer = sealer
        self._clock = clock

    async def overview(self) -> tuple[Sequence[Guarded], Sequence[Allowance], Sequence[Refusals]]:
        """Refusals of the last thirty days."""
        await self._figures.write()
        async with self._db.connection() as conn:
            since = (self._clock() - FIGURES).date()
            return await store.all_guarded(conn), await store.allowances(conn), await store.refusals(conn, since)

    async def guard(self, service_id: int, per_network: int, per_contact: int, by: int) -> None:
        """Or say the limits anew. Raises NotFound."""
        async with self._db.transaction() as conn:
            if not await store.set_guard(conn, service_id, per_network, per_contact, by, self._clock()):
                raise NotFound
        self._guard.note(service_id, is_guarded=True)

    async def lift(self, service_id: int) -> None:
        """Lifted already: nothing to do. Its allowances stay, for when it is guarded again."""
        async with self._db.transaction() as conn:
            await store.lift_guard(conn, service_id)
        self._guard.note(service_id, is_guarded=False)

    async def allow(self, service_id: int, terms: Terms, by: int, key: str) -> str:
        """The token, which is shown only now; the same request again: the same. Raises NotFound, DayWrong."""
        now = self._clock()
        if not now < terms.expires_at <= now + _LONGEST:
            raise DayWrong
        if not self._guard.guards(service_id):
            raise NotFound
        token = self._sealer.mac(f"guard.allow:{service_id}:{by}:{key}")
        async with self._db.transaction() as conn:
            await store.insert_allowance(conn, service_id, token_sha256(token), terms, by, now)
        return token

    async def end(self, ident: int, by: int) -> None:
        """Raises NotFound."""
        async with self._db.transaction() as conn:
            if not await store.end_allowance(conn, ident, by, self._clock()):
                raise NotFound

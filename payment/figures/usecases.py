"""Figures of a period, seen as of one moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from base.db import Database, freeze
from payment.figures import store
from payment.figures.model import Behind, Figures, OpenPart, Reserved, ReservedPart, Side

MOST_LINES = 1000  # behind a figure, on one page


class FigureBook:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, first: date, last: date) -> Figures:
        async with self._db.transaction() as conn:
            await freeze(conn)
            taken, waiting = await store.takings(conn, first, last), await store.open_items(conn, last)
            reserved = await store.reserved(conn)
        return Figures(
            first=first, last=last, takings=tuple(taken), open_items=tuple(waiting), reserved=tuple(reserved)
        )

    async def behind(
        self, first: date, last: date, side: Side, *, method: str | None = None, currency: str = "EUR"
    ) -> tuple[Sequence[Behind], bool]:
        """The journals that make a figure of takings, and whether there are more than MOST_LINES. `method`: None for all."""
        async with self._db.connection() as conn:
            found = await store.behind(conn, first, last, side, method, currency, MOST_LINES + 1)
        return found[:MOST_LINES], len(found) > MOST_LINES

    async def open_parts(self, account: str, last: date, *, currency: str = "EUR") -> tuple[Sequence[OpenPart], bool]:
        """What makes an open item at the end of the day, and whether there is more than MOST_LINES."""
        async with self._db.connection() as conn:
            found = await store.open_parts(conn, account, currency, last, MOST_LINES + 1)
        return found[:MOST_LINES], len(found) > MOST_LINES

    async def reserved(self) -> Sequence[Reserved]:
        """What is reserved now and not taken, as `of` tells it too."""
        async with self._db.connection() as conn:
            return await store.reserved(conn)

    async def reserved_parts(
        self, *, method: str | None = None, currency: str = "EUR"
    ) -> tuple[Sequence[ReservedPart], bool]:
        """The payments of which money is reserved now, and whether there are more than MOST_LINES. `method`: None for all."""
        async with self._db.connection() as conn:
            found = await store.reserved_parts(conn, currency, method, MOST_LINES + 1)
        return found[:MOST_LINES], len(found) > MOST_LINES

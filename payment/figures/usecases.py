"""Figures of a period, seen as of one moment."""

from __future__ import annotations

from datetime import date

from base.db import Database, freeze
from payment.figures import store
from payment.figures.model import Figures


class FigureBook:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, first: date, last: date) -> Figures:
        async with self._db.transaction() as conn:
            await freeze(conn)
            taken, waiting = await store.takings(conn, first, last), await store.open_items(conn, last)
        return Figures(first=first, last=last, takings=tuple(taken), open_items=tuple(waiting))

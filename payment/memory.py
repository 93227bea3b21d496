"""A database in memory for simulations: named tables of immutable rows, one transaction at a time, undone on any exception.

Other packages' in-memory stores join the same transaction by using the same MemoryDatabase.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

Tables = dict[str, dict[Any, Any]]


class MemoryTx:
    """The tables as this transaction sees and changes them; rows are replaced, never altered."""

    def __init__(self, tables: Tables) -> None:
        self._committed = tables
        self._own: Tables = {}

    def __getitem__(self, table: str) -> dict[Any, Any]:
        if table not in self._own:
            self._own[table] = dict(self._committed.get(table, {}))
        return self._own[table]

    def changes(self) -> Tables:
        return self._own


class MemoryDatabase:
    def __init__(self) -> None:
        self._tables: Tables = {}
        self._one_at_a_time = asyncio.Lock()
        self._inside: asyncio.Task[Any] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTx]:
        """Raises RuntimeError for a transaction inside a transaction, which would wait for itself."""
        task = asyncio.current_task()
        if self._one_at_a_time.locked() and self._inside is task:
            raise RuntimeError("a transaction inside a transaction")
        async with self._one_at_a_time:
            self._inside = task
            tx = MemoryTx(self._tables)
            yield tx
            self._tables.update(tx.changes())

    def rows(self, table: str) -> list[Any]:
        """What is committed, for looking at from outside."""
        return list(self._tables.get(table, {}).values())

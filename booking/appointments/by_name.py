"""Cases by the whole name of who comes, which stands there sealed: equal names only, never a part of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from base.db import Database
from base.seal import Sealer
from booking.appointments import name_store
from booking.catalogue.words import fold

MOST = 50


@dataclass(frozen=True, slots=True)
class ByName:
    """For staff who may see the names of those who come, in the whole city; whoever calls looks after that."""

    db: Database
    sealer: Sealer

    async def find(self, typed: str) -> Sequence[UUID]:
        """The youngest first, at most MOST."""
        name = fold(typed)
        if not name:
            return ()
        async with self.db.connection() as conn:
            return await name_store.of_name(conn, self.sealer.look_up(name, "name"), MOST)

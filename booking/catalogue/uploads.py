"""A catalogue comes by page or API: checked and compared first, applied by a click if nothing has changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID, uuid4

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.i18n import mark as _
from booking.catalogue import uploads_store as store
from booking.catalogue.import_report import ImportReport
from booking.catalogue.importing import HORIZON_DAYS, Check, import_files
from booking.catalogue.shares import Draw, at_once
from booking.catalogue.uploads_store import Upload

KEPT = timedelta(days=1)


class CatalogueChanged(Conflict):
    code = "catalogue_changed"
    message = _("The catalogue has changed since these files were compared with it. Please send them again.")


class OtherFiles(Conflict):
    code = "other_files"
    message = _("These are not the files that were looked at. Please send them again.")


class _Applied(Exception):
    """By somebody else, in this moment."""


class Uploads:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        horizon_days: int = HORIZON_DAYS,
        draw: Draw = at_once,
        can_reserve: bool = True,
    ) -> None:
        """`can_reserve`: see import_catalogue."""
        self._db = db
        self._clock = clock
        self._horizon_days = horizon_days
        self._draw = draw
        self._can_reserve = can_reserve

    async def compare(self, files: Mapping[str, bytes], by: int) -> Upload:
        """Says what would change and keeps it for a day; the catalogue stays as it is. Raises ImportRefused with every wrong line."""
        report = await self._import(files, is_dry=True)
        # Whatever is not UTF-8 was refused.
        content = json.dumps({name: raw.decode() for name, raw in sorted(files.items())}, ensure_ascii=False).encode()
        said = {
            "counts": {name: asdict(counts) for name, counts in report.counts.items()},
            "changes": [asdict(change) for change in report.difference or ()],
            "in_the_way": [asdict(one) for one in report.in_the_way],
        }
        now = self._clock()
        async with self._db.transaction() as conn:
            await store.forget_over(conn, now)
            await store.add(conn, uuid4(), content, report.base_sha256, said, by, now, now + KEPT)
            [ident] = await store.waiting(conn, content, report.base_sha256, by)
        return await self.get(ident)

    async def get(self, ident: UUID) -> Upload:
        async with self._db.connection() as conn:
            found = await store.find(conn, ident, self._clock())
        if found is None:
            raise NotFound
        return found

    async def apply(self, ident: UUID, digest: bytes, by: int) -> Upload:
        """Once, however often it is asked for. `digest`: of what was looked at. Raises OtherFiles, CatalogueChanged, and ImportRefused
        where an appointment has come in between."""
        found = await self.get(ident)
        if found.digest != digest:
            raise OtherFiles
        async with self._db.connection() as conn:
            files = json.loads(await store.content(conn, ident))

        async def check(conn: Connection, fingerprint: bytes) -> None:
            if not await store.mark_applied(conn, ident, by, self._clock()):
                raise _Applied
            if fingerprint != found.base_sha256:
                raise CatalogueChanged

        with suppress(_Applied):
            await self._import({name: text.encode() for name, text in files.items()}, check=check)
        return await self.get(ident)

    async def forget_over(self) -> int:
        async with self._db.transaction() as conn:
            return await store.forget_over(conn, self._clock())

    async def _import(
        self, files: Mapping[str, bytes], *, is_dry: bool = False, check: Check | None = None
    ) -> ImportReport:
        return await import_files(
            self._db,
            files,
            self._clock,
            horizon_days=self._horizon_days,
            draw=self._draw,
            is_dry=is_dry,
            check=check,
            can_reserve=self._can_reserve,
        )

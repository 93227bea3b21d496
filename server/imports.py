"""`schalter import catalogue PATH`."""

from __future__ import annotations

import sys
from pathlib import Path

from base.clock import utcnow
from base.config import Settings
from base.db import Database
from base.seal import Sealer
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.importing import import_catalogue
from server.product import can_reserve


async def import_folder(settings: Settings, path: Path, *, is_dry: bool = False) -> int:
    """0 done, 1 refused: then nothing has changed and every wrong line is named."""
    async with Database(settings.database_url, size=2) as db:
        try:
            report = await import_catalogue(
                db,
                path,
                utcnow,
                horizon_days=settings.horizon_days,
                draw=Sealer(settings.secret_key).draw,
                is_dry=is_dry,
                can_reserve=can_reserve(settings),
            )
        except ImportRefused as refused:
            sys.stderr.write(f"{refused}\n")
            return 1
    sys.stdout.write(f"{report}\n")
    return 0

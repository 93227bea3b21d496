"""The command `schalter kassenzeichen`: what the city's payment references begin with, after "RF" and their check digits."""

from __future__ import annotations

import argparse
import re
import sys

from base.config import Settings
from base.db import Database
from payment.receipts import prefix_store
from payment.receipts.kassenzeichen import LONGEST, made, spaced

_FORM = re.compile(r"[A-Z0-9]{0,10}")
_NEXT = 1  # any number does: the next one is known only when it is drawn


async def kassenzeichen(settings: Settings, arguments: argparse.Namespace) -> int:
    """Without a prefix it says which there is. What was given out already stays as it is."""
    wanted: str | None = arguments.prefix
    if wanted is not None and _FORM.fullmatch(wanted) is None:
        sys.stderr.write(
            f"{wanted!r} is no prefix: at most ten capital letters (A to Z) and figures, so that what bank and treasury get"
            f" has at most {LONGEST} characters, check digits and number included.\n"
        )
        return 2
    async with Database(settings.database_url, size=1) as db, db.transaction() as conn:
        if wanted is not None:
            await prefix_store.change(conn, wanted)
        prefix = await prefix_store.current(conn)
    sys.stdout.write(f"{prefix or '(none)'}: as in {spaced(made(prefix, _NEXT))}\n")
    return 0

"""For whom a time is: letters of the surname, postcode, what it is about; sealed to its hold or to a request by need.

Only what its service asks is kept.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from uuid import UUID

from base.seal import Sealer
from booking.availability.model import ANYBODY, Who


def seal_who(sealer: Sealer, hold_id: UUID, who: Who) -> bytes | None:
    """None: nothing was said."""
    return None if who == ANYBODY else sealer.seal(json.dumps(asdict(who)), _context(hold_id))


def open_who(sealer: Sealer, hold_id: UUID, sealed: bytes | None) -> Who:
    return ANYBODY if sealed is None else Who(**json.loads(sealer.open(sealed, _context(hold_id))))


def _context(hold_id: UUID) -> str:
    return f"hold_who:{hold_id}"

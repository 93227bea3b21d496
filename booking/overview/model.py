"""A link that opens, once, the list of one contact's living cases; and what its list shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from booking.appointments.model import Case

LINK_GOOD = timedelta(minutes=30)
LIST_OPEN = timedelta(minutes=20)
FORGOTTEN = timedelta(days=1)  # after being asked for


class Reach(StrEnum):
    """The way by which the link goes; also what the contact's HMAC is of."""

    EMAIL = "email"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class Opened:
    """What a used link was exchanged for."""

    token: str = field(repr=False)
    until: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    case: Case
    link: str = field(repr=False)

"""A link that opens, once, the list of one contact's living cases; and what its list shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from base.identity.model import Limit
from booking.appointments.model import Case

LINK_GOOD = timedelta(minutes=30)
LIST_OPEN = timedelta(minutes=20)
FORGOTTEN = timedelta(days=1)  # after being asked for
CONTACT_LIMIT = Limit(3, timedelta(minutes=20))  # nobody's mailbox is filled by others
NETWORK_LIMIT = Limit(20, timedelta(minutes=1))  # a library has one network


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

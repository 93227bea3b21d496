"""The earlier-time list: what somebody wishes, the time that is kept for the list, and the offer of it to one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

OFFERS_MOST = 10  # of one case (the schema: waitlist_offer_at_most_ten)


class OfferStatus(StrEnum):
    """Open becomes one of the others, once (the schema: waitlist_offer_answered_once)."""

    OPEN = "open"
    ACCEPTED = "accepted"  # the case has this time now
    DECLINED = "declined"  # refused, or its person left the list
    LAPSED = "lapsed"  # not answered in time, or nothing that would be earlier any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When somebody can come: on these days of the week (ISO 8601, 1 = Monday), from and until a local time, between two days."""

    days: tuple[int, ...]
    from_time: time
    to_time: time
    first: date | None = None
    last: date | None = None

    def holds(self, starts: datetime, ends: datetime) -> bool:
        """Whether an appointment lies in it whole; both in local time."""
        day = starts.date()
        in_days = (self.first is None or self.first <= day) and (self.last is None or day <= self.last)
        in_day = ends.date() == day and self.from_time <= starts.time() and ends.time() <= self.to_time
        return in_days and in_day and starts.isoweekday() in self.days


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Without offices any office, without windows any time; earlier than the case's own it always is."""

    offices: tuple[int, ...] = ()
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An earlier time that is kept for one person until they answer."""

    id: UUID
    hold_id: UUID
    office_id: int
    starts_at: datetime
    ends_at: datetime
    answer_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of one case. Without a wish it is not on the list."""

    wish: Wish | None
    offer: Offer | None
    may_join: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one office, without persons: how many wait there, what is kept now, and what became of the offers so far."""

    office_id: int
    waiting: int
    kept: int
    open: int
    accepted: int
    declined: int
    lapsed: int
    returned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A time that the public does not see, and why: on offer until then, or on its way back; neither, it is the worker's turn."""

    office_id: int
    service_id: int
    starts_at: datetime
    offered_until: datetime | None
    back_at: datetime | None

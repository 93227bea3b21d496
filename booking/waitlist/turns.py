"""Whose turn it is, until when, and when a time that nobody took is everybody's again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from base.i18n import zone
from booking.waitlist.model import Wish

_LONGEST, _SHORTEST = timedelta(hours=24), timedelta(minutes=15)
_BACK_WITHIN = timedelta(hours=12)
_SHARE = 4  # at least three quarters of what is left stay for the way there, or for the next


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTime:
    """Freed, and not yet anybody's."""

    hold_id: UUID
    office_id: int
    service_id: int
    channel: str
    counter_id: int
    starts_at: datetime
    ends_at: datetime
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody on the list to whom the time may be offered, as far as the database can tell."""

    appointment_id: UUID
    wish: Wish
    contact_hmac: bytes
    offers: int  # made to this case so far


def answer_until(now: datetime, starts_at: datetime) -> datetime | None:
    """A day; less where the time itself is near. None: too near to be offered at all."""
    left = (starts_at - now) / _SHARE
    return None if left < _SHORTEST else now + min(_LONGEST, left)


def back_at(now: datetime, starts_at: datetime, draw: float) -> datetime:
    """`draw` from 0 up to 1: nobody outside can tell the moment, so there is nothing to lie in wait for."""
    return now + draw * min(_BACK_WITHIN, max(timedelta(), starts_at - now) / _SHARE)


def suited(time: KeptTime, in_rank_order: Iterable[Candidate]) -> Iterable[Candidate]:
    """Those whom it suits, in their order."""
    place = zone(time.time_zone)
    starts, ends = time.starts_at.astimezone(place), time.ends_at.astimezone(place)
    for one in in_rank_order:
        is_there = not one.wish.offices or time.office_id in one.wish.offices
        if is_there and (not one.wish.windows or any(window.holds(starts, ends) for window in one.wish.windows)):
            yield one

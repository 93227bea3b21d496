"""An invitation: for whom, to what, within which days, until when, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from base.errors import FieldError
from base.i18n import mark as _
from booking.appointments.contact import Contact

AHEAD_MOST = timedelta(days=366)
REMINDED_BEFORE = timedelta(days=3)  # the end of the deadline
LISTED_MOST = 1000  # people in one list
NOT_BOTHERED = timedelta(days=2)  # whoever was invited so shortly before is not reminded


class InvitationStatus(StrEnum):
    """Read from the facts; none is stored."""

    OPEN = "open"
    BOOKED = "booked"  # a living case was booked by it, or is over
    LAPSED = "lapsed"  # the deadline has passed
    WITHDRAWN = "withdrawn"


class Way(StrEnum):
    """How the link goes out."""

    EMAIL = "email"
    SMS = "sms"
    LETTER = "letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What somebody is invited to."""

    office_id: int
    service_id: int
    channel: str
    first_day: date
    last_day: date
    answer_by: date  # with its evening

    def wrong(self, today: date) -> Iterator[FieldError]:
        """What no invitation can have; pointers as the API names the fields."""
        if self.last_day < max(self.first_day, today):
            yield FieldError("/last_day", "too_early", _("The last day lies before the first one, or in the past."))
        elif self.last_day > today + AHEAD_MOST:
            yield FieldError("/last_day", "too_late", _("The last day must lie within a year."))
        if self.answer_by < today:
            yield FieldError("/answer_by", "too_early", _("The deadline has passed already."))
        elif self.answer_by > self.last_day:
            yield FieldError("/answer_by", "too_late", _("The deadline must not lie after the last day."))


@dataclass(frozen=True, slots=True)
class Invited:
    """Who it is; sealed in its row, and erased some time after the deadline."""

    contact: Contact = field(repr=False)
    reference: str = field(default="", repr=False)  # the city's own, such as a file number


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    id: UUID
    terms: Terms
    language: str
    way: Way
    answer_until: datetime
    made_at: datetime
    reminded_at: datetime | None
    printed_at: datetime | None  # its letter, with others
    status: InvitationStatus
    case_id: UUID | None  # living: booked, or still being filled in or paid
    invited: Invited | None  # None once erased
    is_told: bool = True  # False: the latest message could not be delivered

    @property
    def is_erased(self) -> bool:
        return self.invited is None


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list of people has made."""

    made: int
    known: int  # invited to the same before


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintRun:
    """Letters that are printed together, as one file."""

    id: UUID
    made_at: datetime
    letters: int


@dataclass(frozen=True, slots=True)
class PrintRuns:
    waiting: int  # letters that are in none yet
    runs: tuple[PrintRun, ...]  # the newest first

"""What somebody asks for, as it was typed or sent: before it is a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from booking.allocation.model import Window
from booking.appointments.contact import Contact
from booking.availability.model import ANYBODY, Who


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`offices`: ids, the most wished first; none: any. `who`: where that decides who is responsible."""

    service_id: int
    contact: Contact = field(repr=False)
    birth_date: date = field(repr=False)
    deadline: date | None = None  # as the applicant says
    reason: str = field(default="", repr=False)
    offices: tuple[int, ...] = ()
    windows: tuple[Window, ...] = ()
    who: Who = field(default=ANYBODY, repr=False)

"""Until when a fee may be paid at a till while the time stays held (docs/adr/0071). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

AT_LEAST = timedelta(hours=1)  # less time to walk to a till is none
REMIND_BEFORE = timedelta(hours=24)
REMIND_OF = timedelta(hours=6)  # who has less time than that is not reminded
MOST_OPEN = 2  # times of one contact that wait for a till at once (0090_at_till.sql)
WHEN_DOWN_BEFORE_HOURS = 2  # before the appointment, where only the provider's silence is the reason


class Because(StrEnum):
    SERVICE = "service"  # its service says so
    PROVIDER = "provider"  # online nobody can pay at the moment


@dataclass(frozen=True, slots=True)
class Term:
    """So many hours after asking for it, and so many before the appointment at the latest."""

    hours: int
    before_hours: int
    because: Because

    def pay_by(self, now: datetime, starts_at: datetime) -> datetime | None:
        """To the whole minute; None where too little time is left."""
        end = min(now + timedelta(hours=self.hours), starts_at - timedelta(hours=self.before_hours))
        end = end.replace(second=0, microsecond=0)
        return end if end - now >= AT_LEAST else None


def remind_at(asked_at: datetime, pay_by: datetime) -> datetime | None:
    """A day before, of a short term when two thirds are over; None: too short to remind of."""
    term = pay_by - asked_at
    return None if term < REMIND_OF else pay_by - min(REMIND_BEFORE, term / 3)

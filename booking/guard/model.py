"""What keeps programs from taking all times of a service (docs/adr/0037)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from base.i18n import Text

PASS_GOOD = timedelta(minutes=15)
PER_NETWORK = 30  # holds in an hour, where nothing else is said
PER_CONTACT = 5  # living appointments: a family has one address
FIGURES = timedelta(days=30)  # how far back refusals are shown; they are kept for a year
FIGURES_KEPT = timedelta(days=365)


class Way(StrEnum):
    PROOF = "proof"
    CODE = "code"
    ALLOWANCE = "allowance"


@dataclass(frozen=True, slots=True)
class Pass:
    """Good for one hold. Whoever knows its id has it."""

    id: UUID
    service_id: int
    way: Way
    good_until: datetime


@dataclass(frozen=True, slots=True)
class CodeSent:
    id: UUID
    good_until: datetime


@dataclass(frozen=True, slots=True)
class Guarded:
    service_id: int
    name: Text
    per_network: int
    per_contact: int
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Allowance:
    id: int
    service_id: int
    name: str
    reason: str
    quota: int
    used: int
    expires_at: datetime
    ended_at: datetime | None

    def is_over(self, now: datetime) -> bool:
        return self.ended_at is not None or self.expires_at <= now or self.used >= self.quota


@dataclass(frozen=True, slots=True)
class Terms:
    """Of an allowance to be made."""

    name: str
    reason: str
    quota: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refusals:
    """Of one service, why how often."""

    service_id: int
    since: date
    times: Mapping[str, int]

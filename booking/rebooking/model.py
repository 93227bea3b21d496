"""A closing with people in it, and what becomes of each of them (docs/adr/0032).

What may become what is a trigger (the schema: rebooking_transition); here are the words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from base.i18n import Text


class RebookingStatus(StrEnum):
    DUE = "due"  # nothing was tried yet
    OFFERED = "offered"  # times are held for this case until the answer is due
    DECLINED = "declined"  # wants another time: to be telephoned
    SILENT = "silent"  # has not answered: to be telephoned
    TELEPHONE = "telephone"  # could not be offered anything: to be telephoned, see Because
    SHIFTED = "shifted"  # another counter or room at the very same time: nothing to ask
    ACCEPTED = "accepted"  # one of the times offered
    MOVED = "moved"  # to some other time, by its person or by staff
    CANCELLED = "cancelled"
    CAME = "came"  # is here already, or was served all the same
    STANDS = "stands"  # the time is open again, and still theirs

    @property
    def is_open(self) -> bool:
        return self in OPEN

    @property
    def needs_call(self) -> bool:
        return self in (_R.DECLINED, _R.SILENT, _R.TELEPHONE)


_R = RebookingStatus
OPEN = frozenset({_R.DUE, _R.OFFERED, _R.DECLINED, _R.SILENT, _R.TELEPHONE})


class Because(StrEnum):
    """Why somebody has to be telephoned."""

    UNREACHABLE = "unreachable"  # neither e-mail address nor a mobile number that texts go to
    TOO_NEAR = "too_near"  # an answer would come too late
    NOTHING_FREE = "nothing_free"
    SPECIAL = "special"  # not offered any more as it was booked


class IfSilent(StrEnum):
    """What the city does where no answer has come in time."""

    TELEPHONE = "telephone"
    CANCEL = "cancel"  # with the whole fee paid back


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be closed, as it is asked for. `counter_id` None: the whole office."""

    office_id: int
    counter_id: int | None
    starts_at: datetime
    ends_at: datetime
    reason: str = "-"
    if_silent: IfSilent = IfSilent.TELEPHONE
    answer_hours: int = 72


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a closing's list, as staff of its office name it."""

    office_id: int
    closing_id: UUID
    appointment_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """Somebody's time in a stretch that is to be closed. Without a number: a time that is just being reserved."""

    appointment_id: UUID | None
    number: str | None
    counter: Text
    service: Text
    channel: str
    starts_at: datetime
    has_email: bool
    has_mobile: bool
    is_booked: bool  # False: somebody is still filling in or paying
    is_here: bool


@dataclass(frozen=True, slots=True)
class Preview:
    affected: tuple[Affected, ...]
    waiting: int  # in the office's queue, where it would close today


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    id: UUID
    office_id: int
    counter_id: int | None
    counter: Text | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    if_silent: IfSilent
    answer_hours: int
    made_by: str
    made_at: datetime
    affected: int
    unsettled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebooking:
    """Of one case. `starts_at` is the time that was closed, `now_at` the one it has."""

    id: UUID
    closing_id: UUID
    office_id: int  # that was closed, or whose counter was
    appointment_id: UUID
    number: str
    status: RebookingStatus
    because: Because | None
    answer_until: datetime | None
    service_id: int
    service: Text
    channel: str
    sold_by: int  # the office that the citizen chose
    starts_at: datetime
    reason: str
    fee_id: int | None
    fee_cents: int
    times: int | None  # of its living time, each as often as it is counted: 1 is a visit of one part without a room
    now_at: datetime | None
    now_counter: Text | None
    now_office: Text | None
    has_email: bool
    has_mobile: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A time that is held for one case."""

    rebooking_id: UUID
    n: int
    hold_id: UUID
    office_id: int
    starts_at: datetime
    is_held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A counter's time that a case has; `ends_at` with the buffer."""

    appointment_id: UUID
    service_id: int
    quantity: int  # 0: a room and the like
    fee_id: int | None  # None: booked by staff beside the rules
    counter_id: int
    starts_at: datetime
    ends_at: datetime
    buffer_min: int
    is_closed: bool

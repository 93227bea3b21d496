"""An appointment (the case), its statuses, and the one table of what may become what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from base.i18n import CITY_ZONE, Text, zone
from base.money import Money
from booking.appointments.contact import Contact
from booking.appointments.policy import Terms
from booking.availability.model import ANYBODY, ClaimStatus, Item, Visit, Who
from booking.catalogue.questions import Question
from payment.model import Capture, Line, Payment, Refund, RefundStatus


class AppointmentStatus(StrEnum):
    HELD = "held"  # somebody is filling in or paying; the time is kept until hold_until
    EXPIRING = "expiring"  # over, but a payment may still succeed: the time is freed when the provider says it cannot
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FINISHED = "finished"
    NO_SHOW = "no_show"


_S = AppointmentStatus

TRANSITIONS: Mapping[AppointmentStatus, frozenset[AppointmentStatus]] = {
    _S.HELD: frozenset({_S.CONFIRMED, _S.EXPIRING, _S.EXPIRED, _S.CANCELLED}),
    _S.EXPIRING: frozenset({_S.CONFIRMED, _S.EXPIRED, _S.CANCELLED}),  # cancelled: given up before it was over
    _S.CONFIRMED: frozenset({_S.CANCELLED, _S.FINISHED, _S.NO_SHOW}),
    _S.EXPIRED: frozenset({_S.CONFIRMED}),  # late money, where the time is still free
    _S.CANCELLED: frozenset(),
    _S.FINISHED: frozenset(),
    _S.NO_SHOW: frozenset({_S.CONFIRMED}),  # said by mistake
}

# What the case's time is while the case is in a status (the schema checks it at commit: appointment_has_time).
CLAIM_OF: Mapping[AppointmentStatus, ClaimStatus] = {
    _S.HELD: ClaimStatus.HELD,
    _S.EXPIRING: ClaimStatus.EXPIRING,
    _S.CONFIRMED: ClaimStatus.BOOKED,
    _S.EXPIRED: ClaimStatus.EXPIRED,
    _S.CANCELLED: ClaimStatus.CANCELLED,
    _S.FINISHED: ClaimStatus.BOOKED,
    _S.NO_SHOW: ClaimStatus.BOOKED,
}


# What was booked unpaid is still to be paid.
OWED = (AppointmentStatus.CONFIRMED, AppointmentStatus.FINISHED)
STANDS = (*OWED, AppointmentStatus.NO_SHOW)  # a payment that is missing does not undo it


class IllegalTransition(Exception):
    """The table has no such edge."""

    def __init__(self, status: AppointmentStatus, to: AppointmentStatus) -> None:
        super().__init__(f"{status} does not become {to}")


def advance(status: AppointmentStatus, to: AppointmentStatus) -> AppointmentStatus:
    if to not in TRANSITIONS[status]:
        raise IllegalTransition(status, to)
    return to


def sources(to: AppointmentStatus) -> frozenset[AppointmentStatus]:
    """The statuses from which one is reached: what a compare-and-set compares with."""
    return frozenset(status for status, following in TRANSITIONS.items() if to in following)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseState:
    """What decisions about a case are made from; read under its lock."""

    id: UUID
    number: str
    status: AppointmentStatus
    language: str
    starts_at: datetime
    hold_until: datetime | None
    fee: Money
    terms: Terms
    is_displaced: bool = False  # its counter is closed by the city: no limit of citizens binds it
    paid_moves: tuple[
        UUID, ...
    ] = ()  # holds of dearer times it was moved to, the last first: references of their payments
    waiting: UUID | None = None  # hold of a dearer time, until the difference is paid: reference of that payment
    time_zone: str = CITY_ZONE
    pays_at_till: bool = False  # booked unpaid: a till takes the fee
    # What the fee is for; empty where nobody knows more than its sum. Told by the time that a case has, so of one that is over: nothing.
    lines: tuple[Line, ...] = field(default=(), compare=False)
    capture: Capture = Capture.AUTOMATIC  # of a payment that is made now: one service that wants it by hand is enough

    @property
    def service_day(self) -> date:
        """On which the fee is earned."""
        return self.day_of(self.starts_at)

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(zone(self.time_zone)).date()

    @property
    def references(self) -> tuple[UUID, ...]:
        """Of all its payments, the last first."""
        return (*self.paid_moves, self.id)

    def is_held_at(self, now: datetime) -> bool:
        """Kept for its person, and not over yet."""
        return self.status is AppointmentStatus.HELD and self.hold_until is not None and now < self.hold_until

    def refund_percent(self, now: datetime) -> int:
        return self.terms.percent(self.starts_at, now)


class ProofOutcome(StrEnum):
    SHOWN = "shown"
    NOT_SHOWN = "not_shown"
    UNCHECKED = "unchecked"  # nobody could look; there is a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """A reduction that was claimed for a case, by the version of its rule."""

    key: str
    name: Text
    proof: Text  # what is to be shown, in words
    legal_basis: Text
    persons: int
    cents: int  # that it takes off
    outcome: ProofOutcome | None = None  # None: nobody has looked yet
    reason: str | None = None


class ReconfirmStatus(StrEnum):
    ASKED = "asked"
    KEPT = "kept"  # "I will come"
    LAPSED = "lapsed"  # not answered in time; the time stays, and staff see it
    RELEASED = "released"  # not answered in time, and the time is free for others


@dataclass(frozen=True, slots=True)
class Reconfirm:
    """What was asked about the time that a case has, and what became of it."""

    status: ReconfirmStatus
    answer_by: datetime
    releases: bool  # who does not answer gives the time up


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveState:
    """A dearer time for a booked case, until the difference is paid; read under the case's lock."""

    id: UUID  # the hold's, and the reference of the payment
    case: CaseState
    starts_at: datetime
    hold_until: datetime | None
    fee: Money
    is_waiting: bool  # False: the case has it, or it is over

    @property
    def difference(self) -> Money:
        return self.fee - self.case.fee

    def is_over(self, now: datetime) -> bool:
        """Nobody waits for it any more, so the provider is made to refuse the money."""
        is_late = self.hold_until is None or self.hold_until <= now
        return is_late or self.case.status is not AppointmentStatus.CONFIRMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What its owner sees of it."""

    hold_id: UUID
    starts_at: datetime
    hold_until: datetime
    difference: Money


@dataclass(frozen=True, slots=True)
class Answer:
    """To a question of the service; the question as it stands now."""

    question: Question
    value: str = field(repr=False)  # a key where the answers are given


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything its owner may see."""

    id: UUID
    number: str
    status: AppointmentStatus
    service_id: int
    office_id: int
    channel: str
    language: str
    items: tuple[Item, ...]  # of the visit, in their order
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    hold_until: datetime | None
    fee: Money  # to be paid, without what is taken off
    pays_at_till: bool = False  # booked unpaid: a till takes the fee
    reduced_cents: int = 0  # taken off
    reductions: tuple[Reduced, ...] = ()
    legal_basis: Text = field(default_factory=dict)  # of the fee's version, frozen at the hold
    bases: tuple[Text, ...] = ()  # the same of each of several parts
    terms: Terms  # of cancelling
    refund_policy: Text  # the same in the city's words
    sequence: int
    created_at: datetime
    contact: Contact = field(repr=False)
    answers: tuple[Answer, ...] = ()
    payment: Payment | None = None
    differences: tuple[Payment, ...] = ()  # paid, of moves to dearer times
    waiting: Waiting | None = None
    refunds: tuple[Refund, ...] = ()
    disputed: frozenset[UUID] = frozenset()  # payments whose dispute is not decided
    lost: frozenset[UUID] = frozenset()  # and those whose dispute is lost: of them nothing can go back
    rejected_because: str = ""  # of the refund that people have rejected last, where it stays rejected
    uncovered: Payment | None = None  # was reserved and has run out, and nothing has come in its place
    is_erased: bool = False  # who comes is not known any more; the contact is empty
    is_told: bool = True  # False: the latest message could not be delivered
    reconfirm: Reconfirm | None = None
    moves_left: int = 0  # how often it may still be given another time
    invitation_id: UUID | None = None  # by which it was booked
    who: Who = field(
        default=ANYBODY, repr=False
    )  # what was said of whom it is for, where that decides who is responsible

    @property
    def visit(self) -> Visit:
        return Visit(self.items[0].quantity, self.items[1:], self.who)

    @property
    def whole_fee(self) -> Money:
        """Without any reduction."""
        return Money(self.fee.cents + self.reduced_cents, self.fee.currency)

    @property
    def due_at_till(self) -> Money:
        """Of what was booked unpaid; nothing where a till has taken it."""
        is_due = self.pays_at_till and self.status in OWED
        return self.fee if is_due and not self.paid else Money(0, self.fee.currency)

    @property
    def owed_again(self) -> Money:
        """What was reserved for it and ran out before it was taken."""
        is_owed = self.uncovered is not None and self.status in STANDS
        return self.uncovered.owed_again if self.uncovered is not None and is_owed else Money(0, self.fee.currency)

    @property
    def begins_at_till(self) -> Money:
        """What a till can take of it, where no payment of it has begun."""
        held = self.fee if self.status is AppointmentStatus.HELD else Money(0, self.fee.currency)
        return self.due_at_till or self.owed_again or held

    @property
    def paid(self) -> tuple[Payment, ...]:
        """What came for it, whatever has gone back since."""
        return tuple(one for one in (self.payment, *self.differences) if one is not None and one.captured_cents)

    @property
    def reserved(self) -> Payment | None:
        """What secures it and is not taken yet."""
        return self.payment if self.payment is not None and self.payment.is_reserved else None

    def is_held_at(self, now: datetime) -> bool:
        """Kept for its person, and not over yet."""
        return self.status is AppointmentStatus.HELD and self.hold_until is not None and now < self.hold_until

    @property
    def is_disputed(self) -> bool:
        """What goes back of it waits until the payer's bank has decided."""
        return bool(self.disputed)

    def waits_for_dispute(self, refund: Refund) -> bool:
        return refund.payment_id in self.disputed and refund.status is RefundStatus.APPROVED

    def refund_at(self, now: datetime) -> Money | None:
        """What cancelling would give back, or leave untaken; None where nothing is paid or reserved, or nothing is booked."""
        reserved = self.reserved
        if self.status is not AppointmentStatus.CONFIRMED or not (self.paid or reserved):
            return None
        paid = sum(one.refundable.cents for one in self.paid if one.id not in self.lost)
        left = Money(paid + (reserved.kept_cents if reserved is not None else 0), self.fee.currency)
        return min(self.fee.percent(self.terms.percent(self.starts_at, now)), left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What others in the house may know of a case: neither who comes nor how to reach them."""

    id: UUID
    number: str
    status: AppointmentStatus
    service: Text
    office: Text
    starts_at: datetime
    time_zone: str
    office_id: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """A counter, or a room or person beside it, whose time the case takes."""

    name: Text
    is_resource: bool
    is_told: bool  # to whoever has booked


@dataclass(frozen=True, slots=True)
class Standing:
    status: AppointmentStatus
    language: str


@dataclass(frozen=True, slots=True)
class Created:
    case: Case
    token: str = field(repr=False)

"""What the day says of the step before it. The address carries a code of a fixed table, or a number that is looked up: no text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from base.errors import Conflict, DomainError
from base.i18n import mark as _
from booking.appointments.for_staff import NobodyToAsk
from booking.appointments.reductions import ProofOver, ProofUndecided, ReasonMissing
from booking.catalogue.snapshot import Snapshot
from booking.charges.usecases import ChargeOver, ChargePaid, NothingDue, NotOnPriceList, NotServed
from booking.queue import usecases as queue
from booking.queue.expecting import REFUSALS
from booking.queue.model import Day, Ticket, TicketStatus
from booking.queue.places import CounterBusy, CounterTaken, NoCounter
from frontend.citizen.words import Words
from video.rooms.usecases import RoomOver

MOMENT = timedelta(minutes=1)  # an address that is opened again later says nothing of it
_LETTERS_KEPT = 8


class ServiceMissing(Conflict):
    code = "service_missing"
    message = _("Please choose what the person has come for.")


class FeeWrong(Conflict):
    code = "fee_wrong"
    message = _(
        "Nothing was asked for or withdrawn: choose a fee and a number from 1 to 99, and give a reason of at most 300 characters."
    )


_KNOWN: Mapping[str, type[DomainError]] = {
    error.code: error
    for error in (
        ServiceMissing,
        RoomOver,
        NoCounter,
        CounterTaken,
        CounterBusy,
        queue.NobodyWaits,
        queue.TicketMoved,
        queue.NotServedHere,
        ProofUndecided,
        ProofOver,
        ReasonMissing,
        FeeWrong,
        NotServed,
        NothingDue,
        ChargeOver,
        NobodyToAsk,
        queue.FeeOpen,
        queue.ReasonNeeded,
        NotOnPriceList,
        ChargePaid,
    )
}
SENT = "link_sent"
_DONE: Mapping[str, str] = {SENT: _("The link to pay is on its way.")}
CHECK_IN = frozenset(error.code for error in REFUSALS)


@dataclass(frozen=True, slots=True)
class Said:
    text: str = ""
    kind: str = "danger"  # danger, info, success


def query_of(error: DomainError, now: datetime, **kept: str) -> str:
    """For the address after a refusal; what has no sentence in the table is raised again by the caller."""
    return urlencode(
        {"said": error.code, "at": int(now.timestamp()), **{name: text for name, text in kept.items() if text}}
    )


def done(code: str, now: datetime) -> str:
    """For the address after what the day does not show by itself."""
    return urlencode({"said": code, "at": int(now.timestamp())})


def may_be_said(error: DomainError) -> bool:
    return error.code in _KNOWN or error.code in CHECK_IN


def is_of_now(at: str, now: datetime) -> bool:
    if not (at.isascii() and at.isdigit() and len(at) <= 12):
        return False
    return abs(int(at) - now.timestamp()) <= MOMENT.total_seconds()


def known(words: Words, code: str) -> Said:
    if code in _DONE:
        return Said(words._(_DONE[code]), "success")
    error = _KNOWN.get(code)
    return Said(words._(error.message)) if error else Said()


def refused(words: Words, catalogue: Snapshot, error: DomainError) -> Said:
    fields = dict(error.fields)
    office, day = fields.get("office"), fields.get("day")
    if isinstance(office, int):
        found = catalogue.offices.get(office)
        fields["office"] = words.pick(found.name) if found else str(office)
    if isinstance(day, date):
        fields["day"] = words.day(day)
    return Said(words._(error.message, **fields))


def of_ticket(words: Words, day: Day, number: str) -> Said:
    """What is so now, whatever the address says."""
    ticket = _find(day, number)
    if ticket is None:
        return Said()
    shown = f"{ticket.number:03d}"
    place = next((words.pick(one.name) for one in day.counters if one.id == ticket.counter_id), "")
    said = {
        TicketStatus.WAITING: words._("Number {number} is waiting now.", number=shown),
        TicketStatus.CALLED: words._("Number {number} has been called: {counter}.", number=shown, counter=place),
        TicketStatus.SERVING: words._("Number {number} is being served: {counter}.", number=shown, counter=place),
        TicketStatus.DONE: words._("Number {number} is finished already.", number=shown),
        TicketStatus.NO_SHOW: words._("Number {number} was called and did not come.", number=shown),
        TicketStatus.LEFT: words._("Number {number} has gone.", number=shown),
    }
    return Said(said[ticket.status], "success" if ticket.status is TicketStatus.WAITING else "info")


def _find(day: Day, number: str) -> Ticket | None:
    if not (number.isascii() and number.isdigit() and len(number) <= 5):
        return None
    over = {one.id for one in day.booked if one.status == "cancelled"}
    return next(
        (t for t in day.tickets if t.number == int(number) and t.day == day.date and t.appointment_id not in over), None
    )


def kept_number(typed: str) -> str:
    """What was typed, if it looks like a number (which has no vowels but Y) and not like a name or birthday: addresses are written down."""
    plain = [letter for letter in typed if letter.isalnum()]
    is_short = len(plain) <= _LETTERS_KEPT and len(typed) <= 2 * _LETTERS_KEPT
    has_letter, has_digit = any(c.isalpha() for c in plain), any(c.isdigit() for c in plain)
    has_vowel = any(c in "AEIOUÄÖÜ" for c in typed.upper())
    is_plain = typed.isascii() and all(c.isalnum() or c in " -" for c in typed)
    return typed if is_short and is_plain and has_letter and (has_digit or not has_vowel) else ""

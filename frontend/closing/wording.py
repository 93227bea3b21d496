"""Closings in words, for staff."""

from __future__ import annotations

from booking.appointments.contact import Contact, readable
from booking.rebooking.model import Because, Closing, IfSilent, Rebooking, RebookingStatus
from frontend.citizen.views import Row
from frontend.citizen.words import Words

_S = RebookingStatus


def stretch(words: Words, one: Closing, zone_name: str) -> str:
    """ "Schalter 3: Di., 1. Dez., 08:00 Uhr – Mi., 2. Dez., 00:00 Uhr"."""
    place = words.pick(one.counter) if one.counter_id is not None else words._("The whole office")
    return words._(
        "{place}: {start} – {end}",
        place=place,
        start=words.near(one.starts_at, zone_name),
        end=words.near(one.ends_at, zone_name),
    )


def counts(words: Words, one: Closing) -> str:
    affected = words.ngettext("{n} person affected", "{n} people affected", one.affected)
    if not one.affected:
        return words._("Nobody affected")
    unsettled = (
        words.ngettext("{n} not settled", "{n} not settled", one.unsettled) if one.unsettled else words._("all settled")
    )
    return words._("{first}, {second}", first=affected, second=unsettled)


def rule(words: Words, if_silent: IfSilent) -> str:
    return {
        IfSilent.TELEPHONE: words._("They are put on the list of those we telephone"),
        IfSilent.CANCEL: words._("The appointment is cancelled and everything paid back"),
    }[if_silent]


def closing_rows(words: Words, one: Closing, zone_name: str) -> tuple[Row, ...]:
    return (
        Row(label=words._("Reason"), value=one.reason),
        Row(label=words._("Who does not answer"), value=rule(words, one.if_silent)),
        Row(label=words._("Closed by"), value=one.made_by, lines=(words.when(one.made_at, zone_name),)),
        Row(label=words._("Affected"), value=counts(words, one)),
    )


def status(words: Words, one: Rebooking, zone_name: str) -> str:
    now = words.near(one.now_at, zone_name) if one.now_at else ""
    until = words.near(one.answer_until, zone_name) if one.answer_until else ""
    if one.status is _S.TELEPHONE and one.because is not None:
        return {
            Because.UNREACHABLE: words._("Cannot be reached by message"),
            Because.TOO_NEAR: words._("Too near for a message"),
            Because.NOTHING_FREE: words._("No time is free"),
            Because.SPECIAL: words._("Not offered any more as it was booked"),
        }[one.because]
    return {
        _S.DUE: words._("Is about to be asked"),
        _S.OFFERED: words._("Asked, answer until {until}", until=until),
        _S.DECLINED: words._("Wants another time"),
        _S.SILENT: words._("Has not answered"),
        _S.TELEPHONE: words._("Please call"),
        _S.SHIFTED: words._("Same time, {counter}", counter=words.pick(one.now_counter)),
        _S.ACCEPTED: words._("Has chosen {now}", now=now),
        _S.MOVED: words._("Now {now}", now=now),
        _S.CANCELLED: words._("Cancelled"),
        _S.CAME: words._("Is here, or was served"),
        _S.STANDS: words._("Open again: keeps the time"),
    }[one.status]


def badge(status: RebookingStatus) -> str:
    return "warning" if status.needs_call else "info" if status.is_open else "success"


def reach(words: Words, contact: Contact | None, *, has_email: bool, has_mobile: bool) -> str:
    """The number and the address for those who may see persons, else what there is."""
    if contact is not None:
        ways = [readable(contact.mobile) if contact.mobile else "", contact.email or ""]
        address = ", ".join(contact.postal_address or ())
        return ", ".join(way for way in ways if way) or address or words._("Nothing known")
    if has_mobile:
        return words._("Mobile number known")
    return words._("E-mail address known") if has_email else words._("Only a postal address")

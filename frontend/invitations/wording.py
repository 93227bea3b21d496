"""Invitations in words, for staff. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from base.i18n import LANGUAGES
from booking.appointments.contact import readable
from booking.catalogue.model import Office, Service
from booking.invitations.model import Invitation, InvitationStatus, Way
from frontend.citizen.invitation_wording import days_in_words
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from frontend.invitations.people import WrongLine
from frontend.invitations.views import InvitationLine

_S = InvitationStatus
_BADGES = {_S.OPEN: "info", _S.BOOKED: "success", _S.LAPSED: "warning", _S.WITHDRAWN: "warning"}


def state(words: Words, one: Invitation) -> str:
    if one.status is _S.OPEN:
        if one.case_id:
            return words._("Is just booking")
        return words._("Invited") if one.is_told else words._("The message could not be delivered")
    return {
        _S.BOOKED: words._("Booked"),
        _S.LAPSED: words._("Lapsed"),
        _S.WITHDRAWN: words._("Withdrawn"),
    }[one.status]


def wrong_line(words: Words, one: WrongLine) -> str:
    said = words._(one.message, column=one.column)
    return words._("Line {n}: {what}", n=one.number, what=said) if one.number else said


def badge(one: Invitation) -> str:
    is_lost = one.status is _S.OPEN and not one.is_told and not one.case_id
    return "danger" if is_lost else _BADGES[one.status]


def who(words: Words, one: Invitation) -> str:
    return one.invited.contact.name if one.invited else words._("Erased")


def line(words: Words, services: Mapping[int, Service], one: Invitation, url: str) -> InvitationLine:
    return InvitationLine(
        url=url,
        who=who(words, one),
        reference=one.invited.reference if one.invited else "",
        service=_service(words, services, one),
        days=f"{words.short_day(one.terms.first_day)} – {words.short_day(one.terms.last_day)}",
        until=words.short_day(one.terms.answer_by),
        state=state(words, one),
        badge=badge(one),
    )


def rows(words: Words, services: Mapping[int, Service], office: Office, one: Invitation) -> tuple[Row, ...]:
    found = [
        Row(label=words._("Service"), value=_service(words, services, one), lines=(words.channel(one.terms.channel),)),
        Row(label=words._("When"), value=days_in_words(words, one.terms)),
        Row(label=words._("Choose until"), value=words.day(one.terms.answer_by)),
    ]
    if one.invited is not None:
        contact, post = one.invited.contact, one.invited.contact.postal_address or ("",)
        found += [
            Row(label=words._("File number"), value=one.invited.reference),
            Row(label=words._("E-mail address"), value=contact.email or ""),
            Row(label=words._("Mobile number"), value=readable(contact.mobile) if contact.mobile else ""),
            Row(label=words._("Postal address"), value=post[0], lines=post[1:]),
            Row(label=words._("Language"), value=LANGUAGES[contact.language]),
        ]
    found += [
        Row(label=words._("Invited"), value=words.when(one.made_at, office.time_zone), lines=(_way(words, one.way),)),
        Row(label=words._("Letter"), value=_letter(words, office, one)),
        Row(label=words._("Reminded"), value=words.when(one.reminded_at, office.time_zone) if one.reminded_at else ""),
    ]
    return tuple(row for row in found if row.value)


def _letter(words: Words, office: Office, one: Invitation) -> str:
    if one.way is not Way.LETTER:
        return ""
    if one.printed_at is None:
        return words._("Waits to be printed")
    return words._("Printed: {when}", when=words.when(one.printed_at, office.time_zone))


def _way(words: Words, way: Way) -> str:
    return {
        Way.EMAIL: words._("by e-mail"),
        Way.SMS: words._("by text message"),
        Way.LETTER: words._("by letter"),
    }[way]


def _service(words: Words, services: Mapping[int, Service], one: Invitation) -> str:
    service = services.get(one.terms.service_id)
    return words.pick(service.name) if service else ""

"""What staff typed into the forms of invitations: nothing is lost, every wrong field is named at once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from multidict import MultiMapping
from pydantic import TypeAdapter, ValidationError

from base.i18n import mark as _
from booking.appointments.contact import Line
from booking.catalogue.model import Channel
from booking.invitations.model import Invited, Terms
from frontend.citizen import contact_form
from frontend.citizen.need_wording import read_date

TERMS = ("service", "channel", "first_day", "last_day", "answer_by")
FIELDS = (*TERMS, "reference")
_TYPED_MOST = 200
_NEEDED = {
    "first_day": _("Enter the first day on which the person may come"),
    "last_day": _("Enter the last day on which the person may come"),
    "answer_by": _("Enter the day until which a time can be chosen"),
}
_NO_SERVICE = _("Choose a service")
_NOT_SO = _("This service cannot be booked in this way at this office.")
_NO_REFERENCE = _("At most 120 characters that can be printed.")
_LINE = TypeAdapter(Line)


@dataclass(frozen=True, slots=True)
class TypedTerms:
    values: dict[str, str]
    wrong: dict[str, str] = field(default_factory=dict)  # field -> English msgid
    terms: Terms | None = None  # where nothing is wrong


@dataclass(frozen=True, slots=True)
class Typed:
    values: dict[str, str]
    wrong: dict[str, str] = field(default_factory=dict)
    asked: tuple[Terms, Invited] | None = None


def read_terms(given: MultiMapping[str], office_id: int, services: Mapping[int, frozenset[Channel]]) -> TypedTerms:
    """`services`: what can be booked at this office, and how."""
    values = {name: given.get(name, "").strip()[:_TYPED_MOST] for name in TERMS}
    wrong: dict[str, str] = {}
    typed = values["service"]
    service = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0
    if service not in services:
        wrong["service"] = _NO_SERVICE
    elif values["channel"] not in services[service]:
        wrong["channel"] = _NOT_SO
    days = {name: read_date(values[name]) for name in _NEEDED}
    wrong |= {name: _NEEDED[name] for name, day in days.items() if day is None}
    return TypedTerms(values, wrong, None if wrong else _terms(office_id, service, values["channel"], days))


def read(given: MultiMapping[str], language: str, office_id: int, services: Mapping[int, frozenset[Channel]]) -> Typed:
    """As read_terms, with the one person who is invited."""
    to, contact = read_terms(given, office_id, services), contact_form.read(given, language, Channel.ONSITE)
    reference = given.get("reference", "").strip()[:_TYPED_MOST]
    values, wrong = to.values | contact.values | {"reference": reference}, to.wrong | contact.wrong
    if not is_reference(reference):
        wrong["reference"] = _NO_REFERENCE
    if wrong or to.terms is None or contact.contact is None:
        return Typed(values, wrong)
    return Typed(values, asked=(to.terms, Invited(contact.contact, reference)))


def is_reference(typed: str) -> bool:
    try:
        _LINE.validate_python(typed)
    except ValidationError:
        return False
    return True


def _terms(office_id: int, service_id: int, channel: str, days: Mapping[str, date | None]) -> Terms:
    first, last, until = days["first_day"], days["last_day"], days["answer_by"]
    assert first is not None
    assert last is not None
    assert until is not None
    return Terms(
        office_id=office_id, service_id=service_id, channel=channel, first_day=first, last_day=last, answer_by=until
    )

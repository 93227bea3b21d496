"""What staff typed into the form of an invitation: nothing is lost, every wrong field is named at once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from multidict import MultiMapping

from base.i18n import mark as _
from booking.catalogue.model import Channel
from booking.invitations.model import Invited, Terms
from frontend.citizen import contact_form
from frontend.citizen.need_wording import read_date

FIELDS = ("service", "channel", "first_day", "last_day", "answer_by", "reference")
_REFERENCE_MOST = 120
_NEEDED = {
    "first_day": _("Enter the first day on which the person may come"),
    "last_day": _("Enter the last day on which the person may come"),
    "answer_by": _("Enter the day until which a time can be chosen"),
}
_NO_SERVICE = _("Choose a service")
_NOT_SO = _("This service cannot be booked in this way at this office.")


@dataclass(frozen=True, slots=True)
class Typed:
    values: dict[str, str]
    wrong: dict[str, str] = field(default_factory=dict)  # field -> English msgid
    asked: tuple[Terms, Invited] | None = None  # where nothing is wrong


def read(given: MultiMapping[str], language: str, office_id: int, services: Mapping[int, frozenset[Channel]]) -> Typed:
    """`services`: what can be booked at this office, and how."""
    values = {name: given.get(name, "").strip()[:_REFERENCE_MOST] for name in FIELDS}
    contact = contact_form.read(given, language, Channel.ONSITE)
    wrong: dict[str, str] = {}
    service = int(values["service"]) if values["service"].isascii() and values["service"].isdigit() else 0
    if service not in services:
        wrong["service"] = _NO_SERVICE
    elif values["channel"] not in services[service]:
        wrong["channel"] = _NOT_SO
    days = {name: read_date(values[name]) for name in _NEEDED}
    wrong |= {name: _NEEDED[name] for name, day in days.items() if day is None} | contact.wrong
    if wrong or contact.contact is None:
        return Typed(values | contact.values, wrong)
    terms = _terms(office_id, service, values["channel"], days)
    return Typed(values | contact.values, asked=(terms, Invited(contact.contact, values["reference"])))


def _terms(office_id: int, service_id: int, channel: str, days: Mapping[str, date | None]) -> Terms:
    first, last, until = days["first_day"], days["last_day"], days["answer_by"]
    assert first is not None
    assert last is not None
    assert until is not None
    return Terms(
        office_id=office_id, service_id=service_id, channel=channel, first_day=first, last_day=last, answer_by=until
    )

"""What a citizen typed at the contact step: nothing is lost, every wrong field is named at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from multidict import MultiMapping
from pydantic import ValidationError

from base.i18n import LANGUAGES
from base.i18n import mark as _
from base.web.answers import field_errors
from booking.appointments.contact import Contact, Need
from booking.catalogue.model import Channel

FIELDS = ("name", "email", "mobile", "street", "postcode", "place", "language", "note")
_POST = {
    "street": _("Enter street and house number"),
    "postcode": _("Enter a postcode of five digits"),
    "place": _("Enter the town"),
}
_NO_NUMBER = _("Enter a telephone number: we call you there")
_NO_CONTACT = _("Enter an e-mail address, a mobile number or a postal address")
# In the words of this page; all others come from the use case.
_SAID_HERE = {
    ("name", "missing"): _("Enter your name"),
    ("email", "no_contact"): _NO_CONTACT,
    ("email", "email"): _("Enter the e-mail address in full, for example name@example.org"),
}
_FIELD_OF = {"postal_address": "street", "": "email"}


@dataclass(frozen=True, slots=True)
class ContactForm:
    values: dict[str, str]
    needs: tuple[str, ...] = ()
    wrong: dict[str, str] = field(default_factory=dict)  # field -> English msgid
    contact: Contact | None = None  # where nothing is wrong

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """As hidden fields, for a page that comes between."""
        typed = tuple((name, value) for name, value in self.values.items() if value)
        return (*typed, ("needs", ",".join(self.needs))) if self.needs else typed


def read(given: MultiMapping[str], language: str, channel: Channel) -> ContactForm:
    values = {name: given.get(name, "").strip()[:500] for name in FIELDS}
    if values["language"] not in LANGUAGES:
        values["language"] = language
    chosen = ",".join(given.getall("needs", [])).split(",")
    needs = tuple(need for need in Need if need in chosen)
    wrong = _wrong_reach(values)
    contact: Contact | None = None
    try:
        contact = Contact.model_validate(_as_contact(values, needs))
    except ValidationError as error:
        wrong |= _wrong_contact(error, has_post=bool(wrong))
    return _form(values, needs, wrong, contact, channel)


def _form(
    values: dict[str, str], needs: tuple[str, ...], wrong: dict[str, str], contact: Contact | None, channel: Channel
) -> ContactForm:
    if channel is Channel.PHONE and not values["mobile"]:
        wrong["mobile"] = _NO_NUMBER
        if wrong.get("email") == _NO_CONTACT:
            del wrong["email"]  # the number is that contact
    if wrong:
        return ContactForm(
            values, needs, {name: wrong[name] for name in FIELDS if name in wrong}
        )  # in the order of the page
    return ContactForm(values, needs, contact=contact)


def empty(language: str) -> ContactForm:
    return ContactForm(dict.fromkeys(FIELDS, "") | {"language": language})


def typed_before(contact: Contact, channel: Channel) -> ContactForm:
    """The form as it was sent, for somebody who comes back to correct it, or goes on to another time."""
    lines = list(contact.postal_address or ())
    postcode, _space, place = lines[-1].partition(" ") if len(lines) > 1 else ("", "", "")
    values = {
        "name": contact.name,
        "email": contact.email or "",
        "mobile": contact.mobile or "",
        "street": lines[0] if lines else "",
        "postcode": postcode,
        "place": place,
        "language": contact.language,
        "note": contact.note,
    }
    return _form(values, tuple(contact.needs), {}, contact, channel)


def _as_contact(values: dict[str, str], needs: Iterable[Need]) -> dict[str, Any]:
    town = f"{values['postcode']} {values['place']}".strip()
    lines = [line for line in (values["street"], town) if line]
    plain = {name: values[name] for name in ("name", "email", "mobile", "language", "note")}
    return {**plain, "postal_address": lines, "needs": list(needs)}


def _wrong_reach(values: dict[str, str]) -> dict[str, str]:
    if not any(values[name] for name in _POST):
        # said here too: the use case tells it only where nothing else is wrong
        return {} if values["email"] or values["mobile"] else {"email": _NO_CONTACT}
    wrong = {name: message for name, message in _POST.items() if not values[name]}
    code = values["postcode"]
    if not (code.isascii() and code.isdigit() and len(code) == 5):
        wrong["postcode"] = _POST["postcode"]
    return wrong


def _wrong_contact(error: ValidationError, *, has_post: bool) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for one in field_errors(error):
        name = one.pointer.split("/")[1] if one.pointer else ""
        name = _FIELD_OF.get(name, name)
        if not (name == "street" and has_post):
            wrong[name] = _SAID_HERE.get((name, one.code), one.message)
    return wrong

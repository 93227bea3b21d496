"""What a citizen typed at the contact step: nothing is lost, every wrong field is named at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from multidict import MultiMapping
from pydantic import ValidationError

from base.i18n import LANGUAGES
from base.i18n import mark as _
from base.web.answers import field_errors
from booking.appointments.contact import Contact, Need
from booking.appointments.model import Answer
from booking.catalogue.model import Channel
from booking.catalogue.questions import MOST_LETTERS, Question, check

FIELDS = ("name", "email", "mobile", "street", "postcode", "place", "language", "note")
_POST = {
    "street": _("Enter street and house number"),
    "postcode": _("Enter a postcode of five digits"),
    "place": _("Enter the town"),
}
_NO_NUMBER = _("Enter a telephone number: we call you there")
_NO_NAME = _("Enter your name")
_NO_CONTACT = _("Enter an e-mail address, a mobile number or a postal address")
# In the words of this page; all others come from the use case.
_SAID_HERE = {
    ("name", "missing"): _NO_NAME,
    ("email", "no_contact"): _NO_CONTACT,
    ("email", "email"): _("Enter the e-mail address in full, for example name@example.org"),
}
_TO_STAFF = {
    _NO_NAME: _("Enter the person’s name"),
    _NO_NUMBER: _("Enter a telephone number: the person is called there"),
}
_QUESTION = re.compile(r"question-([1-9][0-9]{0,8})")
_MOST_QUESTIONS = 100
_FIELD_OF = {"postal_address": "street", "": "email"}


@dataclass(frozen=True, slots=True)
class ContactForm:
    values: dict[str, str]
    needs: tuple[str, ...] = ()
    wrong: dict[str, str] = field(default_factory=dict)  # field -> English msgid
    contact: Contact | None = None  # where nothing is wrong
    answers: Mapping[int, str] = field(default_factory=dict)  # by question, as typed

    @property
    def shown(self) -> dict[str, str]:
        """What stands in the fields."""
        return self.values | {field_of(ident): value for ident, value in self.answers.items()}

    @property
    def once(self) -> str:
        """What another request differs in; only where nothing is wrong."""
        assert self.contact is not None
        return self.contact.model_dump_json() + (repr(sorted(self.answers.items())) if self.answers else "")

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """As hidden fields, for a page that comes between."""
        typed = tuple((name, value) for name, value in self.shown.items() if value)
        return (*typed, ("needs", ",".join(self.needs))) if self.needs else typed


def field_of(question_id: int) -> str:
    return f"question-{question_id}"


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
    found = [(fits, value) for name, value in given.items() if (fits := _QUESTION.fullmatch(name))][:_MOST_QUESTIONS]
    answers = {int(fits[1]): value.strip()[: MOST_LETTERS + 1] for fits, value in found}
    return replace(_form(values, needs, wrong, contact, channel), answers=answers)


def to_staff(message: str) -> str:
    """The same to somebody who types it for another person."""
    return _TO_STAFF.get(message, message)


def asked(form: ContactForm, questions: Sequence[Question]) -> ContactForm:
    """With what is asked and not rightly answered as wrong fields, too. Where nothing is wrong, other answers are dropped."""
    answers, wrong = check(questions, form.answers)
    if not wrong:
        return form if form.contact is None else replace(form, answers=answers)
    faults = form.wrong | {field_of(ident): message for ident, message in wrong.items()}
    return replace(form, wrong=faults, contact=None)


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


def typed_before(contact: Contact, channel: Channel, answers: Iterable[Answer] = ()) -> ContactForm:
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
    form = _form(values, tuple(contact.needs), {}, contact, channel)
    return replace(form, answers={one.question.id: one.value for one in answers})


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

"""What was typed into the form for a request by need, by the citizen or by staff: nothing is lost, every wrong field is named at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import time

from multidict import MultiMapping

from base.i18n import LANGUAGES
from base.i18n import mark as _
from booking.allocation.asked import Asked
from booking.allocation.model import Window, is_deadline
from booking.allocation.usecases import DeadlineWrong
from booking.availability.endpoints import who_of
from booking.availability.offering import NobodyResponsible
from booking.catalogue.model import Channel, Office, ServiceDetail
from frontend.citizen.contact_form import read
from frontend.citizen.need_wording import read_date
from frontend.citizen.views import Tick
from frontend.citizen.who import NEEDED
from frontend.citizen.words import Words

_DAYS = (1, 2, 3, 4, 5)
_TIMES: Mapping[str, tuple[str, Window]] = {
    "morning": (_("Mornings, until noon"), Window(_DAYS, time(0), time(12))),
    "afternoon": (_("Afternoons, from noon"), Window(_DAYS, time(12), time(23, 59))),
}
_FIELDS = ("birth_date", "deadline", "reason", "letters", "residence", "kind")
_SAID_IN = {
    "letters": "letters",
    "postcode": "residence",
    "kind": "kind",
}  # field of Who -> of the form, which has an address too
# As on the page, where whoever reads the list of what is wrong goes from top to bottom.
_ORDER = (
    "name",
    "birth_date",
    "email",
    "mobile",
    "street",
    "postcode",
    "place",
    "letters",
    "residence",
    "kind",
    "deadline",
    "reason",
)
_NO_BIRTH_DATE = _("Enter your date of birth")
_NO_DEADLINE = _("Enter the deadline as a date, or leave it empty")
_NO_EMAIL = _("Enter an e-mail address: the link to your request goes there")


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedForm:
    values: Mapping[str, str]
    offices: Collection[str] = ()  # ticked
    times: Collection[str] = ()
    wrong: Mapping[str, str] = field(default_factory=dict)  # field -> English msgid
    given: Asked | None = None  # of a form with nothing wrong

    def office_ticks(self, words: Words, offices: Collection[Office]) -> tuple[Tick, ...]:
        return tuple(
            Tick(value=str(one.id), label=words.pick(one.name), is_chosen=str(one.id) in self.offices)
            for one in offices
        )

    def time_ticks(self, words: Words) -> tuple[Tick, ...]:
        return tuple(
            Tick(value=name, label=words._(label), is_chosen=name in self.times)
            for name, (label, _window) in _TIMES.items()
        )

    def nobody_responsible(self, asks: Collection[str]) -> NeedForm:
        """Said where somebody can mend it."""
        first = next(_SAID_IN[name] for name in asks)
        return replace(self, wrong={first: NobodyResponsible.message}, given=None)

    def language_ticks(self) -> tuple[Tick, ...]:
        chosen = self.values["language"]
        return tuple(Tick(value=code, label=name, is_chosen=code == chosen) for code, name in LANGUAGES.items())


def read_need(
    words: Words,
    service_id: int,
    fields: MultiMapping[str],
    offices: Collection[Office],
    asks: Collection[str] = (),
    *,
    needs_email: bool = True,
) -> NeedForm:
    """`asks`: fields of Who."""
    typed = read(fields, words.language, Channel.ONSITE)
    values = {**typed.values, **{name: fields.get(name, "").strip()[:500] for name in _FIELDS}}
    born, deadline = read_date(values["birth_date"]), read_date(values["deadline"])
    wrong = dict(typed.wrong)
    if born is None or not born.year >= 1900 or born > words.now.date():
        wrong["birth_date"] = _NO_BIRTH_DATE
    if values["deadline"] and deadline is None:
        wrong["deadline"] = _NO_DEADLINE
    if deadline is not None and not is_deadline(deadline, words.now.date()):
        wrong["deadline"] = DeadlineWrong.message
    if needs_email and not values["email"]:
        wrong["email"] = _NO_EMAIL
    who = who_of(values["letters"], values["residence"], values["kind"])
    wrong |= {_SAID_IN[name]: NEEDED[name] for name in asks if not getattr(who, name)}
    wrong = dict(sorted(wrong.items(), key=lambda one: _ORDER.index(one[0]) if one[0] in _ORDER else len(_ORDER)))
    ticked = NeedForm(values=values, offices=fields.getall("office", []), times=fields.getall("time", []), wrong=wrong)
    if wrong or typed.contact is None or born is None:
        return ticked
    known = {str(office.id): office.id for office in offices}
    given = Asked(
        service_id=service_id,
        contact=typed.contact,
        birth_date=born,
        deadline=deadline,
        reason=values["reason"],
        offices=tuple(known[chosen] for chosen in dict.fromkeys(ticked.offices) if chosen in known),
        windows=tuple(window for name, (_label, window) in _TIMES.items() if name in ticked.times),
        who=who,
    )
    return NeedForm(values=values, offices=ticked.offices, times=ticked.times, given=given)


def offering(detail: ServiceDetail) -> list[Office]:
    """Those that offer the service in any way, each once."""
    return list({office.id: office for offices in detail.offices.values() for office in offices}.values())

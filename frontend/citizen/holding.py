"""The contact page, and the page on which everything is checked before it binds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from base.i18n import LANGUAGES, Text, zone
from base.money import Money
from booking.appointments.contact import Contact, Need
from booking.appointments.model import Answer, Reduced
from booking.appointments.policy import NOTHING_BACK, Terms
from booking.availability.model import JUST_ONE, Item, Visit
from booking.catalogue.model import Channel, Office, Service
from booking.catalogue.questions import Question
from frontend.citizen.choosing import Wanted, instead_pair
from frontend.citizen.contact_form import ContactForm
from frontend.citizen.frame import CHECK, CONTACT, frame
from frontend.citizen.giving_back import steps_in_words
from frontend.citizen.questions import answer_rows, question_fields, summary
from frontend.citizen.reduction_views import price_rows, reduction_lines
from frontend.citizen.views import (
    CheckPage,
    ContactPage,
    ReductionsPart,
    Row,
    Selection,
    SummaryGroup,
    Tick,
)
from frontend.citizen.words import Words
from payment.model import Capture


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A time that is held or booked."""

    service: Service
    office: Office
    channel: Channel
    starts_at: datetime
    ends_at: datetime
    fee: Money
    legal_basis: Text
    bases: tuple[Text, ...] = ()  # of each of several services
    visit: Visit = JUST_ONE
    others: tuple[Service, ...] = ()  # of the visit
    reductions: tuple[Reduced, ...] = ()  # that are claimed; the fee is without what they take off

    @property
    def services(self) -> tuple[tuple[Item, Service], ...]:
        items = (Item(self.service.id, self.visit.quantity), *self.visit.also)
        return tuple(zip(items, (self.service, *self.others), strict=True))

    @property
    def minutes(self) -> int:
        return int((self.ends_at - self.starts_at).total_seconds()) // 60

    def times_url(self, language: str, instead: UUID | None = None, *, moves: UUID | None = None) -> str:
        """`instead`, `moves`: see Wanted."""
        wanted = Wanted(self.service.id, self.channel, (self.office.id,), instead, moves, self.visit)
        return f"/{language}/times?{wanted.query()}"


def contact_page(
    words: Words,
    hold_id: UUID,
    chosen: Chosen,
    expires_at: datetime,
    form: ContactForm,
    request_key: str,
    *,
    is_sent: bool = False,
    can_text: bool = False,
    instead: UUID | None = None,
    case_id: UUID | None = None,
    times_url: str = "",
    questions: Sequence[Question] = (),
) -> ContactPage:
    """`is_sent`: only then is a wrong field an error; an empty new form has none. `instead`: the case that this one replaces;
    `case_id`: the one that was made of this hold already, so that a third time replaces it; `times_url`: where other times are chosen, if
    not among those for everybody."""
    messages = {name: words._(message) for name, message in form.wrong.items()} if is_sent else {}
    asked = question_fields(words, questions)
    path, times_url = f"/holds/{hold_id}", times_url or chosen.times_url(words.language, case_id or instead)
    return ContactPage(
        frame=frame(
            words,
            words._("Your details"),
            path,
            step=CONTACT,
            errors=summary(messages, asked),
            back_url=times_url,
            resend=(*form.kept, *instead_pair(instead)) if is_sent else (),
            key=request_key,
        ),
        selection=Selection(rows=appointment_rows(words, chosen), change_url=times_url),
        hidden=instead_pair(instead),
        reserved=reserved(words, chosen, expires_at),
        action=f"/{words.language}{path}",
        request_key=request_key,
        values=form.shown,
        questions=asked,
        messages=messages,
        can_text=can_text,
        needs=tuple(Tick(value=need, label=need_label(words, need), is_chosen=need in form.needs) for need in Need),
        languages=tuple(
            Tick(value=code, label=name, is_chosen=code == form.values["language"]) for code, name in LANGUAGES.items()
        ),
        opens_post=any(form.values[name] for name in ("street", "postcode", "place")),
        needs_number=chosen.channel is Channel.PHONE,
    )


def check_page(
    words: Words,
    appointment_id: UUID,
    hold_id: UUID | None,
    chosen: Chosen,
    contact: Contact,
    expires_at: datetime,
    cancellation: Text,
    request_key: str,
    *,
    terms: Terms = NOTHING_BACK,
    problem: str = "",
    times_url: str = "",
    answers: Sequence[Answer] = (),
    whole_fee: Money | None = None,
    reductions: ReductionsPart | None = None,
    at_till: bool = False,
    till_text: str = "",
) -> CheckPage:
    """`hold_id`: the way back to the contact form, None where it is closed; `times_url`: as for the contact form; `at_till`: nothing is
    paid online."""
    path = f"/appointments/{appointment_id}/check"
    query = (("hold", str(hold_id)),) if hold_id else ()
    contact_url = f"/{words.language}/holds/{hold_id}" if hold_id else ""
    return CheckPage(
        frame=frame(words, words._("Check your details"), path, query=query, step=CHECK, back_url=contact_url),
        problem=problem,
        hidden=query,
        groups=(
            SummaryGroup(
                title=words._("Your appointment"),
                rows=appointment_rows(words, chosen, with_fee=False),
                change_url=times_url or chosen.times_url(words.language, appointment_id),
                change_label=words._("Change: your appointment"),
            ),
            SummaryGroup(
                title=words._("Your details"),
                rows=(*contact_rows(words, contact), *answer_rows(words, answers)),
                change_url=contact_url,
                change_label=words._("Change: your details"),
            ),
        ),
        reserved=reserved(words, chosen, expires_at),
        fee=words.fee(chosen.fee),
        legal_basis=_basis(words, chosen),
        cancellation=words.pick(cancellation),
        steps=steps_in_words(words, terms, chosen.fee, chosen.starts_at, chosen.office.time_zone),
        action=f"/{words.language}/appointments/{appointment_id}/pay",
        button=book_button(words, chosen.fee),
        request_key=request_key,
        leads_to_payment=bool(chosen.fee) and not at_till,
        pays_at_till=bool(chosen.fee) and at_till,
        is_reserved_first=any(service.capture is Capture.MANUAL for _, service in chosen.services),
        price=price_rows(words, whole_fee, chosen.reductions) if whole_fee else (),
        reductions=reductions,
        till_url=f"/{words.language}/appointments/{appointment_id}/till" if till_text else "",
        till_text=till_text,
    )


def book_button(words: Words, fee: Money) -> str:
    """The words of § 312j BGB where it costs something."""
    return words._("Book with obligation to pay") if fee else words._("Book the appointment")


def appointment_rows(words: Words, chosen: Chosen, *, with_fee: bool = True) -> tuple[Row, ...]:
    office = chosen.office
    first, *others = (item.named(words.pick(service.name)) for item, service in chosen.services)
    rows = [
        Row(label=words._("Service"), value=first, lines=tuple(others)),
        Row(label=words._("When"), value=words.when(chosen.starts_at, office.time_zone)),
        Row(label=words._("How"), value=words.channel(chosen.channel)),
    ]
    if chosen.channel is Channel.ONSITE:
        lines = (office.street, f"{office.postcode} {office.place}", words.pick(office.directions))
        rows.append(
            Row(label=words._("Where"), value=words.pick(office.name), lines=tuple(line for line in lines if line))
        )
    else:
        rows.append(Row(label=words._("With"), value=words.pick(office.name)))
    rows.append(Row(label=words._("Duration"), value=words.minutes(chosen.minutes)))
    if with_fee:
        below = (*reduction_lines(words, chosen.reductions, chosen.fee.currency), *bases(words, chosen))
        rows.append(Row(label=words._("Fee"), value=words.fee(chosen.fee), lines=below))
    return tuple(rows)


def contact_rows(words: Words, contact: Contact) -> tuple[Row, ...]:
    post = contact.postal_address or ("",)
    needs = [need_label(words, need) for need in contact.needs] + ([contact.note] if contact.note else [])
    rows = [
        Row(label=words._("Name"), value=contact.name),
        Row(label=words._("E-mail address"), value=contact.email or ""),
        Row(label=words._("Mobile number"), value=contact.mobile or ""),
        Row(label=words._("Postal address"), value=post[0], lines=post[1:]),
        Row(label=words._("Language"), value=LANGUAGES[contact.language]),
        Row(label=words._("Support"), value=needs[0] if needs else "", lines=tuple(needs[1:])),
    ]
    return tuple(row for row in rows if row.value)


def need_label(words: Words, need: Need) -> str:
    return {
        Need.WHEELCHAIR: words._("I come with a wheelchair or walking aid"),
        Need.INTERPRETER: words._("I need an interpreter"),
        Need.SIGN_LANGUAGE: words._("I need sign language"),
        Need.COMPANION: words._("Somebody comes with me"),
        Need.QUIET_PLACE: words._("I need a quiet place to wait"),
    }[need]


def reserved(words: Words, chosen: Chosen, expires_at: datetime) -> str:
    zone_name = chosen.office.time_zone
    return words._(
        "{when}: reserved for you until {clock}.",
        when=words.when(chosen.starts_at, zone_name),
        clock=until(words, expires_at, chosen),
    )


def until(words: Words, moment: datetime, chosen: Chosen) -> str:
    """The day with it, where that is not today."""
    place = chosen.office.time_zone
    is_today = moment.astimezone(zone(place)).date() == words.now.astimezone(zone(place)).date()
    return words.clock(moment, place) if is_today else words.when(moment, place)


def _basis(words: Words, chosen: Chosen) -> str:
    basis = "; ".join(bases(words, chosen))
    return words._("Legal basis: {basis}", basis=basis) if basis else ""


def bases(words: Words, chosen: Chosen) -> tuple[str, ...]:
    """Of the fee: once where all services of a visit have the same, else of each."""
    said = [words.pick(one) for one in chosen.bases or (chosen.legal_basis,)]
    if len(set(said)) == 1:
        return tuple(filter(None, said[:1]))
    named = zip(chosen.services, said, strict=True)
    return tuple(f"{words.pick(service.name)}: {basis}" for (_item, service), basis in named if basis)

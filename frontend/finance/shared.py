"""What the till's pages have in common: the city's zone, appointments by reference, journals and differences as lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from base.errors import NotFound
from base.i18n import CITY_ZONE, zone
from booking.appointments.model import Brief
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.trail import down
from frontend.finance.views import EntryLine, Link, ShownDifference
from payment.model import Payment
from payment.receipts.kassenzeichen import spaced
from payment.reconciliation.model import Apart, Difference, Posted
from payment.reconciliation.totals import DEFAULT_CURRENCY


def zone_of(words: Words) -> ZoneInfo:
    return zone(words.city.time_zone if words.city else CITY_ZONE)


def today_of(words: Words) -> date:
    """The city's."""
    return words.now.astimezone(zone_of(words)).date()


def path_day(request: web.Request) -> date:
    """Raises NotFound."""
    try:
        return date.fromisoformat(request.match_info["day"])
    except ValueError:
        raise NotFound from None


def payment_url(words: Words, payment_id: UUID) -> str:
    return f"/{words.language}/finance/payments/{payment_id}"


def journal_url(words: Words, journal_id: int) -> str:
    return f"/{words.language}/finance/books/journals/{journal_id}"


def at_bank_url(words: Words) -> str:
    return f"/{words.language}/finance/at-bank"


def day_link(words: Words, day: date, label: str = "") -> Link:
    return Link(label=label or words.day(day), url=f"/{words.language}/finance/?day={day.isoformat()}")


class Named(Protocol):
    """A payment as whoever shows it knows it."""

    @property
    def id(self) -> UUID: ...
    @property
    def reference(self) -> UUID: ...
    @property
    def kassenzeichen(self) -> str: ...


def about(words: Words, payment: Named, briefs: Mapping[UUID, Brief]) -> Link:
    """The appointment's number, which people know, or else the Kassenzeichen, leads to the payment."""
    brief, url = briefs.get(payment.reference), down(words, payment_url(words, payment.id))
    if brief is not None:
        return Link(label=words._("Appointment {number}", number=brief.number), url=url)
    return Link(label=spaced(payment.kassenzeichen), url=url)


def service_of(words: Words, payment: Payment, brief: Brief | None) -> str:
    """What was paid for: the appointment's service, or what a further fee was asked for."""
    asked_for = ", ".join(line.label for line in payment.lines if line.label)
    if brief is None or (brief.id != payment.reference and asked_for):
        return asked_for
    return words.pick(brief.service)


def difference_lines(
    words: Words, found: Iterable[Difference], payments: Mapping[UUID, Payment], briefs: Mapping[UUID, Brief]
) -> tuple[ShownDifference, ...]:
    return tuple(
        ShownDifference(
            kind=one.kind.value,
            text=wording.difference(words, one),
            about=_link(words, one.payment_id, payments, briefs),
            provider_id=one.provider_id,
            here=wording.side(words, one.ours, one.our_word),
            there=wording.side(words, one.there, one.their_word),
        )
        for one in found
    )


def _link(
    words: Words, payment_id: UUID | None, payments: Mapping[UUID, Payment], briefs: Mapping[UUID, Brief]
) -> Link:
    if payment_id is None or payment_id not in payments:
        return Link(label=words._("No payment of ours"))
    return about(words, payments[payment_id], briefs)


def entry_lines(
    words: Words,
    posted: Sequence[Posted],
    payments: Mapping[UUID, Payment],
    links: Mapping[UUID, Link],
    *,
    with_day: bool = False,
    apart: Sequence[tuple[Apart, Link]] = (),
) -> tuple[EntryLine, ...]:
    """`apart`: of no payment, each with what it is about; all of them as they were booked, one after another."""
    place, lines = str(zone_of(words)), []
    all_of_them: list[tuple[Posted | Apart, str, Link]] = [(one, DEFAULT_CURRENCY, link) for one, link in apart]
    for one in posted:
        all_of_them.append((one, payments[one.payment_id].currency, links.get(one.payment_id, Link(label=""))))
    for journal, currency, link in sorted(all_of_them, key=lambda each: (each[0].at, each[0].id)):
        for number, entry in enumerate(journal.entries):
            first, cents = number == 0, entry.amount_cents
            time = words.when(journal.at, place) if with_day else words.time(journal.at, place)
            lines.append(
                EntryLine(
                    time=time if first else "",
                    kind=wording.journal(words, journal.kind) if first else "",
                    url=down(words, journal_url(words, journal.id)),
                    about=link if first else Link(label=""),
                    account=wording.account(words, entry.account),
                    debit=wording.cents(words, cents, currency) if cents > 0 else "",
                    credit=wording.cents(words, -cents, currency) if cents < 0 else "",
                )
            )
    return tuple(lines)

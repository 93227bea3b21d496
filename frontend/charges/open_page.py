"""Fees that are owed, for finance: what was asked for and not paid, and why visits ended without it."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from base.money import Money
from booking.charges.endpoints import CHARGES
from booking.charges.model import OpenItem
from booking.queue.model import OpenReason
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words
from frontend.counter.day import open_reason
from frontend.finance.books_views import Column, Table
from frontend.finance.views import Link
from frontend.finance.wording import unless_erased
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFeesPage:
    frame: StaffFrame
    back: Link
    found: Table


async def show(request: web.Request) -> web.Response:
    words = words_of(request)
    view = OpenFeesPage(
        frame=staff_frame(request, words, words._("Fees that are open")),
        back=Link(label=words._("Till: to be decided"), url=f"/{words.language}/finance/work"),
        found=table(words, await request.app[CHARGES].open_items()),
    )
    return staff_page(request, "finance/open_fees", view)


def table(words: Words, found: list[OpenItem]) -> Table:
    return Table(
        heading=words._("To be paid"),
        columns=(
            Column(words._("Appointment or queue number")),
            Column(words._("Since")),
            Column(words._("Office")),
            Column(words._("What for")),
            Column(words._("State")),
            Column(words._("Amount"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=one.number),
                Link(label=words.near(one.since, one.time_zone)),
                Link(label=words.pick(one.office)),
                Link(label=one.label),
                Link(label=_state(words, one)),
                Link(label=words.fee(Money(one.amount_cents, one.currency))),
            )
            for one in found
        ),
        empty=words._("No fee is open."),
    )


def _state(words: Words, one: OpenItem) -> str:
    if one.reason is not None:
        why = open_reason(words, OpenReason(one.reason))
        return f"{why}: {unless_erased(words, one.note)}" if one.note else why
    return words._("The visit is over") if one.is_over else words._("Is being served")

"""The price list of the provider, against which the matching holds what is taken for each payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from aiohttp import web

from base.errors import FieldError, Invalid
from base.i18n import mark as _
from base.web import STAFF, form
from frontend.citizen.rendering import new_key, see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.finance.books_views import BooksPage, Column, Field, Form, Table
from frontend.finance.difference_pages import WORK, url_of
from frontend.finance.shared import zone_of
from frontend.finance.views import Link
from frontend.finance.wording import cents
from frontend.staff.frame import staff_frame, staff_page
from payment.matching.endpoints import PRICING
from payment.matching.prices import Price

_FIELDS = ("method", "percent_bp", "fixed_cents", "tolerance_cents", "valid_from")
_NO_NUMBER = _("A number with at most two digits after the comma.")


async def show(request: web.Request) -> web.Response:
    return await _page(request)


async def add(request: web.Request) -> web.Response:
    fields = await form(request)
    typed = {name: fields.get(name, "").strip()[:40] for name in _FIELDS}
    try:
        numbers, day = _read(typed)
        await request.app[PRICING].set(
            typed["method"],
            percent_bp=numbers["percent_bp"],
            fixed_cents=numbers["fixed_cents"],
            tolerance_cents=numbers["tolerance_cents"],
            valid_from=day,
            by=request[STAFF].account_id,
        )
    except Invalid as refusal:
        return await _page(request, refusal, typed)
    return see(f"/{words_of(request).language}/finance/prices")


def _read(typed: Mapping[str, str]) -> tuple[dict[str, int], date]:
    """All wrong fields at once. Raises Invalid."""
    numbers, wrong = {}, []
    for name in ("percent_bp", "fixed_cents", "tolerance_cents"):
        hundredths = _hundredths(typed[name])
        if hundredths is None:
            wrong.append(FieldError(f"/{name}", "not_a_number", _NO_NUMBER))
        else:
            numbers[name] = hundredths
    day = date.min
    try:
        day = date.fromisoformat(typed["valid_from"])
    except ValueError:
        wrong.append(FieldError("/valid_from", "not_a_day", _("A day.")))
    if wrong:
        raise Invalid(wrong)
    return numbers, day


def _hundredths(typed: str) -> int | None:
    """ "1,4" and "1.40" are 140."""
    try:
        found = Decimal(typed.replace(",", ".")) * 100
    except InvalidOperation:
        return None
    return int(found) if found.is_finite() and found == found.to_integral_value() and abs(found) < 10**9 else None


async def _page(
    request: web.Request, refusal: Invalid | None = None, typed: Mapping[str, str] | None = None
) -> web.Response:
    words, may = words_of(request), request[STAFF].may(WORK)
    wrong = {one.pointer.lstrip("/"): words._(one.message) for one in refusal.errors} if refusal is not None else {}
    view = BooksPage(
        frame=staff_frame(
            request,
            words,
            words._("The provider's prices"),
            errors=tuple(ShownError(field=name, message=text) for name, text in wrong.items()),
        ),
        back=Link(label=words._("Differences"), url=url_of(words)),
        intro=(
            words._(
                "What the provider is to take for a payment, by how it was paid. Each night what it takes is compared with this; "
                "what deviates by more than the tolerance is a difference. Without a price nothing is compared."
            ),
        ),
        tables=(_table(words, await request.app[PRICING].all()),),
        forms=(_form(words, typed or {}, wrong),) if may else (),
    )
    return staff_page(request, "finance/books", view, status=refusal.status if refusal is not None else 200)


def _table(words: Words, prices: Sequence[Price]) -> Table:
    place = str(zone_of(words))
    return Table(
        heading=words._("Prices"),
        columns=(
            Column(words._("Paid by")),
            Column(words._("From")),
            Column(words._("Per cent"), is_number=True),
            Column(words._("Fixed"), is_number=True),
            Column(words._("Tolerance"), is_number=True),
            Column(words._("Entered")),
        ),
        rows=tuple(
            (
                Link(label=one.method),
                Link(label=words.day(one.valid_from)),
                Link(label=f"{one.percent_bp / 100:.2f} %".replace(".", "," if words.language == "de" else ".")),
                Link(label=cents(words, one.fixed_cents, "EUR")),
                Link(label=cents(words, one.tolerance_cents, "EUR")),
                Link(label=f"{one.set_by}, {words.when(one.set_at, place)}"),
            )
            for one in prices
        ),
        empty=words._("None yet, so nothing is compared."),
    )


def _form(words: Words, typed: Mapping[str, str], wrong: Mapping[str, str]) -> Form:
    return Form(
        action=f"/{words.language}/finance/prices",
        heading=words._("Enter a price"),
        intro=(words._("It holds from this day on, until another one of the same way of paying does."),),
        button=words._("Enter the price"),
        fields=(
            Field(name="method", label=words._("Paid by, in the provider's word: card, sepa_debit …")),
            Field(name="percent_bp", label=words._("Per cent of the amount")),
            Field(name="fixed_cents", label=words._("Fixed, in euros")),
            Field(name="tolerance_cents", label=words._("Tolerance, in euros")),
            Field(name="valid_from", label=words._("From"), kind="date"),
        ),
        key=new_key(),
        values=typed,
        messages=wrong,
    )

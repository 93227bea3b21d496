"""The search of finance: whatever somebody has in hand, from a Kassenzeichen to an amount, leads to its payment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.identity.model import Principal
from base.web import STAFF, query
from booking.appointments.endpoints import APPOINTMENTS, BY_NAME
from frontend.citizen.rendering import see, words_of
from frontend.citizen.words import Words
from frontend.finance import wording
from frontend.finance.shared import day_link, payment_url, today_of, zone_of
from frontend.finance.trail import down
from frontend.finance.views import FoundLine, Link, SearchPage
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import RECONCILIATION
from payment.receipts.kassenzeichen import spaced
from payment.reconciliation.usecases import MOST_FOUND

NAMES = "person.read"  # for the whole city
_RECEIPT = re.compile(r"([0-9]{4})[-/ ]([0-9]{1,9})", re.ASCII)
_AMOUNT = re.compile(
    r"(EUR|€)? ?([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,7})(?:[,.]([0-9]{2}|--?|–))? ?(EUR|€)?", re.ASCII | re.IGNORECASE
)


class SearchQuery(BaseModel):
    q: str = ""


async def search(request: web.Request) -> web.Response:
    """One payment found: to it at once."""
    words, asked = words_of(request), " ".join(query(request, SearchQuery).q.split())[:200]
    found = await _found(request, asked, request[STAFF]) if asked else ()
    if len(found) == 1:
        return see(payment_url(words, found[0]))
    lines = await _lines(request, words, found[:MOST_FOUND])
    today = today_of(words)
    hint = words._("Kassenzeichen, appointment's number, receipt number, amount, or an id of the provider")
    if request[STAFF].may(NAMES):
        hint = words._(
            "Kassenzeichen, appointment's number, receipt number, amount, whole name, or an id of the provider"
        )
    view = SearchPage(
        frame=staff_frame(request, words, words._("Till: search")),
        day=day_link(words, today),
        search_url=f"/{words.language}/finance/search",
        asked=asked,
        label=hint,
        found=lines,
        more=words._("Only the first {n} are shown.", n=MOST_FOUND) if len(found) >= MOST_FOUND else "",
    )
    return staff_page(request, "finance/search", view)


async def _found(request: web.Request, asked: str, staff: Principal) -> Sequence[UUID]:
    """What is exact comes before what may be many."""
    appointments, reconciliation = request.app[APPOINTMENTS], request.app[RECONCILIATION]
    case = await appointments.find_by_number(asked)
    if case is not None and (found := await _of_case(request, case)):
        return found
    if found := await reconciliation.find(asked):
        return found
    receipt, cents = _RECEIPT.fullmatch(asked), asked_cents(asked)
    if receipt is not None:
        return await reconciliation.of_receipt(int(receipt[1]), int(receipt[2]))
    if cents is not None:
        return await reconciliation.of_amount(cents)
    if staff.may(NAMES):
        cases = await request.app[BY_NAME].find(asked)
        return [one for case in cases for one in await _of_case(request, case)]
    return ()


async def _of_case(request: web.Request, case: UUID) -> list[UUID]:
    return await request.app[RECONCILIATION].of_references(await request.app[APPOINTMENTS].references(case))


def asked_cents(text: str) -> int | None:
    """What was typed, where it is an amount: 1.234,50 or 1234.50 or 13,-; whole euros with EUR or the sign, else it is any number."""
    amount = _AMOUNT.fullmatch(text)
    if amount is None or not (amount[1] or amount[3] or amount[4]):
        return None
    cents = amount[3] if amount[3] and amount[3].isdigit() else "00"
    return int(amount[2].replace(".", "") + cents)


async def _lines(request: web.Request, words: Words, ids: Sequence[UUID]) -> tuple[FoundLine, ...]:
    found = await request.app[RECONCILIATION].shown(ids)
    briefs = await request.app[APPOINTMENTS].briefs([one.reference for one in found])
    place = str(zone_of(words))
    return tuple(
        FoundLine(
            kassenzeichen=Link(label=spaced(one.kassenzeichen), url=down(words, payment_url(words, one.id))),
            about=briefs[one.reference].number if one.reference in briefs else "–",
            made=words.near(one.created_at, place),
            receipt=one.receipt,
            state=words._(wording.PAYMENT[one.status]),
            amount=wording.cents(words, one.amount_cents, one.currency),
        )
        for one in found
    )

"""What a clerk does about further fees: ask for one, send its link, withdraw it, end a visit although one is open."""

from __future__ import annotations

from aiohttp import web

from base.errors import DomainError, Invalid
from base.web import CLOCK, STAFF, form, path_id, path_number
from booking.charges.endpoints import CHARGES
from booking.queue.model import LeftOpen, OpenReason
from booking.queue.usecases import ReasonNeeded
from frontend.citizen.rendering import key_of, see, words_of
from frontend.counter import saying
from frontend.counter.keys import QUEUE
from frontend.counter.showing import day_page
from frontend.counter.views import Typed


async def ask(request: web.Request) -> web.Response:
    office_id, ticket, fields = path_number(request, "office"), path_id(request, "ticket"), await form(request)
    key = key_of(fields)
    try:
        await request.app[CHARGES].ask(
            office_id,
            ticket,
            _number(fields.get("fee", "")),
            quantity=_number(fields.get("quantity", "")),
            text=fields.get("text", ""),
            by=request[STAFF].account_id,
            key=key,
        )
    except DomainError as error:
        return await _refused(request, office_id, error, Typed(at="further", values=dict(fields)))
    return see(f"/{words_of(request).language}/counter/{office_id}")


async def ask_for_reduction(request: web.Request) -> web.Response:
    office_id, ticket = path_number(request, "office"), path_id(request, "ticket")
    await form(request)
    try:
        await request.app[CHARGES].ask_for_reduction(office_id, ticket, by=request[STAFF].account_id)
    except DomainError as error:
        return await _refused(request, office_id, error)
    return see(f"/{words_of(request).language}/counter/{office_id}")


async def send(request: web.Request) -> web.Response:
    office_id = path_number(request, "office")
    await form(request)
    try:
        await request.app[CHARGES].send(office_id, path_id(request, "charge"))
    except DomainError as error:
        return await _refused(request, office_id, error)
    return see(f"/{words_of(request).language}/counter/{office_id}?{saying.done(saying.SENT, request.app[CLOCK]())}")


async def finish_unpaid(request: web.Request) -> web.Response:
    """Although a fee is open, and why."""
    office_id, ticket, fields = path_number(request, "office"), path_id(request, "ticket"), await form(request)
    try:
        if fields.get("reason") not in list(OpenReason):
            raise ReasonNeeded
        left = LeftOpen(OpenReason(fields["reason"]), fields.get("note", ""))
        await request.app[QUEUE].finish(office_id, request[STAFF].account_id, ticket, left)
    except DomainError as error:
        return await _refused(request, office_id, error, Typed(at="unpaid", values=dict(fields)))
    return see(f"/{words_of(request).language}/counter/{office_id}")


async def withdraw(request: web.Request) -> web.Response:
    office_id, fields = path_number(request, "office"), await form(request)
    try:
        await request.app[CHARGES].withdraw(
            office_id, path_id(request, "charge"), reason=fields.get("reason", ""), by=request[STAFF].account_id
        )
    except DomainError as error:
        charge = path_id(request, "charge").hex[:12]
        return await _refused(request, office_id, error, Typed(at=f"withdraw-{charge}", values=dict(fields)))
    return see(f"/{words_of(request).language}/counter/{office_id}")


async def _refused(
    request: web.Request, office_id: int, error: DomainError, typed: Typed | None = None
) -> web.Response:
    """The day as it is now, with the reason first; what was typed stays, and never stands in an address."""
    if isinstance(error, Invalid):
        error = saying.FeeWrong()
    if not saying.may_be_said(error):
        raise error
    if typed is not None:
        return await day_page(request, typed, saying.known(words_of(request), error.code), error.status)
    return see(f"/{words_of(request).language}/counter/{office_id}?{saying.query_of(error, request.app[CLOCK]())}")


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise saying.FeeWrong
    return int(text)

"""Further fees on a clerk's card: what was asked for, the code to pay by phone, and the forms to ask and to withdraw."""

from __future__ import annotations

from uuid import uuid5

import segno
from aiohttp import web
from markupsafe import Markup

from base.errors import DomainError, Invalid
from base.web import CLOCK, STAFF, form, path_id, path_number
from booking.charges.endpoints import CHARGES
from booking.charges.model import Owed
from booking.queue.model import LeftOpen, OpenReason, Ticket
from booking.queue.usecases import ReasonNeeded
from frontend.citizen.rendering import key_of, see, words_of
from frontend.citizen.words import Words
from frontend.counter import saying
from frontend.counter.day import Asked, Charged
from frontend.counter.keys import QUEUE


async def charged(request: web.Request, words: Words, office_id: int, present: Ticket) -> Charged:
    """Who may not ask for a fee sees how those stand that were asked for."""
    charges, may_ask = request.app[CHARGES], request[STAFF].may("fee.assess", office_id)
    found = []
    for one in await charges.of_visit(present.id):
        link = charges.link(one) if one.is_unpaid and not charges.only_at_till else ""
        found.append(
            Asked(
                charge=one,
                payment=await charges.payment(one.id),
                link=link,
                code=drawn(link) if link else Markup(""),
                may_change=may_ask,
            )
        )
    prices = await charges.prices(present.id) if may_ask else []
    owed = await charges.owed(present.appointment_id) if present.appointment_id else Owed()
    prices.sort(
        key=lambda one: (one.service_id != present.service_id, words.pick(one.name).casefold())
    )  # its own first
    priced = tuple((str(one.fee_id), f"{words.pick(one.name)}, {words.fee(one.amount)}") for one in prices)
    # The same until another one was asked for: a form sent twice asks once, and the live part of the page stays as it is.
    key = str(uuid5(present.id, f"charge {len(found)}"))
    return Charged(tuple(found), priced, key, owed=owed, may_ask=may_ask)


def drawn(link: str) -> Markup:
    """As SVG without styles of its own, for the page's strict rules."""
    svg = segno.make(link, error="m", micro=False).svg_inline(scale=4, border=4, dark="black", light="white")
    return Markup(svg)  # noqa: S704 - drawn from an address of our own, and nothing of it is text


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
        return _refused(request, office_id, error)
    return see(f"/{words_of(request).language}/counter/{office_id}")


async def ask_for_reduction(request: web.Request) -> web.Response:
    office_id, ticket = path_number(request, "office"), path_id(request, "ticket")
    await form(request)
    try:
        await request.app[CHARGES].ask_for_reduction(office_id, ticket, by=request[STAFF].account_id)
    except DomainError as error:
        return _refused(request, office_id, error)
    return see(f"/{words_of(request).language}/counter/{office_id}")


async def send(request: web.Request) -> web.Response:
    office_id = path_number(request, "office")
    await form(request)
    try:
        await request.app[CHARGES].send(office_id, path_id(request, "charge"))
    except DomainError as error:
        return _refused(request, office_id, error)
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
        return _refused(request, office_id, error)
    return see(f"/{words_of(request).language}/counter/{office_id}")


async def withdraw(request: web.Request) -> web.Response:
    office_id, fields = path_number(request, "office"), await form(request)
    try:
        await request.app[CHARGES].withdraw(
            office_id, path_id(request, "charge"), reason=fields.get("reason", ""), by=request[STAFF].account_id
        )
    except DomainError as error:
        return _refused(request, office_id, error)
    return see(f"/{words_of(request).language}/counter/{office_id}")


def _refused(request: web.Request, office_id: int, error: DomainError) -> web.Response:
    if isinstance(error, Invalid):
        error = saying.FeeWrong()
    if not saying.may_be_said(error):
        raise error
    return see(f"/{words_of(request).language}/counter/{office_id}?{saying.query_of(error, request.app[CLOCK]())}")


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise saying.FeeWrong
    return int(text)

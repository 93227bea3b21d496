"""Further fees on a clerk's card: what was asked for, the code to pay by phone, and the forms to ask and to withdraw."""

from __future__ import annotations

from uuid import uuid5

import segno
from aiohttp import web
from markupsafe import Markup

from base.web import STAFF
from booking.charges.endpoints import CHARGES
from booking.charges.model import Owed
from booking.queue.model import Ticket
from frontend.citizen.words import Words
from frontend.counter.day import Asked, Charged


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

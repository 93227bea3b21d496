"""What finance sees of a further fee that was asked for during a visit."""

from __future__ import annotations

from aiohttp import web

from booking.catalogue.endpoints import CATALOGUE
from booking.charges.endpoints import CHARGES
from frontend.citizen.words import Words
from frontend.finance.shared import zone_of
from frontend.finance.views import Fact
from payment.model import Payment


async def further_facts(request: web.Request, words: Words, payment: Payment) -> tuple[Fact, ...]:
    """Of a further fee: what it was asked for, when and where; of a visit without an appointment nothing else says so."""
    charge = await request.app[CHARGES].find(payment.reference)
    if charge is None:
        return ()
    office = (await request.app[CATALOGUE].snapshot()).offices.get(charge.office_id)
    what = f"{charge.quantity} × {charge.label}" if charge.quantity > 1 else charge.label
    place = str(zone_of(words))
    facts = (
        Fact(label=words._("What for"), value=what),
        Fact(label=words._("Queue number"), value=f"{charge.number:03d}"),
        Fact(label=words._("Office"), value=words.pick(office.name) if office else ""),
        Fact(label=words._("Asked for during the visit"), value=words.when(charge.requested_at, place)),
    )
    return tuple(one for one in facts if one.value)

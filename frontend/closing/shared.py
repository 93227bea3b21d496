"""What the pages of closings share: the office of the path, persons for those who may see them, addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from aiohttp import web

from base.errors import NotFound
from base.web import STAFF, path_number
from booking.appointments.contact import Contact
from booking.appointments.endpoints import APPOINTMENTS
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Office
from frontend.citizen.words import Words


async def office_of(request: web.Request) -> Office:
    known = await request.app[CATALOGUE].snapshot()
    office = known.offices.get(path_number(request, "office"))
    if office is None:
        raise NotFound
    return office


async def contacts_of(request: web.Request, office_id: int, ids: Sequence[UUID]) -> Mapping[UUID, Contact]:
    """Persons only for those who may see them."""
    if not request[STAFF].may("person.read", office_id):
        return {}
    return await request.app[APPOINTMENTS].contacts(ids)


def url(words: Words, office_id: int | None = None) -> str:
    return f"/{words.language}/closings/" if office_id is None else f"/{words.language}/closings/{office_id}"

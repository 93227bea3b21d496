"""Where staff book: the office of the path, and whether a hold or a case belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from base.errors import NotFound
from base.web import path_id, path_number
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Case
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Channel, Office
from booking.catalogue.snapshot import Snapshot
from booking.catalogue.words import by_name
from booking.holds.endpoints import HOLDS
from booking.holds.model import Hold
from frontend.citizen.rendering import words_of
from frontend.citizen.words import Words


@dataclass(frozen=True, slots=True)
class Place:
    known: Snapshot
    office: Office
    base: str  # "/de/bookings/3"

    def most(self) -> dict[int, int]:
        """How often each of them in one visit."""
        return {ident: self.known.services[ident].most for ident in self.services()}

    def names(self, words: Words) -> dict[int, str]:
        """Of what can be booked at this office, as in a register."""
        return by_name({ident: words.pick(self.known.services[ident].name) for ident in self.services()})

    def services(self) -> dict[int, frozenset[Channel]]:
        """What can be booked at this office, and how."""
        found: dict[int, frozenset[Channel]] = {}
        for service, channel in self.known.counters:
            if self.office.id in self.known.places(service, channel):
                found[service] = found.get(service, frozenset()) | {channel}
        return found


async def place_of(request: web.Request) -> Place:
    known = await request.app[CATALOGUE].snapshot()
    office = known.offices.get(path_number(request, "office"))
    if office is None:
        raise NotFound
    return Place(known, office, f"/{words_of(request).language}/bookings/{office.id}")


async def hold_of_office(request: web.Request) -> Hold:
    """The permission is for one office: what is held at another one is not there."""
    hold = await request.app[HOLDS].find(path_id(request, "hold"))
    if hold.office_id != path_number(request, "office"):
        raise NotFound
    return hold


async def case_of_office(request: web.Request, ident: UUID) -> Case:
    return await request.app[APPOINTMENTS].of_office(path_number(request, "office"), ident)

"""Handlers of the pages before anything is reserved: find a service, choose how and where, choose a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, Field

from base.i18n import best_language, zone
from base.web import SETTINGS, path_number, query
from base.web.kept import Kept, Stencil
from booking.allocation.endpoints import NEED_SOURCE
from booking.availability.endpoints import AVAILABILITY, KindOfMatter, Others, Postcode, Quantity, Surname, who_of
from booking.availability.model import Basis, Item, Visit, Who, Window
from booking.availability.offering import NotOffered
from booking.availability.usecases import Availability
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Channel
from frontend.citizen.choosing import DAYS_SHOWN, Offered, Wanted, joined, times_page
from frontend.citizen.finding import Choice, Place, add_page, service_page, start_page
from frontend.citizen.rendering import PRIVATE, SHARED, details, new_key, page, rendered, see, words_of
from frontend.citizen.who import ask_who, matter_of
from frontend.citizen.wishes import nearby_in, wishes_in

_OFTEN, _FOUND, _SOON, _NEAR = 9, 30, 3, 6
Id = Annotated[int, Field(ge=1, lt=2**31)]


class StartQuery(BaseModel):
    """With a service: another one is looked for that goes with it."""

    q: str = ""
    all: bool = False
    service: Id | None = None
    channel: Channel | None = None
    quantity: Quantity = 1
    before: Others = []
    also: Others = []
    office: list[Id] = Field(default=[], max_length=100)
    instead: UUID | None = None


class ServiceQuery(BaseModel):
    """`before`: what the visit is for already."""

    channel: Channel | None = None
    quantity: Quantity = 1
    before: Others = []
    office: list[Id] = Field(default=[], max_length=100)
    instead: UUID | None = None
    moves: UUID | None = None


class TimesQuery(BaseModel):
    """Its own form says what the visit is for as the service last chosen and those `before`; links say it in its order (`also`)."""

    service: Id
    channel: Channel
    quantity: Quantity = 1
    before: Others = []
    also: Others = []
    office: list[Id] = Field(default=[], max_length=100)
    day: date | None = None
    instead: UUID | None = None
    moves: UUID | None = None
    letters: Surname = ""  # the first ones of the surname
    postcode: Postcode = ""
    kind: KindOfMatter = ""

    @property
    def who(self) -> Who:
        return who_of(self.letters, self.postcode, self.kind)


async def root(request: web.Request) -> web.Response:
    language = best_language(request.headers.get("Accept-Language", ""))
    return web.Response(status=302, headers={"Location": f"/{language}/", "Vary": "Accept-Language"})


async def without_slash(request: web.Request) -> web.Response:
    """What people type: "…/de"."""
    return web.Response(status=308, headers={"Location": f"/{words_of(request).language}/"})


async def start(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, StartQuery)
    q = asked.q.strip()[:100]
    hits = await request.app[CATALOGUE].search(q, words.language, _FOUND if q else _OFTEN)
    if asked.service is None or asked.channel is None:
        return page(request, "start", start_page(words, q, hits, shows_all=asked.all), cache=SHARED)
    wanted = _wanted(asked, asked.service, asked.channel, request.query)
    have = await details(request, wanted)
    return page(request, "start", add_page(words, q, hits, wanted, have, shows_all=asked.all), cache=SHARED)


def _wanted(asked: StartQuery | TimesQuery, service_id: int, channel: Channel, fields: Mapping[str, str]) -> Wanted:
    visit = Visit(asked.quantity, tuple(asked.also))
    if asked.before:
        service_id, visit = joined(asked.before, Item(service_id, asked.quantity))
    moves = None
    if isinstance(asked, TimesQuery):
        moves, visit = asked.moves, replace(visit, who=asked.who)
    wishes = wishes_in(fields)
    if channel is not Channel.ONSITE:
        wishes = wishes.anywhere
    return Wanted(service_id, channel, tuple(asked.office), asked.instead, moves, visit, wishes)


async def service(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, ServiceQuery)
    detail = await request.app[CATALOGUE].service(path_number(request, "service"))
    if detail.service.id in request.app[NEED_SOURCE].services:
        return see(f"/{words.language}/need/{detail.service.id}")
    channels = detail.service.channels
    channel = asked.channel if asked.channel in channels else channels[0] if channels else None
    first, visit = joined(asked.before, Item(detail.service.id, asked.quantity))
    places: list[Place] = []
    asks = False
    if channel is not None:
        availability = request.app[AVAILABILITY]
        minutes, asks = _together(availability, first, channel, visit)
        # Who is asked for whom it is first sees no times of others' teams.
        soonest = [] if asks else availability.earliest(first, channel, minutes, visit)
        next_free = {slot.office_id: slot for slot in soonest}
        places = [
            Place(office, minutes[office.id], next_free.get(office.id))
            for office in detail.offices.get(channel, ())
            if office.id in minutes
        ]
    before = [(item, (await request.app[CATALOGUE].service(item.service_id)).service) for item in asked.before]
    replaced, wishes = (asked.instead, asked.moves), wishes_in(request.query)
    choice = Choice(channel, frozenset(asked.office), asked.quantity, tuple(before), *replaced, wishes)
    return page(request, "service", service_page(words, detail, choice, places, asks_first=asks), cache=SHARED)


def _together(availability: Availability, first: int, channel: Channel, visit: Visit) -> tuple[dict[int, int], bool]:
    """The offices that have everything that the visit is for, and the minutes that it takes there; whether something is asked first."""
    try:
        offer, offices = availability.get_offer(first, channel, None, visit)
    except NotOffered:
        return {}, False
    return {office.office_id: offer.duration_at(office) for office in offices}, bool(offer.asks)


@dataclass(frozen=True, slots=True)
class Known:
    """The page of times with a gap for the form's key, and what it was made of."""

    basis: Basis
    stencil: Stencil
    service_id: int
    status: int  # 422 where a wish names a place that we do not know

    @property
    def size(self) -> int:
        return self.stencil.size


KNOWN_TIMES: web.AppKey[Kept[Known]] = web.AppKey("KNOWN_TIMES")
_GAP = "00000000-0000-0000-0000-000000000000"  # as long as a key, and no key that is ever made


async def times(request: web.Request) -> web.Response:
    """Kept by the address as it was written; only the key of its forms is new each time."""
    availability, kept = request.app[AVAILABILITY], request.app[KNOWN_TIMES]
    known = kept.get(request.raw_path)
    by_need = request.app[NEED_SOURCE].gives_out
    if known is None or by_need(known.service_id) or not availability.stands(known.basis):
        asked = query(request, TimesQuery)
        if by_need(asked.service):
            return see(f"/{words_of(request).language}/need/{asked.service}")
        question = await ask_who(request, _wanted(asked, asked.service, asked.channel, request.query))
        if question is not None:
            return question
        known = await _times(request, asked)
        kept.keep(request.raw_path, known)
    answer = known.stencil.send(request, new_key(), "text/html; charset=utf-8", PRIVATE)
    answer.set_status(known.status)
    return answer


async def _times(request: web.Request, asked: TimesQuery) -> Known:
    words = words_of(request)
    wanted = _wanted(asked, asked.service, asked.channel, request.query)
    detail, *others = await details(request, wanted)
    here = detail.offices.get(wanted.channel, ())
    nearby = nearby_in(words, wanted.wishes.near, here, await request.app[CATALOGUE].snapshot())
    if nearby.unknown:
        wanted = replace(wanted, wishes=replace(wanted.wishes, near=""))
    matter = await matter_of(request, wanted)
    availability = request.app[AVAILABILITY]
    offer, offices = availability.get_offer(wanted.service_id, asked.channel, asked.office or None, wanted.visit)
    ids = [office.office_id for office in offices]
    today = words.now.astimezone(zone(offices[0].time_zone)).date()
    last = today + timedelta(days=request.app[SETTINGS].horizon_days)
    fit = wanted.wishes.suitable(here, nearby.centre)
    everywhere = replace(wanted, office_ids=tuple(ident for ident in ids if ident in fit))
    offered = look(availability, everywhere, asked.day, today, last, offices[0].time_zone)
    view = times_page(words, detail, wanted, offered, _GAP, others, nearby, matter)
    # Nothing was awaited since the times were looked up, so they are of this basis.
    basis = availability.basis(offer, offices, words.now)
    stencil = Stencil(rendered(request, "times", view).encode(), _GAP.encode())
    return Known(basis, stencil, asked.service, 422 if nearby.unknown else 200)


def look(
    availability: Availability, wanted: Wanted, day: date | None, today: date, last: date, zone_name: str
) -> Offered:
    """The week around the wanted day, or around the first free one; and the times of that day."""
    asked = (wanted.service_id, wanted.channel, wanted.office_ids)
    visit, at = wanted.visit, wanted.wishes.times
    if wanted.wishes.near:
        next_free = availability.earliest(*asked, visit=visit, at=at)[:_NEAR]
    else:
        next_free = availability.next_free(*asked, limit=_SOON, visit=visit, at=at)
    if day is None:
        day = next_free[0].starts_at.astimezone(zone(zone_name)).date() if next_free else today
    day = min(max(day, today), last)
    first = today + timedelta(days=(day - today).days // DAYS_SHOWN * DAYS_SHOWN)
    counts = availability.days(*asked, Window(first, min(first + timedelta(days=DAYS_SHOWN - 1), last)), visit, at)
    if not counts[day]:
        day = next((other for other, count in counts.items() if count), day)
    slots = availability.slots(*asked, Window(day, day), visit=visit, at=at) if counts[day] else []
    return Offered(next_free, counts, first, last, day, slots)

"""Free times over HTTP. Anyone may look; the answer of a window is cached by its contents."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from base.errors import FieldError, Invalid
from base.i18n import mark as _
from base.i18n import zone
from base.web import ANYONE, CLOCK, NO_STORE, Endpoint, query, reply
from base.web.kept import Answer, Kept
from booking.availability.model import Basis, Item, Offer, OfficeOffer, Slot, TimeOfDay, TimesOfDay, Visit, Who, Window
from booking.availability.offering import NotOffered, TooMany, TwiceInAVisit, check_who
from booking.availability.slots import day_of
from booking.availability.usecases import Availability
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.model import Channel, Office
from booking.catalogue.nearby import Point, Reach, point_of, suitable
from booking.catalogue.responsibility import initials, read_postcode
from booking.catalogue.snapshot import Snapshot

AVAILABILITY: web.AppKey[Availability] = web.AppKey("AVAILABILITY", Availability)
KNOWN: web.AppKey[Kept[Known]] = web.AppKey("KNOWN")

MOST_DAYS = 31
MOST_OF_ONE, MOST_OTHERS = 20, 4  # in one visit
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
Id = Annotated[int, Field(ge=1, lt=2**31)]


def read_item(written: str) -> Item | None:
    """What str(item) is."""
    fits = _ITEM.fullmatch(written)
    return Item(int(fits[1]), int(fits[2] or 1)) if fits else None


def _item(written: object) -> Item:
    item = read_item(written) if isinstance(written, str) else None
    if item is None:
        raise PydanticCustomError("schalter_item", _("The id of a service, with its number: 17*2"))
    return item


_ITEM = re.compile(r"([1-9][0-9]{0,8})(?:\*([1-9]|1[0-9]|20))?")
Quantity = Annotated[int, Field(ge=1, le=MOST_OF_ONE)]
Others = Annotated[
    list[Annotated[Item, BeforeValidator(_item, json_schema_input_type=str)]],
    Field(max_length=MOST_OTHERS, description="Other services of the same visit: an id, or id*number; repeatable"),
]


Surname = Annotated[
    str,
    Field(max_length=100, description="Or its first letters: where a service asks for it, they say who is responsible"),
]
Postcode = Annotated[str, Field(max_length=10, description="Where a service asks for it")]
KindOfMatter = Annotated[str, Field(max_length=60, description="A key of the service's kinds, where it has some")]


def who_of(surname: str, postcode: str, kind: str) -> Who:
    return Who(initials(surname), read_postcode(postcode), kind.strip())


_DEGREES = re.compile(r"-?[0-9]{1,2}(\.[0-9]{1,8})?,-?1?[0-9]{1,2}(\.[0-9]{1,8})?")


class OfferQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Id
    channel: Channel
    quantity: Quantity = Field(default=1, description="How often in this visit: three vehicles, two persons")
    also: Others = []
    office: list[Id] = Field(default=[], max_length=100, description="Repeatable; none means all offices")

    at: list[TimeOfDay] = Field(default=[], max_length=3, description="Times of the day; repeatable; none means all")
    step_free: bool = Field(default=False, description="Only offices without steps")
    near: Annotated[str, Field(max_length=80, examples=["48.7758,9.1829", "70173"])] | None = Field(
        default=None,
        description="Latitude and longitude (WGS 84), or a postcode or district of the city; with within_km",
    )
    within_km: float = Field(default=5, gt=0, le=500, description="As the crow flies; only with near")

    surname: Surname = ""
    postcode: Postcode = ""
    kind: KindOfMatter = ""

    @property
    def visit(self) -> Visit:
        return Visit(self.quantity, tuple(self.also), who_of(self.surname, self.postcode, self.kind))

    @property
    def times(self) -> TimesOfDay:
        return frozenset(self.at)

    def reach(self, known: Snapshot) -> Reach | None:
        """Raises Invalid for a place that the city does not name."""
        if self.near is None:
            return None
        if _DEGREES.fullmatch(self.near):
            latitude, longitude = map(float, self.near.split(","))
            return Reach(Point(latitude, longitude), self.within_km)
        place = known.find_place(self.near)
        if place is None:
            message = _("We know no such place. Give a postcode or a district of the city, or latitude and longitude.")
            raise Invalid([FieldError("/near", "unknown_place", message)])
        return Reach(point_of(place), self.within_km)


class SlotsQuery(OfferQuery):
    from_day: Day = Field(alias="from", description="First day, in the office's time zone; a past day counts as today")
    to_day: Day = Field(alias="to", description=f"Last day, included; at most {MOST_DAYS} days in all")


class NextQuery(OfferQuery):
    after: AwareDatetime | None = None
    limit: int = Field(default=3, ge=1, le=50)


Asked = TypeVar("Asked", bound=OfferQuery)


class SlotOut(BaseModel):
    office: int
    starts_at: datetime
    ends_at: datetime


class GroupSlotOut(SlotOut):
    places: int = Field(description="Left in the group that meets then")


class SlotsOut(BaseModel):
    slots: list[GroupSlotOut | SlotOut]

    @classmethod
    def of(cls, slots: Sequence[Slot]) -> SlotsOut:
        return cls(slots=[_slot_out(slot) for slot in slots])


def _slot_out(slot: Slot) -> SlotOut:
    if slot.places is None:
        return SlotOut(office=slot.office_id, starts_at=slot.starts_at, ends_at=slot.ends_at)
    return GroupSlotOut(office=slot.office_id, starts_at=slot.starts_at, ends_at=slot.ends_at, places=slot.places)


class EarliestOut(SlotOut):
    """The first free time of an office."""

    distance_km: float | None = Field(description="From the point asked for, as the crow flies", examples=[1.3])
    places: int | None = Field(description="Left in the group that meets then; null: no group")

    @classmethod
    def at(cls, slot: Slot, reach: Reach | None, office: Office) -> EarliestOut:
        km = round(reach.centre.km_to(point_of(office)), 1) if reach else None
        return cls(
            office=slot.office_id,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            distance_km=km,
            places=slot.places,
        )


class EarliestList(BaseModel):
    offices: list[EarliestOut] = Field(description="Those that have one, the soonest first")


@dataclass(frozen=True, slots=True)
class Known:
    """An answer, and what it was made of."""

    basis: Basis
    answer: Answer

    @property
    def size(self) -> int:
        return self.answer.size


async def list_slots(request: web.Request) -> web.Response:
    return await _known(request, SlotsQuery, _look)


async def earliest_slots(request: web.Request) -> web.Response:
    return await _known(request, OfferQuery, _earliest)


async def _known(
    request: web.Request, asked: type[Asked], look: Callable[[Availability, Asked, Snapshot, datetime], Known]
) -> web.Response:
    """Kept by the address as it was written: while it stands, nothing of it is even read."""
    availability, kept = request.app[AVAILABILITY], request.app[KNOWN]
    known = kept.get(request.raw_path)
    if known is None or not availability.stands(known.basis):
        snapshot = await request.app[CATALOGUE].snapshot()
        known = look(availability, query(request, asked), snapshot, request.app[CLOCK]())
        kept.keep(request.raw_path, known)
    return known.answer.send(request)


def _suitable(asked: OfferQuery, offices: Sequence[OfficeOffer], known: Snapshot) -> list[int]:
    fit = suitable(known.offices.values(), step_free=asked.step_free, reach=asked.reach(known))
    return [office.office_id for office in offices if office.office_id in fit]


def _offered(availability: Availability, asked: OfferQuery) -> tuple[Offer, list[OfficeOffer]]:
    offer, offices = availability.get_offer(asked.service, asked.channel, asked.office or None, asked.visit)
    check_who(offer, asked.visit)
    return offer, offices


def _look(availability: Availability, asked: SlotsQuery, known: Snapshot, now: datetime) -> Known:
    offer, offices = _offered(availability, asked)
    window = checked_window(now, asked.from_day, asked.to_day, offices)
    ids = _suitable(asked, offices, known)
    slots = availability.slots(offer.service_id, offer.channel, ids, window, visit=offer.visit, at=asked.times)
    return Known(availability.basis(offer, offices, now), Answer.of(_as_json(slots), "application/json"))


def _earliest(availability: Availability, asked: OfferQuery, known: Snapshot, now: datetime) -> Known:
    offer, offices = _offered(availability, asked)
    ids = _suitable(asked, offices, known)
    slots = availability.earliest(offer.service_id, offer.channel, ids, offer.visit, asked.times)
    reach = asked.reach(known)
    found = [EarliestOut.at(slot, reach, known.offices[slot.office_id]) for slot in slots]
    answer = EarliestList(offices=found).model_dump_json().encode()
    return Known(availability.basis(offer, offices, now), Answer.of(answer, "application/json"))


async def next_slots(request: web.Request) -> web.Response:
    asked = query(request, NextQuery)
    availability = request.app[AVAILABILITY]
    offer, offices = _offered(availability, asked)
    ids = _suitable(asked, offices, await request.app[CATALOGUE].snapshot())
    slots = availability.next_free(
        offer.service_id, offer.channel, ids, asked.after, asked.limit, asked.visit, asked.times
    )
    return reply(SlotsOut.of(slots), headers=NO_STORE)


def _as_json(slots: Sequence[Slot]) -> bytes:
    """SlotsOut by hand: a month of an office has 1500 times, and pydantic takes 30 ms for them. A test holds both together."""
    rows = (
        f'{{"office":{slot.office_id},"starts_at":"{_iso(slot.starts_at)}","ends_at":"{_iso(slot.ends_at)}"'
        + ("}" if slot.places is None else f',"places":{slot.places}}}')
        for slot in slots
    )
    return f'{{"slots":[{",".join(rows)}]}}'.encode()


def _iso(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def checked_window(now: datetime, from_day: date, to_day: date, offices: Sequence[OfficeOffer]) -> Window:
    """Days that are over are left out rather than refused: a page may stay open over midnight."""
    if to_day < from_day:
        raise Invalid([FieldError("/to", "before_from", _("The last day lies before the first."))])
    first = max(from_day, min(day_of(now, zone(office.time_zone)) for office in offices))
    if (to_day - first).days >= MOST_DAYS:
        raise Invalid([FieldError("/to", "window_too_long", _("These are more than 31 days."))])
    return Window(first, to_day)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/slots",
        handler=list_slots,
        who=ANYONE,
        summary="Free times of a service in a window of days",
        query=SlotsQuery,
        headers={"If-None-Match": False},
        gives={200: SlotsOut, 304: None},
        refuses=(NotOffered, TooMany, TwiceInAVisit, Invalid),
    ),
    Endpoint(
        method="GET",
        path="/api/slots/earliest",
        handler=earliest_slots,
        who=ANYONE,
        summary="The next free time of each office",
        query=OfferQuery,
        headers={"If-None-Match": False},
        gives={200: EarliestList, 304: None},
        refuses=(NotOffered, TooMany, TwiceInAVisit, Invalid),
    ),
    Endpoint(
        method="GET",
        path="/api/slots/next",
        handler=next_slots,
        who=ANYONE,
        summary="The next free times of a service",
        query=NextQuery,
        gives={200: SlotsOut},
        refuses=(NotOffered, TooMany, TwiceInAVisit, Invalid),
    ),
]

"""The earlier-time list over HTTP: join, look, leave and answer with the case's token; figures for staff."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Self
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from base.errors import Invalid, NotFound, Unauthenticated
from base.i18n import mark as _
from base.web import CASE, NO_STORE, Endpoint, body, can, path_id, path_number, reply
from booking.appointments.moving import CallOver, HasArrived, NotMovable
from booking.holds.endpoints import Id
from booking.holds.refusals import GivenOutByNeed
from booking.waitlist.model import Offer, Standing, Window, Wish
from booking.waitlist.usecases import NobodyToTell, NotWaiting, OfferOver, OffersUsedUp, SeveralParts, Waitlist

WAITLIST: web.AppKey[Waitlist] = web.AppKey("WAITLIST", Waitlist)
_LIST = "/api/appointments/{appointment}/waitlist"
_MOST_OFFICES, _MOST_WINDOWS = 40, 10


class WindowIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)] = list(range(1, 8))
    from_time: time = time(0)
    to_time: time = time(23, 59)
    first: date | None = None
    last: date | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.from_time.replace(tzinfo=None) >= self.to_time.replace(tzinfo=None):
            raise PydanticCustomError(
                "schalter_window", _("A time from which you can come lies before the one until which.")
            )
        if self.first is not None and self.last is not None and self.first > self.last:
            raise PydanticCustomError("schalter_days", _("The first day lies after the last."))
        return self

    def window(self) -> Window:
        return Window(
            days=tuple(sorted(set(self.days))),
            from_time=self.from_time.replace(tzinfo=None),
            to_time=self.to_time.replace(tzinfo=None),
            first=self.first,
            last=self.last,
        )


class WishIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    offices: Annotated[list[Id], Field(max_length=_MOST_OFFICES, description="None: any office")] = []
    windows: Annotated[list[WindowIn], Field(max_length=_MOST_WINDOWS, description="None: any time")] = []

    def wish(self) -> Wish:
        offices = tuple(dict.fromkeys(self.offices))
        return Wish(offices=offices, windows=tuple(one.window() for one in self.windows))


class WindowOut(BaseModel):
    days: list[int]
    from_time: time
    to_time: time
    first: date | None
    last: date | None

    @classmethod
    def of(cls, window: Window) -> WindowOut:
        return cls(
            days=list(window.days),
            from_time=window.from_time,
            to_time=window.to_time,
            first=window.first,
            last=window.last,
        )


class WishOut(BaseModel):
    offices: list[int]
    windows: list[WindowOut]


class OfferOut(BaseModel):
    id: UUID
    office: int
    starts_at: datetime
    ends_at: datetime
    answer_until: datetime

    @classmethod
    def of(cls, offer: Offer) -> OfferOut:
        return cls(
            id=offer.id,
            office=offer.office_id,
            starts_at=offer.starts_at,
            ends_at=offer.ends_at,
            answer_until=offer.answer_until,
        )


class StandingOut(BaseModel):
    wish: WishOut | None = Field(description="null: not on the list")
    offer: OfferOut | None = Field(description="An earlier time that is kept for this case until it is answered")
    may_join: bool

    @classmethod
    def of(cls, standing: Standing) -> StandingOut:
        wish = standing.wish
        return cls(
            wish=WishOut(offices=list(wish.offices), windows=[WindowOut.of(one) for one in wish.windows])
            if wish
            else None,
            offer=OfferOut.of(standing.offer) if standing.offer else None,
            may_join=standing.may_join,
        )


class KeptOut(BaseModel):
    service: int
    starts_at: datetime
    offered_until: datetime | None
    back_at: datetime | None = Field(description="When it is everybody's again; null: not decided")


class FiguresOut(BaseModel):
    waiting: int = Field(description="Cases at this office that are on the list")
    kept: int = Field(description="Freed times here that are kept for the list now")
    open: int
    accepted: int
    declined: int
    lapsed: int
    returned: int = Field(description="Times that nobody on the list took")
    times: list[KeptOut] = Field(description="Not public now, because of the list")


async def show(request: web.Request) -> web.Response:
    standing = await request.app[WAITLIST].standing(path_id(request, "appointment"))
    return reply(StandingOut.of(standing), headers=NO_STORE)


async def join(request: web.Request) -> web.Response:
    wish = (await body(request, WishIn)).wish()
    standing = await request.app[WAITLIST].join(path_id(request, "appointment"), wish)
    return reply(StandingOut.of(standing), headers=NO_STORE)


async def leave(request: web.Request) -> web.Response:
    standing = await request.app[WAITLIST].leave(path_id(request, "appointment"))
    return reply(StandingOut.of(standing), headers=NO_STORE)


async def accept(request: web.Request) -> web.Response:
    await request.app[WAITLIST].accept(path_id(request, "appointment"), path_id(request, "offer"))
    return await show(request)


async def decline(request: web.Request) -> web.Response:
    await request.app[WAITLIST].decline(path_id(request, "appointment"), path_id(request, "offer"))
    return await show(request)


async def show_figures(request: web.Request) -> web.Response:
    waitlist, offices = request.app[WAITLIST], [path_number(request, "office")]
    [figures] = await waitlist.figures(offices)
    times = [
        KeptOut(service=one.service_id, starts_at=one.starts_at, offered_until=one.offered_until, back_at=one.back_at)
        for one in await waitlist.kept(offices)
    ]
    return reply(
        FiguresOut(
            waiting=figures.waiting,
            kept=figures.kept,
            open=figures.open,
            accepted=figures.accepted,
            declined=figures.declined,
            lapsed=figures.lapsed,
            returned=figures.returned,
            times=times,
        ),
        headers=NO_STORE,
    )


_ID, _OFFER = {"appointment": UUID}, {"appointment": UUID, "offer": UUID}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_LIST,
        handler=show,
        who=CASE,
        summary="Whether this appointment is on the list for earlier times, and what is on offer to it",
        params=_ID,
        gives={200: StandingOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="POST",
        path=_LIST,
        handler=join,
        who=CASE,
        summary="Wish for an earlier time, or wish otherwise; may be repeated",
        params=_ID,
        takes=WishIn,
        gives={200: StandingOut},
        refuses=(
            Unauthenticated,
            NotFound,
            NotWaiting,
            NobodyToTell,
            OffersUsedUp,
            GivenOutByNeed,
            SeveralParts,
            Invalid,
        ),
    ),
    Endpoint(
        method="POST",
        path=f"{_LIST}/leave",
        handler=leave,
        who=CASE,
        summary="Leave the list; what is on offer goes to the next; may be repeated",
        params=_ID,
        gives={200: StandingOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="POST",
        path=f"{_LIST}/offers/{{offer}}/accept",
        handler=accept,
        who=CASE,
        summary="Take the earlier time; the old one is freed in the same transaction; may be repeated",
        params=_OFFER,
        gives={200: StandingOut},
        refuses=(Unauthenticated, NotFound, OfferOver, NotMovable, HasArrived, CallOver),
    ),
    Endpoint(
        method="POST",
        path=f"{_LIST}/offers/{{offer}}/decline",
        handler=decline,
        who=CASE,
        summary="Let an earlier time go to the next and stay on the list; may be repeated",
        params=_OFFER,
        gives={200: StandingOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="GET",
        path="/api/offices/{office}/waitlist",
        handler=show_figures,
        who=can("waitlist.read", "office"),
        summary="The list in figures: who waits, what is kept, what became of the offers",
        params={"office": int},
        gives={200: FiguresOut},
        refuses=(NotFound,),
    ),
]

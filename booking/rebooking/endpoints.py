"""Closings over HTTP for staff, and the answer of those who were in the way."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from base.errors import Invalid, NotFound
from base.i18n import mark as _
from base.i18n import pick
from base.web import CASE, NO_STORE, STAFF, Endpoint, body, can, language_of, path_id, path_number, reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.appointments.contact import Contact
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.lifecycle import BeingServed, HoldOver, NotCancellable
from booking.appointments.moving import HasArrived, NotMovable
from booking.availability.offering import NotOffered
from booking.catalogue.changes import NotOfThisOffice, TimesImpossible
from booking.catalogue.hours_endpoints import Moment
from booking.catalogue.model import Channel
from booking.holds.endpoints import Id
from booking.rebooking.model import (
    Affected,
    Because,
    Closing,
    Entry,
    IfSilent,
    Offered,
    Plan,
    Rebooking,
    RebookingStatus,
)
from booking.rebooking.usecases import AnswerOver, Rebookings, SeveralParts, TimeGone, Tracked

REBOOKINGS: web.AppKey[Rebookings] = web.AppKey("REBOOKINGS", Rebookings)
_CLOSINGS = "/api/offices/{office}/closings"
_ENTRY = f"{_CLOSINGS}/{{closing}}/appointments/{{appointment}}"
_ANSWER = "/api/appointments/{appointment}/rebooking"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StretchIn(_Strict):
    counter: Id | None = Field(None, description="Null: the whole office")
    starts_at: Moment
    ends_at: Moment

    def plan(self, office_id: int) -> Plan:
        return Plan(office_id=office_id, counter_id=self.counter, starts_at=self.starts_at, ends_at=self.ends_at)


class ClosingIn(StretchIn):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)] = Field(
        description="Those affected read it"
    )
    if_silent: IfSilent = Field(IfSilent.TELEPHONE, description="What happens where no answer comes in time")
    answer_hours: int = Field(72, ge=1, le=336, description="How long the times offered are kept at most")

    def plan(self, office_id: int) -> Plan:
        return Plan(
            office_id=office_id,
            counter_id=self.counter,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            reason=self.reason,
            if_silent=self.if_silent,
            answer_hours=self.answer_hours,
        )


class AffectedOut(BaseModel):
    appointment: UUID | None = Field(description="Null: a time that somebody is just reserving")
    number: str | None
    counter: str
    service: str
    channel: Channel
    starts_at: datetime
    has_email: bool
    has_mobile: bool
    booked: bool = Field(description="false: still being filled in or paid")
    here: bool = Field(description="Has checked in already, so is not rebooked")

    @classmethod
    def of(cls, one: Affected, language: str) -> AffectedOut:
        return cls(
            appointment=one.appointment_id,
            number=one.number,
            counter=pick(one.counter, language),
            service=pick(one.service, language),
            channel=Channel(one.channel),
            starts_at=one.starts_at,
            has_email=one.has_email,
            has_mobile=one.has_mobile,
            booked=one.is_booked,
            here=one.is_here,
        )


class PreviewOut(BaseModel):
    affected: list[AffectedOut]
    waiting: int = Field(description="People in the office's queue, where it would close today")


class ClosingOut(BaseModel):
    id: UUID
    counter: int | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    if_silent: IfSilent
    answer_hours: int
    by: str
    at: datetime
    affected: int
    unsettled: int

    @classmethod
    def of(cls, one: Closing) -> ClosingOut:
        return cls(
            id=one.id,
            counter=one.counter_id,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            reason=one.reason,
            if_silent=one.if_silent,
            answer_hours=one.answer_hours,
            by=one.made_by,
            at=one.made_at,
            affected=one.affected,
            unsettled=one.unsettled,
        )


class ClosingsOut(BaseModel):
    closings: list[ClosingOut]


class OfferedOut(BaseModel):
    n: int = Field(description="What the answer names")
    office: int
    starts_at: datetime
    held: bool

    @classmethod
    def of(cls, one: Offered) -> OfferedOut:
        return cls(n=one.n, office=one.office_id, starts_at=one.starts_at, held=one.is_held)


class RebookingOut(BaseModel):
    appointment: UUID
    number: str
    status: RebookingStatus
    because: Because | None = Field(description="Why somebody has to telephone")
    closed_at: datetime = Field(description="When the appointment was to be, before the closing")
    reason: str
    starts_at: datetime | None = Field(description="When it is now; null: not any more")
    answer_until: datetime | None
    offered: list[OfferedOut]

    @classmethod
    def of(cls, one: Rebooking, offered: list[Offered]) -> RebookingOut:
        return cls(**_members(one, offered))


class TrackedOut(RebookingOut):
    told: bool = Field(description="false: the offer's message did not arrive, so somebody has to call")
    name: str | None = Field(description="Only for those who may see persons, as the next two")
    email: str | None
    mobile: str | None


class TrackingOut(BaseModel):
    closing: ClosingOut
    appointments: list[TrackedOut]

    @classmethod
    def of_all(cls, tracked: Tracked, contacts: dict[UUID, Contact], untold: Collection[UUID]) -> TrackingOut:
        rows = []
        for one in tracked.rebookings:
            contact = contacts.get(one.appointment_id)
            rows.append(
                TrackedOut(
                    **_members(one, list(tracked.offered.get(one.id, ()))),
                    told=one.appointment_id not in untold,
                    name=contact.name if contact else None,
                    email=contact.email if contact else None,
                    mobile=contact.mobile if contact else None,
                )
            )
        return cls(closing=ClosingOut.of(tracked.closing), appointments=rows)


class TakeIn(_Strict):
    office: Id
    starts_at: Moment


class AnswerIn(_Strict):
    answer: Literal["accept", "other", "cancel"]
    n: int | None = Field(None, ge=1, le=3, description="Which of the times offered is accepted")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.answer == "accept") != (self.n is not None):
            raise PydanticCustomError("schalter_which_time", _("Say which of the times you accept, and only then."))
        return self


async def preview_closing(request: web.Request) -> web.Response:
    wanted, language = await body(request, StretchIn), language_of(request)
    found = await request.app[REBOOKINGS].preview(wanted.plan(path_number(request, "office")))
    affected = [AffectedOut.of(one, language) for one in found.affected]
    return reply(PreviewOut(affected=affected, waiting=found.waiting), headers=NO_STORE)


async def close(request: web.Request) -> web.Response:
    key, wanted, office = idempotency_key(request), await body(request, ClosingIn), path_number(request, "office")
    rebookings = request.app[REBOOKINGS]
    ident = await rebookings.close(wanted.plan(office), request[STAFF].account_id, key)
    made = ClosingOut.of((await rebookings.track(office, ident)).closing)
    headers = {"Location": f"/api/offices/{office}/closings/{ident}", **NO_STORE}
    return reply(made, status=201, headers=headers)


async def list_closings(request: web.Request) -> web.Response:
    found = await request.app[REBOOKINGS].closings(path_number(request, "office"))
    return reply(ClosingsOut(closings=[ClosingOut.of(one) for one in found]), headers=NO_STORE)


async def track_closing(request: web.Request) -> web.Response:
    office = path_number(request, "office")
    tracked = await request.app[REBOOKINGS].track(office, path_id(request, "closing"))
    contacts: dict[UUID, Contact] = {}
    if request[STAFF].may("person.read", office):
        contacts.update(await request.app[APPOINTMENTS].contacts([one.appointment_id for one in tracked.rebookings]))
    untold = await request.app[APPOINTMENTS].untold(tracked.asked)
    return reply(TrackingOut.of_all(tracked, contacts, untold), headers=NO_STORE)


async def take_time(request: web.Request) -> web.Response:
    wanted = await body(request, TakeIn)
    await request.app[REBOOKINGS].take(entry_of(request), wanted.office, wanted.starts_at)
    return await _entry(request)


async def cancel_for(request: web.Request) -> web.Response:
    await request.app[REBOOKINGS].cancel_for(entry_of(request))
    return await _entry(request)


async def show_rebooking(request: web.Request) -> web.Response:
    found = await request.app[REBOOKINGS].of_case(path_id(request, "appointment"))
    if found is None:
        raise NotFound
    return reply(RebookingOut.of(found[0], list(found[1])), headers=NO_STORE)


async def answer(request: web.Request) -> web.Response:
    given, ident, rebookings = await body(request, AnswerIn), path_id(request, "appointment"), request.app[REBOOKINGS]
    if given.n is not None:
        await rebookings.accept(ident, given.n)
    elif given.answer == "other":
        await rebookings.decline(ident)
    else:
        await rebookings.cancel(ident)
    return await show_rebooking(request)


def entry_of(request: web.Request) -> Entry:
    """As the path names it."""
    return Entry(path_number(request, "office"), path_id(request, "closing"), path_id(request, "appointment"))


async def _entry(request: web.Request) -> web.Response:
    found, offered = await request.app[REBOOKINGS].entry(entry_of(request))
    return reply(RebookingOut.of(found, list(offered)), headers=NO_STORE)


def _members(one: Rebooking, offered: list[Offered]) -> dict[str, Any]:
    return {
        "appointment": one.appointment_id,
        "number": one.number,
        "status": one.status,
        "because": one.because,
        "closed_at": one.starts_at,
        "reason": one.reason,
        "starts_at": one.now_at,
        "answer_until": one.answer_until,
        "offered": [OfferedOut.of(each) for each in offered],
    }


_WHO = can("hours.change", "office")
_OFFICE = {"office": int}

ENDPOINTS = [
    Endpoint(
        method="POST",
        path=f"{_CLOSINGS}/preview",
        handler=preview_closing,
        who=_WHO,
        summary="Who would be affected by closing a counter or the office; nothing is changed",
        takes=StretchIn,
        params=_OFFICE,
        gives={200: PreviewOut},
        refuses=(NotFound, TimesImpossible, Invalid),
    ),
    Endpoint(
        method="POST",
        path=_CLOSINGS,
        handler=close,
        who=_WHO,
        summary="Close a counter or the office at once, with people in it: each is offered other times",
        takes=ClosingIn,
        params=_OFFICE,
        headers={"Idempotency-Key": True},
        gives={201: ClosingOut},
        refuses=(KeyNeeded, NotFound, NotOfThisOffice, TimesImpossible, Invalid),
    ),
    Endpoint(
        method="GET",
        path=_CLOSINGS,
        handler=list_closings,
        who=_WHO,
        summary="Closings of the office, newest first",
        params=_OFFICE,
        gives={200: ClosingsOut},
    ),
    Endpoint(
        method="GET",
        path=f"{_CLOSINGS}/{{closing}}",
        handler=track_closing,
        who=_WHO,
        summary="What has become of everybody affected",
        params=_OFFICE,
        gives={200: TrackingOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_ENTRY}/move",
        handler=take_time,
        who=_WHO,
        summary="To a time that was agreed on the telephone; may be repeated",
        takes=TakeIn,
        params=_OFFICE,
        gives={200: RebookingOut},
        refuses=(NotFound, NotOffered, SeveralParts, TimeGone, AnswerOver, HoldOver, HasArrived, NotMovable, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_ENTRY}/cancel",
        handler=cancel_for,
        who=_WHO,
        summary="Cancel, and pay all back; may be repeated",
        params=_OFFICE,
        gives={200: RebookingOut},
        refuses=(NotFound, AnswerOver, NotCancellable, BeingServed),
    ),
    Endpoint(
        method="GET",
        path=_ANSWER,
        handler=show_rebooking,
        who=CASE,
        summary="The times offered instead of one that the city has closed",
        gives={200: RebookingOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=_ANSWER,
        handler=answer,
        who=CASE,
        summary="Accept one of the times, ask for another, or cancel and get all back; may be repeated",
        takes=AnswerIn,
        gives={200: RebookingOut},
        refuses=(NotFound, AnswerOver, HoldOver, HasArrived, NotMovable, NotCancellable, BeingServed, Invalid),
    ),
]

"""Invitations over HTTP: for staff of an office, and for whoever comes by one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from base.errors import Invalid, NotFound, Unauthenticated
from base.web import ANYONE, INVITATION, NO_STORE, STAFF, Endpoint, body, can, path_id, path_number, query, reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.appointments.contact import Contact, Line
from booking.appointments.invited import InvitationOver, InvitationUsed
from booking.availability.endpoints import Day, KindOfMatter, Postcode, SlotsOut, Surname, who_of
from booking.availability.model import Who
from booking.availability.offering import NobodyResponsible, NotOffered
from booking.catalogue.model import Channel
from booking.holds.endpoints import HoldOut
from booking.holds.refusals import GivenOutByNeed, SlotTaken, StartNotOffered
from booking.invitations.model import LISTED_MOST, Invitation, InvitationStatus, Invited, Terms, Way
from booking.invitations.usecases import Invitations, InvitationUnknown, NotPrintable, Unreachable

INVITATIONS: web.AppKey[Invitations] = web.AppKey("INVITATIONS", Invitations)
Id = Annotated[int, Field(ge=1, lt=2**31)]
Reference = Annotated[Line, Field(description="The city's own, such as a file number; it stands on the letter")]
_OFFICE, _ONE = "/api/offices/{office}/invitations", "/api/offices/{office}/invitations/{invitation}"
_OWN = "/api/invitations/{invitation}"


class PersonIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    contact: Contact
    reference: Reference = ""

    @property
    def invited(self) -> Invited:
        return Invited(self.contact, self.reference)


class TermsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Id
    channel: Channel = Channel.ONSITE
    first_day: Day
    last_day: Day
    answer_by: Day = Field(description="The last day on which a time can be chosen")

    def terms(self, office_id: int) -> Terms:
        return Terms(
            office_id=office_id,
            service_id=self.service,
            channel=self.channel.value,
            first_day=self.first_day,
            last_day=self.last_day,
            answer_by=self.answer_by,
        )


class InvitationIn(TermsIn, PersonIn):
    pass


class InvitationListIn(TermsIn):
    people: list[PersonIn] = Field(min_length=1, max_length=LISTED_MOST)


class ListedOut(BaseModel):
    made: int
    known: int = Field(description="Invited to the same before, and not again")


class OfferedOut(BaseModel):
    """What the person sees."""

    id: UUID
    status: InvitationStatus
    service: int
    office: int
    channel: Channel
    first_day: date
    last_day: date
    answer_by: date
    name: str = Field(description="Empty once erased")

    @classmethod
    def of(cls, one: Invitation) -> OfferedOut:
        terms = one.terms
        return cls(
            id=one.id,
            status=one.status,
            service=terms.service_id,
            office=terms.office_id,
            channel=Channel(terms.channel),
            first_day=terms.first_day,
            last_day=terms.last_day,
            answer_by=terms.answer_by,
            name=one.invited.contact.name if one.invited else "",
        )


class InvitationOut(OfferedOut):
    way: Way = Field(description="How the link goes")
    reference: str
    made_at: datetime
    reminded_at: datetime | None
    is_told: bool = Field(description="False: the latest message could not be delivered")
    appointment: UUID | None = Field(description="Booked, or just being booked")

    @classmethod
    def of(cls, one: Invitation) -> InvitationOut:
        return cls(
            **OfferedOut.of(one).model_dump(),
            way=one.way,
            reference=one.invited.reference if one.invited else "",
            made_at=one.made_at,
            reminded_at=one.reminded_at,
            is_told=one.is_told,
            appointment=one.case_id,
        )


class InvitationsOut(BaseModel):
    invitations: list[InvitationOut]


class CodeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(max_length=100)] = Field(description="Of the letter, however it is typed")


class OpenedOut(BaseModel):
    id: UUID
    token: str = Field(description="Bearer token of the invitation")


class WhoQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    surname: Surname = ""
    postcode: Postcode = ""
    kind: KindOfMatter = ""

    @property
    def who(self) -> Who:
        return who_of(self.surname, self.postcode, self.kind)


class ChosenIn(WhoQuery):
    starts_at: AwareDatetime


async def make(request: web.Request) -> web.Response:
    key, wanted, office = idempotency_key(request), await body(request, InvitationIn), path_number(request, "office")
    made = await request.app[INVITATIONS].make(wanted.terms(office), wanted.invited, request[STAFF].account_id, key)
    return reply(InvitationOut.of(made), status=201, headers=NO_STORE)


async def make_all(request: web.Request) -> web.Response:
    wanted, office = await body(request, InvitationListIn), path_number(request, "office")
    people = [person.invited for person in wanted.people]
    done = await request.app[INVITATIONS].make_all(wanted.terms(office), people, request[STAFF].account_id)
    return reply(ListedOut(made=done.made, known=done.known), headers=NO_STORE)


async def list_of_office(request: web.Request) -> web.Response:
    found = await request.app[INVITATIONS].of_office(path_number(request, "office"))
    return reply(InvitationsOut(invitations=[InvitationOut.of(one) for one in found]), headers=NO_STORE)


async def withdraw(request: web.Request) -> web.Response:
    done = await request.app[INVITATIONS].withdraw(path_number(request, "office"), path_id(request, "invitation"))
    return reply(InvitationOut.of(done), headers=NO_STORE)


async def send_again(request: web.Request) -> web.Response:
    key, office, ident = idempotency_key(request), path_number(request, "office"), path_id(request, "invitation")
    return reply(InvitationOut.of(await request.app[INVITATIONS].send_again(office, ident, key)), headers=NO_STORE)


async def open_by_code(request: web.Request) -> web.Response:
    ident, token = await request.app[INVITATIONS].open((await body(request, CodeIn)).code)
    return reply(OpenedOut(id=ident, token=token), headers=NO_STORE)


async def show(request: web.Request) -> web.Response:
    return reply(OfferedOut.of(await request.app[INVITATIONS].get(path_id(request, "invitation"))), headers=NO_STORE)


async def list_slots(request: web.Request) -> web.Response:
    found = await request.app[INVITATIONS].slots(path_id(request, "invitation"), query(request, WhoQuery).who)
    return reply(SlotsOut.of(list(found)), headers=NO_STORE)


async def hold(request: web.Request) -> web.Response:
    key, chosen = idempotency_key(request), await body(request, ChosenIn)
    made = await request.app[INVITATIONS].hold(path_id(request, "invitation"), chosen.starts_at, key, chosen.who)
    return reply(HoldOut.of(made), status=201, headers={"Location": f"/api/holds/{made.id}", **NO_STORE})


_WHO, _KEY = can("invitation.make", "office"), {"Idempotency-Key": True}
_PARAMS = {"office": int, "invitation": UUID}

ENDPOINTS = [
    Endpoint(
        method="POST",
        path=_OFFICE,
        handler=make,
        who=_WHO,
        summary="Invite somebody by a personal link, good for one appointment",
        takes=InvitationIn,
        params={"office": int},
        headers=_KEY,
        gives={201: InvitationOut},
        refuses=(KeyNeeded, NotOffered, GivenOutByNeed, Unreachable, NotPrintable, Invalid),
    ),
    Endpoint(
        method="POST",
        path="/api/offices/{office}/invitation-lists",
        handler=make_all,
        who=_WHO,
        summary="Invite everybody of a list, or nobody where one is wrong; may be repeated: nobody is invited to the same twice",
        takes=InvitationListIn,
        params={"office": int},
        gives={200: ListedOut},
        refuses=(NotOffered, GivenOutByNeed, Invalid),
    ),
    Endpoint(
        method="GET",
        path=_OFFICE,
        handler=list_of_office,
        who=_WHO,
        summary="Invitations of the office, newest first, with what has become of each",
        params={"office": int},
        gives={200: InvitationsOut},
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/withdraw",
        handler=withdraw,
        who=_WHO,
        summary="Withdraw it: its link opens nothing any more; may be repeated",
        params=_PARAMS,
        gives={200: InvitationOut},
        refuses=(NotFound, InvitationUsed),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/send",
        handler=send_again,
        who=_WHO,
        summary="Send the link once more",
        params=_PARAMS,
        headers=_KEY,
        gives={200: InvitationOut},
        refuses=(KeyNeeded, NotFound, InvitationOver, InvitationUsed),
    ),
    Endpoint(
        method="POST",
        path="/api/invitations/open",
        handler=open_by_code,
        who=ANYONE,
        summary="Exchange the code of a letter for the invitation's token",
        takes=CodeIn,
        gives={200: OpenedOut},
        refuses=(InvitationUnknown, Invalid),
    ),
    Endpoint(
        method="GET",
        path=_OWN,
        handler=show,
        who=INVITATION,
        summary="What one is invited to, and what has become of it",
        params={"invitation": UUID},
        gives={200: OfferedOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="GET",
        path=f"{_OWN}/slots",
        handler=list_slots,
        who=INVITATION,
        summary="Free times within the invitation; none where it is over or used",
        query=WhoQuery,
        params={"invitation": UUID},
        gives={200: SlotsOut},
        refuses=(Unauthenticated, NotFound, NotOffered, NobodyResponsible, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_OWN}/holds",
        handler=hold,
        who=INVITATION,
        summary="Reserve one of these times; the appointment that is made of it uses the invitation",
        takes=ChosenIn,
        params={"invitation": UUID},
        headers=_KEY,
        gives={201: HoldOut},
        refuses=(
            KeyNeeded,
            Unauthenticated,
            NotFound,
            NotOffered,
            NobodyResponsible,
            GivenOutByNeed,
            InvitationOver,
            InvitationUsed,
            StartNotOffered,
            SlotTaken,
            Invalid,
        ),
    ),
]

"""The tills of an office and their drawers over HTTP: set up, opened, counted, closed. Amounts are integer cents of euros."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound
from base.web import NO_STORE, STAFF, Endpoint, body, can, path_id, path_number, reply
from base.web.repeating import KeyNeeded, idempotency_key
from payment.endpoints import TILLS
from payment.till.model import Drawer, DrawerProtocol, Method, Move
from payment.till.refusals import ClosedOtherwise, DifferenceUnexplained, DrawerOpen, NotBookedYet, OpeningUnexplained
from payment.till.usecases import TillState

KEYS = UUID("8a0f6c0e-5d62-4a86-b0a5-3a4f4e1e9d21")  # name space of what is made of a request's key
MAY_WORK, _MAY_CLOSE = can("till.work", "office"), can("till.close", "office")
Cents = Annotated[int, Field(ge=0, le=10_000_000)]


class DrawerOut(BaseModel):
    id: UUID
    till: int
    opened_at: datetime
    opened_by: str
    float_cents: int = Field(description="Counted at the opening")
    brought_cents: int = Field(description="Of it, change that came from the bank")
    opening_difference_cents: int = Field(description="More (positive) or less than the last closing left")
    opening_note: str | None = Field(description="Why")
    closed_at: datetime | None
    closed_by: str | None
    counted_cents: int | None
    expected_cents: int | None = Field(description="What the books say; told after it was counted")
    deposit_cents: int | None = Field(description="Of what was counted, to the bank")
    bag: str | None = Field(description="Number of the bag in which it goes there")
    note: str | None

    @classmethod
    def of(cls, one: Drawer) -> DrawerOut:
        return cls(
            id=one.id,
            till=one.till_id,
            opened_at=one.opened_at,
            opened_by=one.opened_name,
            float_cents=one.float_cents,
            brought_cents=one.brought_cents,
            opening_difference_cents=one.opening_difference_cents,
            opening_note=one.opening_note,
            closed_at=one.closed_at,
            closed_by=one.closed_name,
            counted_cents=one.counted_cents,
            expected_cents=one.expected_cents,
            deposit_cents=one.deposit_cents,
            bag=one.bag,
            note=one.note,
        )


class MoveOut(BaseModel):
    at: datetime
    method: Method
    cents: int = Field(description="Came (positive) or went")
    kassenzeichen: str
    payment: UUID
    receipt: str = Field(description="Year and number; empty before it has one")
    slip: str

    @classmethod
    def of(cls, one: Move) -> MoveOut:
        return cls(
            at=one.at,
            method=one.method,
            cents=one.cents,
            kassenzeichen=one.kassenzeichen,
            payment=one.payment_id,
            receipt=one.receipt,
            slip=one.slip,
        )


class ProtocolOut(DrawerOut):
    deposited_on: date | None = Field(description="When the bank booked the deposit; empty: not yet")
    moves: list[MoveOut]

    @classmethod
    def whole(cls, one: DrawerProtocol) -> ProtocolOut:
        moves = [MoveOut.of(move) for move in one.moves]
        return cls(**DrawerOut.of(one.drawer).model_dump(), deposited_on=one.deposited_on, moves=moves)


class TillOut(BaseModel):
    id: int
    name: str
    drawer: DrawerOut | None = Field(description="The open one")

    @classmethod
    def of(cls, one: TillState) -> TillOut:
        return cls(id=one.till.id, name=one.till.name, drawer=DrawerOut.of(one.drawer) if one.drawer else None)


class TillsOut(BaseModel):
    tills: list[TillOut]


class DrawersOut(BaseModel):
    drawers: list[DrawerOut] = Field(description="The youngest first")


class TillIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)]
    terminal: Annotated[str, Field(max_length=30)] = Field(
        default="", description="Number of its card terminal, as the operator repeats it on the bank's statement"
    )


class OpeningIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    float_cents: Cents
    brought_cents: Cents = 0
    note: Annotated[str, Field(max_length=500)] = Field(
        default="", description="Why it is not what the last closing left; needed where it differs"
    )


class ClosingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    counted_cents: Cents | None = Field(default=None, description="Or by `count`; both must agree")
    count: dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}$")], Annotated[int, Field(ge=0, le=100_000)]] = Field(
        default={}, max_length=15, description="How many of each note and coin, by its cents"
    )
    deposit_cents: Cents = 0
    bag: Annotated[str, Field(max_length=30)] = Field(
        default="", description="Number of the bag, as the bank repeats it"
    )
    note: Annotated[str, Field(max_length=500)] = Field(default="", description="Why it differs from the books")


async def list_tills(request: web.Request) -> web.Response:
    found = await request.app[TILLS].at_office(path_number(request, "office"))
    return reply(TillsOut(tills=[TillOut.of(one) for one in found]), headers=NO_STORE)


async def set_up(request: web.Request) -> web.Response:
    office = path_number(request, "office")
    wanted = await body(request, TillIn)
    ident = await request.app[TILLS].set_up(office, wanted.name, wanted.terminal)
    return reply(TillOut.of(await request.app[TILLS].till(office, ident)), status=201, headers=NO_STORE)


async def list_drawers(request: web.Request) -> web.Response:
    found = await request.app[TILLS].drawers(path_number(request, "office"))
    return reply(DrawersOut(drawers=[DrawerOut.of(one.drawer) for one in found]), headers=NO_STORE)


async def show_drawer(request: web.Request) -> web.Response:
    found = await request.app[TILLS].protocol(path_number(request, "office"), path_id(request, "drawer"))
    return reply(ProtocolOut.whole(found), headers=NO_STORE)


async def open_drawer(request: web.Request) -> web.Response:
    key, at = idempotency_key(request), await till_of(request)
    wanted = await body(request, OpeningIn)
    drawer = await request.app[TILLS].open_drawer(
        at.till,
        float_cents=wanted.float_cents,
        brought_cents=wanted.brought_cents,
        note=wanted.note,
        by=request[STAFF].account_id,
        key=uuid5(KEYS, f"open {at.till.id} {key}"),
    )
    return reply(DrawerOut.of(drawer), status=201, headers=NO_STORE)


async def close_drawer(request: web.Request) -> web.Response:
    office, ident = path_number(request, "office"), path_id(request, "drawer")
    wanted, tills = await body(request, ClosingIn), request.app[TILLS]
    protocol = await tills.protocol(office, ident)
    await tills.close_drawer(
        protocol.till,
        ident,
        counted_cents=wanted.counted_cents,
        count=wanted.count,
        deposit_cents=wanted.deposit_cents,
        bag=wanted.bag,
        note=wanted.note,
        by=request[STAFF].account_id,
    )
    return reply(ProtocolOut.whole(await tills.protocol(office, ident)), headers=NO_STORE)


async def till_of(request: web.Request) -> TillState:
    return await request.app[TILLS].till(path_number(request, "office"), path_number(request, "till"))


_OFFICE = "/api/offices/{office}"
TILL = f"{_OFFICE}/tills/{{till}}"
_AT_OFFICE = {"office": int}
AT_TILL = {**_AT_OFFICE, "till": int}
KEY = {"Idempotency-Key": True}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=f"{_OFFICE}/tills",
        handler=list_tills,
        who=MAY_WORK,
        summary="The tills of an office and their open drawers",
        params=_AT_OFFICE,
        gives={200: TillsOut},
    ),
    Endpoint(
        method="POST",
        path=f"{_OFFICE}/tills",
        handler=set_up,
        who=_MAY_CLOSE,
        summary="Set up another till",
        params=_AT_OFFICE,
        takes=TillIn,
        gives={201: TillOut},
        refuses=(NotFound, Invalid),
    ),
    Endpoint(
        method="GET",
        path=f"{_OFFICE}/drawers",
        handler=list_drawers,
        who=MAY_WORK,
        summary="The drawers of an office, open and closed",
        params=_AT_OFFICE,
        gives={200: DrawersOut},
    ),
    Endpoint(
        method="GET",
        path=f"{_OFFICE}/drawers/{{drawer}}",
        handler=show_drawer,
        who=MAY_WORK,
        summary="A drawer's protocol",
        params={**_AT_OFFICE, "drawer": UUID},
        gives={200: ProtocolOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_OFFICE}/drawers/{{drawer}}/close",
        handler=close_drawer,
        who=_MAY_CLOSE,
        summary="Count and close a drawer; may be repeated",
        params={**_AT_OFFICE, "drawer": UUID},
        takes=ClosingIn,
        gives={200: ProtocolOut},
        refuses=(NotFound, Invalid, DifferenceUnexplained, NotBookedYet, ClosedOtherwise),
    ),
    Endpoint(
        method="POST",
        path=f"{TILL}/drawer",
        handler=open_drawer,
        who=MAY_WORK,
        summary="Count and open the drawer of a till",
        params=AT_TILL,
        takes=OpeningIn,
        headers=KEY,
        gives={201: DrawerOut},
        refuses=(KeyNeeded, NotFound, Invalid, DrawerOpen, OpeningUnexplained),
    ),
]

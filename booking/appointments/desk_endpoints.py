"""The till over HTTP: its drawer, what is to be paid, money taken and given back; and what a kiosk without a cashier may do of it.

Amounts are integer cents of euros. No name and no contact is in any answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound
from base.web import NO_STORE, SETTINGS, STAFF, Endpoint, body, can, path_id, path_number, query, reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.appointments.at_till import PaymentUnderWay
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, Brief
from payment.context import PaymentUnavailable
from payment.endpoints import RECONCILIATION, TILLS
from payment.model import PaymentStatus
from payment.till.model import COUNTER, CounterStatus, Drawer, DrawerProtocol, Method, Move
from payment.till.usecases import (
    DifferenceUnexplained,
    DrawerClosed,
    DrawerOpen,
    GivenAlready,
    NotAtTill,
    NotBookedYet,
    TakenAlready,
    Taking,
    TillState,
)

_KEYS = UUID("8a0f6c0e-5d62-4a86-b0a5-3a4f4e1e9d21")  # name space of what is made of a request's key
_ENDED = (PaymentStatus.FENCED, PaymentStatus.LAPSED)
_MAY_WORK, _MAY_CLOSE, _MAY_KIOSK = can("till.work", "office"), can("till.close", "office"), can("till.kiosk", "office")
Cents = Annotated[int, Field(ge=0, le=10_000_000)]


class DrawerOut(BaseModel):
    id: UUID
    till: int
    opened_at: datetime
    opened_by: str
    float_cents: int = Field(description="Counted at the opening")
    brought_cents: int = Field(description="Of it, change that came from the bank")
    closed_at: datetime | None
    closed_by: str | None
    counted_cents: int | None
    expected_cents: int | None = Field(description="What the books say; told after it was counted")
    deposit_cents: int | None = Field(description="Of what was counted, to the bank")
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
            closed_at=one.closed_at,
            closed_by=one.closed_name,
            counted_cents=one.counted_cents,
            expected_cents=one.expected_cents,
            deposit_cents=one.deposit_cents,
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
    moves: list[MoveOut]

    @classmethod
    def whole(cls, one: DrawerProtocol) -> ProtocolOut:
        return cls(**DrawerOut.of(one.drawer).model_dump(), moves=[MoveOut.of(move) for move in one.moves])


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


class OpeningIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    float_cents: Cents
    brought_cents: Cents = 0


class ClosingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    counted_cents: Cents | None = Field(default=None, description="Or by `count`; both must agree")
    count: dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}$")], Annotated[int, Field(ge=0, le=100_000)]] = Field(
        default={}, max_length=15, description="How many of each note and coin, by its cents"
    )
    deposit_cents: Cents = 0
    note: Annotated[str, Field(max_length=500)] = Field(default="", description="Why it differs from the books")


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=80)] = Field(
        description="Number of the appointment, or Kassenzeichen"
    )


class RefundAtTillOut(BaseModel):
    id: UUID
    cents: int


class PayableOut(BaseModel):
    id: UUID = Field(description="Of the payment")
    kassenzeichen: str
    cents: int
    state: Literal["to_pay", "paid", "elsewhere", "over"] = Field(
        description="elsewhere: begun online; over: nothing can come of it"
    )
    number: str | None = Field(description="Of the appointment")
    service: dict[str, str] | None
    starts_at: datetime | None
    change_cents: int = Field(description="Of cash that was handed over, to be given back")
    refunds: list[RefundAtTillOut] = Field(description="Released, and waiting for their payer")

    @classmethod
    def of(cls, one: Taking, brief: Brief | None) -> PayableOut:
        return cls(
            id=one.payment.id,
            kassenzeichen=one.payment.kassenzeichen,
            cents=one.payment.amount_cents,
            state=_state(one),
            number=brief.number if brief else None,
            service=dict(brief.service) if brief else None,
            starts_at=brief.starts_at if brief else None,
            change_cents=one.session.change_cents if one.session else 0,
            refunds=[RefundAtTillOut(id=refund.refund_id, cents=refund.amount_cents) for refund in one.refunds],
        )


class PayablesOut(BaseModel):
    payments: list[PayableOut]
    appointment: UUID | None = Field(description="Whose fee is owed and of which no payment is begun: begin it here")


class TakeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Method
    given_cents: Cents | None = Field(default=None, description="Cash that was handed over")
    slip: Annotated[str, Field(max_length=40)] = Field(default="", description="The terminal's number of the payment")


class GiveIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Method


class GivenOut(BaseModel):
    id: UUID
    status: str


class KioskIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=80)] = Field(
        description="Number of the appointment or Kassenzeichen, typed or read from the QR code"
    )


class KioskOut(BaseModel):
    id: UUID = Field(description="Of the payment")
    kassenzeichen: str
    cents: int
    state: Literal["to_pay", "paid"]


class SlipIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    slip: Annotated[str, Field(min_length=1, max_length=40)] = Field(description="The terminal's number of the payment")


async def list_tills(request: web.Request) -> web.Response:
    found = await request.app[TILLS].at_office(path_number(request, "office"))
    return reply(TillsOut(tills=[TillOut.of(one) for one in found]), headers=NO_STORE)


async def set_up(request: web.Request) -> web.Response:
    office = path_number(request, "office")
    ident = await request.app[TILLS].set_up(office, (await body(request, TillIn)).name)
    return reply(TillOut.of(await request.app[TILLS].till(office, ident)), status=201, headers=NO_STORE)


async def list_drawers(request: web.Request) -> web.Response:
    found = await request.app[TILLS].drawers(path_number(request, "office"))
    return reply(DrawersOut(drawers=[DrawerOut.of(one.drawer) for one in found]), headers=NO_STORE)


async def show_drawer(request: web.Request) -> web.Response:
    found = await request.app[TILLS].protocol(path_number(request, "office"), path_id(request, "drawer"))
    return reply(ProtocolOut.whole(found), headers=NO_STORE)


async def open_drawer(request: web.Request) -> web.Response:
    key, at = idempotency_key(request), await _till(request)
    wanted = await body(request, OpeningIn)
    drawer = await request.app[TILLS].open_drawer(
        at.till,
        float_cents=wanted.float_cents,
        brought_cents=wanted.brought_cents,
        by=request[STAFF].account_id,
        key=uuid5(_KEYS, f"open {at.till.id} {key}"),
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
        note=wanted.note,
        by=request[STAFF].account_id,
    )
    return reply(ProtocolOut.whole(await tills.protocol(office, ident)), headers=NO_STORE)


async def find(request: web.Request) -> web.Response:
    await _till(request)
    takings, case_id = await _found(request, query(request, Wanted).q)
    return reply(PayablesOut(payments=await _payables(request, takings), appointment=case_id), headers=NO_STORE)


async def begin(request: web.Request) -> web.Response:
    """What was begun online is made impossible first."""
    await _till(request)
    return reply(await _begun(request, path_id(request, "appointment")), headers=NO_STORE)


async def take(request: web.Request) -> web.Response:
    key, at = idempotency_key(request), await _till(request)
    wanted, ident = await body(request, TakeIn), path_id(request, "payment")
    taking = await request.app[TILLS].take(
        at.till,
        ident,
        wanted.method,
        given_cents=wanted.given_cents,
        slip=wanted.slip,
        key=uuid5(_KEYS, f"take {ident} {key}"),
    )
    return reply((await _payables(request, [taking]))[0], headers=NO_STORE)


async def give_back(request: web.Request) -> web.Response:
    at, wanted = await _till(request), await body(request, GiveIn)
    refund = await request.app[TILLS].give_back(at.till, path_id(request, "refund"), wanted.method)
    return reply(GivenOut(id=refund.id, status=refund.status.value), headers=NO_STORE)


async def leave_to_transfer(request: web.Request) -> web.Response:
    await _till(request)
    refund = await request.app[TILLS].leave_to_transfer(path_id(request, "refund"))
    return reply(GivenOut(id=refund.id, status=refund.status.value), headers=NO_STORE)


async def ask_at_kiosk(request: web.Request) -> web.Response:
    await _till(request)
    takings, case_id = await _found(request, (await body(request, KioskIn)).q)
    if case_id is not None:
        made = await _begun(request, case_id)
        return reply(_at_kiosk(made), headers=NO_STORE)
    due = [one for one in await _payables(request, takings) if one.state in ("to_pay", "paid")]
    if not due:
        raise NotFound
    return reply(_at_kiosk(due[0]), headers=NO_STORE)


async def taken_at_kiosk(request: web.Request) -> web.Response:
    key, at = idempotency_key(request), await _till(request)
    wanted, ident = await body(request, SlipIn), path_id(request, "payment")
    taking = await request.app[TILLS].take(
        at.till, ident, Method.TERMINAL, slip=wanted.slip, key=uuid5(_KEYS, f"take {ident} {key}")
    )
    return reply(_at_kiosk((await _payables(request, [taking]))[0]), headers=NO_STORE)


async def _till(request: web.Request) -> TillState:
    return await request.app[TILLS].till(path_number(request, "office"), path_number(request, "till"))


async def _found(request: web.Request, asked: str) -> tuple[list[Taking], UUID | None]:
    """Payments, those to be paid first; and the appointment of which none is begun."""
    appointments, reconciliation, asked = request.app[APPOINTMENTS], request.app[RECONCILIATION], asked.strip()
    ids = list(await reconciliation.find(asked)) if asked.upper().startswith("RF") else []
    case_id = await appointments.find_by_number(asked)
    if case_id is not None:
        for reference in await appointments.references(case_id):
            ids += [one for one in await reconciliation.of_reference(reference) if one not in ids]
    takings = await request.app[TILLS].payments(ids)
    own = [one.payment for one in takings if one.payment.reference == case_id]
    if case_id is None or any(one.status not in _ENDED for one in own):
        return takings, None
    case = await appointments.case(case_id)
    is_due = (case.status is AppointmentStatus.HELD and case.fee) or case.due_at_till
    return takings, case_id if is_due else None


async def _begun(request: web.Request, appointment_id: UUID) -> PayableOut:
    case = await request.app[APPOINTMENTS].case(appointment_id)
    url = f"{request.app[SETTINGS].public_url}/{case.language}/appointments/{appointment_id}/paid"
    payment = await request.app[APPOINTMENTS].pay_at_till(appointment_id, url)
    if payment is None:
        raise NotAtTill
    return (await _payables(request, await request.app[TILLS].payments([payment.id])))[0]


async def _payables(request: web.Request, takings: list[Taking]) -> list[PayableOut]:
    briefs = await request.app[APPOINTMENTS].briefs([one.payment.reference for one in takings])
    return [PayableOut.of(one, briefs.get(one.payment.reference)) for one in takings]


def _state(one: Taking) -> Literal["to_pay", "paid", "elsewhere", "over"]:
    if one.payment.status is PaymentStatus.PAID:
        return "paid"
    if one.payment.status in _ENDED:
        return "over"
    is_here = one.payment.provider == COUNTER and one.session is not None
    return "to_pay" if is_here and one.session is not None and one.session.status is CounterStatus.OPEN else "elsewhere"


def _at_kiosk(one: PayableOut) -> KioskOut:
    """Neither what for nor when: whoever stands there may have guessed the number."""
    if one.state not in ("to_pay", "paid"):
        raise NotAtTill
    state: Literal["to_pay", "paid"] = "paid" if one.state == "paid" else "to_pay"
    return KioskOut(id=one.id, kassenzeichen=one.kassenzeichen, cents=one.cents, state=state)


_OFFICE = "/api/offices/{office}"
_TILL, _KIOSK = f"{_OFFICE}/tills/{{till}}", f"{_OFFICE}/kiosks/{{till}}"
_AT_OFFICE = {"office": int}
_AT_TILL = {**_AT_OFFICE, "till": int}
_KEY = {"Idempotency-Key": True}
_BEGINNING = (NotFound, HoldOver, PaymentUnderWay, PaymentUnavailable, NotAtTill)
_TAKING = (KeyNeeded, NotFound, Invalid, NotAtTill, TakenAlready, DrawerClosed)

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=f"{_OFFICE}/tills",
        handler=list_tills,
        who=_MAY_WORK,
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
        who=_MAY_WORK,
        summary="The drawers of an office, open and closed",
        params=_AT_OFFICE,
        gives={200: DrawersOut},
    ),
    Endpoint(
        method="GET",
        path=f"{_OFFICE}/drawers/{{drawer}}",
        handler=show_drawer,
        who=_MAY_WORK,
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
        refuses=(NotFound, Invalid, DifferenceUnexplained, NotBookedYet),
    ),
    Endpoint(
        method="POST",
        path=f"{_TILL}/drawer",
        handler=open_drawer,
        who=_MAY_WORK,
        summary="Count and open the drawer of a till",
        params=_AT_TILL,
        takes=OpeningIn,
        headers=_KEY,
        gives={201: DrawerOut},
        refuses=(KeyNeeded, NotFound, Invalid, DrawerOpen),
    ),
    Endpoint(
        method="GET",
        path=f"{_TILL}/payments",
        handler=find,
        who=_MAY_WORK,
        summary="What is to be paid or was, by the number of an appointment or by Kassenzeichen",
        params=_AT_TILL,
        query=Wanted,
        gives={200: PayablesOut},
        refuses=(NotFound, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_TILL}/appointments/{{appointment}}",
        handler=begin,
        who=_MAY_WORK,
        summary="The fee of a reserved time is to be paid here; what was begun online ends first; may be repeated",
        params={**_AT_TILL, "appointment": UUID},
        gives={200: PayableOut},
        refuses=_BEGINNING,
    ),
    Endpoint(
        method="POST",
        path=f"{_TILL}/payments/{{payment}}/take",
        handler=take,
        who=_MAY_WORK,
        summary="Take the money, in cash or by card",
        params={**_AT_TILL, "payment": UUID},
        takes=TakeIn,
        headers=_KEY,
        gives={200: PayableOut},
        refuses=_TAKING,
    ),
    Endpoint(
        method="POST",
        path=f"{_TILL}/refunds/{{refund}}/give",
        handler=give_back,
        who=_MAY_WORK,
        summary="Give released money back to its payer",
        params={**_AT_TILL, "refund": UUID},
        takes=GiveIn,
        gives={200: GivenOut},
        refuses=(NotFound, Invalid, DrawerClosed, GivenAlready),
    ),
    Endpoint(
        method="POST",
        path=f"{_TILL}/refunds/{{refund}}/transfer",
        handler=leave_to_transfer,
        who=_MAY_WORK,
        summary="Its payer does not come: it is transferred; may be repeated",
        params={**_AT_TILL, "refund": UUID},
        gives={200: GivenOut},
        refuses=(NotFound, GivenAlready),
    ),
    Endpoint(
        method="POST",
        path=f"{_KIOSK}/payments",
        handler=ask_at_kiosk,
        who=_MAY_KIOSK,
        summary="What is to be paid at this kiosk; what was begun online ends first; may be repeated",
        params=_AT_TILL,
        takes=KioskIn,
        gives={200: KioskOut},
        refuses=(Invalid, *_BEGINNING),
    ),
    Endpoint(
        method="POST",
        path=f"{_KIOSK}/payments/{{payment}}/taken",
        handler=taken_at_kiosk,
        who=_MAY_KIOSK,
        summary="The terminal has taken the money; what is refused must be given back there",
        params={**_AT_TILL, "payment": UUID},
        takes=SlipIn,
        headers=_KEY,
        gives={200: KioskOut},
        refuses=_TAKING,
    ),
]

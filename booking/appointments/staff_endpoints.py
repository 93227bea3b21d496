"""What a caller's appointment needs of staff, over HTTP: found by the number that is read out, moved, cancelled."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound, Unauthenticated
from base.money import Money
from base.web import CLOCK, NO_STORE, SETTINGS, STAFF, Endpoint, body, can, path_number, reply
from booking.appointments.endpoints import APPOINTMENTS, MOVE_REFUSALS, AppointmentMoved, AppointmentOut, CancelIn
from booking.appointments.lifecycle import BeingServed, NotCancellable, RefundDiffers, TooLate
from booking.appointments.model import Case
from booking.holds.endpoints import HOLDS


class MoveForIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    hold: UUID = Field(description="The new time, reserved by staff or by anybody")
    hold_token: Annotated[str, Field(max_length=200)] = Field(description="Token of that hold")


async def show(request: web.Request) -> web.Response:
    return reply(_out(request, await _case(request)), headers=NO_STORE)


async def cancel(request: web.Request) -> web.Response:
    """By the policy stored at booking, as if the person had done it."""
    wanted = await body(request, CancelIn) if request.body_exists else CancelIn()
    case = await _case(request)
    shown = None if wanted.refund_cents is None else Money(wanted.refund_cents, case.fee.currency)
    cancelled = await request.app[APPOINTMENTS].cancel(case.id, shown, by=request[STAFF].account_id)
    return reply(_out(request, cancelled), headers=NO_STORE)


async def move(request: web.Request) -> web.Response:
    wanted = await body(request, MoveForIn)
    if not await request.app[HOLDS].authorise(wanted.hold, wanted.hold_token):
        raise Unauthenticated
    appointments, case = request.app[APPOINTMENTS], await _case(request)
    back = f"{request.app[SETTINGS].public_url}/{case.language}/appointments/{case.id}/moved/{wanted.hold}"
    pay_url = await appointments.move(case.id, wanted.hold, back, by=request[STAFF].account_id)
    moved = _out(request, await appointments.case(case.id))
    return reply(AppointmentMoved(**moved.model_dump(), pay_url=pay_url), headers=NO_STORE)


async def _case(request: web.Request) -> Case:
    return await request.app[APPOINTMENTS].at_office(path_number(request, "office"), request.match_info["number"])


def _out(request: web.Request, case: Case) -> AppointmentOut:
    """Who comes is for those only who may read it."""
    found = AppointmentOut.of(case, request.app[CLOCK]())
    if request[STAFF].may("person.read", path_number(request, "office")):
        return found
    return found.model_copy(update={"contact": None, "answers": {}})


_WHO = can("hold.staff", "office")
_ONE = "/api/offices/{office}/appointments/{number}"
_PARAMS = {"office": int, "number": str}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_ONE,
        handler=show,
        who=_WHO,
        summary="An appointment of the office by the number that its person reads out",
        params=_PARAMS,
        gives={200: AppointmentOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/cancel",
        handler=cancel,
        who=_WHO,
        summary="Cancel for the person, with the refund that the policy gives; may be repeated",
        params=_PARAMS,
        takes=CancelIn,
        gives={200: AppointmentOut},
        refuses=(NotFound, TooLate, BeingServed, NotCancellable, RefundDiffers, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/move",
        handler=move,
        who=_WHO,
        summary="Move it for the person to a reserved time of the same service; may be repeated",
        params=_PARAMS,
        takes=MoveForIn,
        gives={200: AppointmentMoved},
        refuses=MOVE_REFUSALS,
    ),
]

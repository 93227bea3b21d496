"""What a kiosk without a cashier may do over HTTP: say what is to be paid, and tell what its terminal has taken. Integer cents of euros."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import Invalid, NotFound
from base.web import NO_STORE, Endpoint, body, can, path_id, reply
from base.web.repeating import idempotency_key
from booking.appointments.desk_endpoints import BEGINNING, TAKING, PayableOut, begun, found, payables
from payment.endpoints import TILLS
from payment.till.endpoints import AT_TILL, KEY, KEYS, till_of
from payment.till.model import Method
from payment.till.refusals import NotAtTill

_KIOSK = "/api/offices/{office}/kiosks/{till}"
_MAY_KIOSK = can("till.kiosk", "office")


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


async def ask_at_kiosk(request: web.Request) -> web.Response:
    await till_of(request)
    takings, case_id = await found(request, (await body(request, KioskIn)).q)
    if case_id is not None:
        made = await begun(request, case_id)
        return reply(_at_kiosk(made), headers=NO_STORE)
    due = [one for one in await payables(request, takings) if one.state in ("to_pay", "paid")]
    if not due:
        raise NotFound
    return reply(_at_kiosk(due[0]), headers=NO_STORE)


async def taken_at_kiosk(request: web.Request) -> web.Response:
    key, at = idempotency_key(request), await till_of(request)
    wanted, ident = await body(request, SlipIn), path_id(request, "payment")
    taking = await request.app[TILLS].take(
        at.till, ident, Method.TERMINAL, slip=wanted.slip, key=uuid5(KEYS, f"take {ident} {key}")
    )
    return reply(_at_kiosk((await payables(request, [taking]))[0]), headers=NO_STORE)


def _at_kiosk(one: PayableOut) -> KioskOut:
    """Neither what for nor when: whoever stands there may have guessed the number."""
    if one.state not in ("to_pay", "paid"):
        raise NotAtTill
    state: Literal["to_pay", "paid"] = "paid" if one.state == "paid" else "to_pay"
    return KioskOut(id=one.id, kassenzeichen=one.kassenzeichen, cents=one.cents, state=state)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path=f"{_KIOSK}/payments",
        handler=ask_at_kiosk,
        who=_MAY_KIOSK,
        summary="What is to be paid at this kiosk; what was begun online ends first; may be repeated",
        params=AT_TILL,
        takes=KioskIn,
        gives={200: KioskOut},
        refuses=(Invalid, *BEGINNING),
    ),
    Endpoint(
        method="POST",
        path=f"{_KIOSK}/payments/{{payment}}/taken",
        handler=taken_at_kiosk,
        who=_MAY_KIOSK,
        summary="The terminal has taken the money; what is refused must be given back there",
        params={**AT_TILL, "payment": UUID},
        takes=SlipIn,
        headers=KEY,
        gives={200: KioskOut},
        refuses=TAKING,
    ),
]

"""Cases over HTTP. The token of a hold makes a case; the case has its own token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from base.errors import FieldError, Invalid, NotFound, Unauthenticated
from base.i18n import mark as _
from base.idempotency import KeyReused
from base.money import Money
from base.web import (
    ANYONE,
    CASE,
    CLOCK,
    NO_STORE,
    SETTINGS,
    Endpoint,
    bearer,
    body,
    can,
    path_id,
    path_number,
    reply,
    text_reply,
)
from base.web.repeating import KeyNeeded, idempotency_key
from booking.appointments.by_name import ByName
from booking.appointments.contact import Contact
from booking.appointments.erasing import NotOver
from booking.appointments.for_staff import NobodyToAsk, NothingToPay
from booking.appointments.invited import InvitationOver, InvitationUsed, OutsideInvitation
from booking.appointments.lifecycle import BeingServed, HoldOver, NotCancellable, RefundDiffers, TooLate
from booking.appointments.making import NumberNeeded
from booking.appointments.model import Case, Created, Reconfirm, Waiting
from booking.appointments.moving import (
    CallOver,
    HasArrived,
    MoveWaits,
    NoNumber,
    NotMovable,
    OtherService,
    PriceDiffers,
    TooManyMoves,
)
from booking.appointments.per_contact import ContactNeeded, ContactUsedUp
from booking.appointments.reading import NotConfirmed
from booking.appointments.reconfirming import NotAsked
from booking.appointments.responsible import NotResponsible
from booking.appointments.till_holds import TillHolds
from booking.appointments.twins import AnotherBooked, LimitReached
from booking.appointments.usecases import Appointments, NothingRejected
from booking.catalogue.model import Channel
from booking.catalogue.questions import MOST_LETTERS
from booking.holds.endpoints import HOLDS, ItemOut, MoneyOut
from booking.holds.refusals import HoldInUse
from payment.approving import PaymentDisputed, RefundedMeanwhile
from payment.context import PaymentUnavailable

BY_NAME: web.AppKey[ByName] = web.AppKey("BY_NAME", ByName)
APPOINTMENTS: web.AppKey[Appointments] = web.AppKey("APPOINTMENTS", Appointments)
TILL_HOLDS: web.AppKey[TillHolds] = web.AppKey("TILL_HOLDS", TillHolds)


class AppointmentIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    hold: UUID
    contact: Contact
    answers: dict[Annotated[int, Field(ge=1, lt=2**31)], Annotated[str, Field(max_length=MOST_LETTERS)]] = Field(
        default_factory=dict,
        max_length=100,
        description="To the questions of the services, by their `id`; a wrong one is told as `/answers/<id>`",
    )
    asks_first: bool = Field(
        default=False, description="Refuse (`another_booked`) where this person has booked the service already"
    )


class RefundOut(BaseModel):
    cents: int
    currency: str
    status: str
    waits_for_dispute: bool = Field(description="Not before the payer's bank has decided about their dispute")


class RefundStepOut(BaseModel):
    until: datetime
    percent: int = Field(description="Of the fee, to whoever cancels until then; after the last step nothing")


class ReconfirmOut(BaseModel):
    status: Literal["asked", "kept", "lapsed", "released"]
    answer_by: datetime
    releases: bool = Field(description="Who does not answer until then gives the time up")

    @classmethod
    def of(cls, asked: Reconfirm) -> ReconfirmOut:
        return cls(status=asked.status.value, answer_by=asked.answer_by, releases=asked.releases)


class WaitingOut(BaseModel):
    hold: UUID
    starts_at: datetime
    hold_until: datetime
    difference: MoneyOut

    @classmethod
    def of(cls, waiting: Waiting) -> WaitingOut:
        return cls(
            hold=waiting.hold_id,
            starts_at=waiting.starts_at,
            hold_until=waiting.hold_until,
            difference=MoneyOut(cents=waiting.difference.cents, currency=waiting.difference.currency),
        )


class AppointmentOut(BaseModel):
    id: UUID
    number: str = Field(description="To read out; authorises nothing")
    status: str
    service: int
    office: int
    channel: Channel
    language: str
    starts_at: datetime
    ends_at: datetime
    hold_until: datetime | None = Field(description="Until then the time is kept; null once that is decided")
    fee: MoneyOut = Field(description="To be paid: without what reductions take off")
    reduced: MoneyOut = Field(description="What they take off; with `fee` it is the whole fee")
    items: list[ItemOut] = Field(description="What the visit is for, in its order")
    due_at_till: MoneyOut | None = Field(description="Booked without being paid: what a till takes; null: nothing")
    payment: str | None = Field(description="Status of the payment; null before it is asked for")
    refunds: list[RefundOut] = Field(
        description="`requested`: large, so a person checks it first; `rejected`: they have"
    )
    refund_rejected_because: str = Field(description="Why, where it stays rejected")
    refund_if_cancelled: MoneyOut | None = Field(description="If it is cancelled now; null: nothing is paid or booked")
    is_disputed: bool = Field(
        description="The payer has asked their bank for the money back: until that is decided nothing is returned"
    )
    refund_steps: list[RefundStepOut] = Field(description="By the rule stored at booking")
    reconfirm: ReconfirmOut | None = Field(description="Whether its person comes, where that was asked")
    moves_left: int = Field(description="How often it may still be given another time")
    waiting: WaitingOut | None = Field(description="A dearer time to which it moves once the difference is paid")
    contact: Contact | None = Field(description="null once it was erased")
    answers: dict[int, str] = Field(description="By the id of the question; empty once they were deleted")

    @classmethod
    def of(cls, case: Case, now: datetime) -> AppointmentOut:
        return cls(**_members(case, now))


class AppointmentMade(AppointmentOut):
    token: str = Field(description="Bearer token of this appointment, also the last part of its link")

    @classmethod
    def made(cls, created: Created, now: datetime) -> AppointmentMade:
        return cls(**_members(created.case, now), token=created.token)


class CancelIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    refund_cents: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="What was shown as given back: with another amount nothing is cancelled"
    )


class TwinOut(BaseModel):
    id: UUID
    number: str
    starts_at: datetime


class DuplicatesOut(BaseModel):
    duplicates: list[list[TwinOut]] = Field(description="Of one person and one service each, the earliest first")


class CheckoutIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    return_url: Annotated[str, Field(max_length=500, pattern=r"^https?://[!-~]+$")] | None = Field(
        default=None,
        description="Where the payer goes from the provider's page: an https address, or one of this server. "
        "By default the appointment's page here, which asks for the cookie of our own pages. "
        "Once a payment is under way its first address stays.",
    )


class MoveIn(CheckoutIn):
    hold: UUID = Field(description="The new time, reserved as for a new appointment")
    hold_token: Annotated[str, Field(max_length=200)] = Field(description="Token of that hold")


class AppointmentMoved(AppointmentOut):
    pay_url: str | None = Field(description="Where the difference is paid, upon which it moves; null: it has moved")


class CheckoutOut(BaseModel):
    status: str
    pay_url: str | None = Field(description="Where to pay; null: nothing to pay, or the payment is under way")


async def create_appointment(request: web.Request) -> web.Response:
    key = idempotency_key(request)
    wanted = await body(request, AppointmentIn)
    token = bearer(request, "hold", wanted.hold)  # the hold stands in the body, so the access rule cannot know it
    if token is None or not await request.app[HOLDS].authorise(wanted.hold, token):
        raise Unauthenticated
    created = await request.app[APPOINTMENTS].create(
        wanted.hold, wanted.contact, key, answers=wanted.answers, asks_first=wanted.asks_first
    )
    headers = {"Location": f"/api/appointments/{created.case.id}", **NO_STORE}
    return reply(AppointmentMade.made(created, request.app[CLOCK]()), status=201, headers=headers)


async def show_appointment(request: web.Request) -> web.Response:
    case = await request.app[APPOINTMENTS].case(path_id(request, "appointment"))
    return reply(AppointmentOut.of(case, request.app[CLOCK]()), headers=NO_STORE)


async def list_duplicates(request: web.Request) -> web.Response:
    groups = await request.app[APPOINTMENTS].duplicates(path_number(request, "office"))
    found = [[TwinOut(id=one.id, number=one.number, starts_at=one.starts_at) for one in group] for group in groups]
    return reply(DuplicatesOut(duplicates=found), headers=NO_STORE)


async def check_out(request: web.Request) -> web.Response:
    appointments, ident = request.app[APPOINTMENTS], path_id(request, "appointment")
    wanted = await body(request, CheckoutIn) if request.body_exists else CheckoutIn()
    language = (await appointments.standing(ident)).language
    here = request.app[SETTINGS].public_url
    return_url = _checked(wanted.return_url, here) or f"{here}/{language}/appointments/{ident}/paid"
    try:
        pay_url = await appointments.pay(ident, return_url)
    except PaymentUnavailable:
        offered = await request.app[TILL_HOLDS].after_silence(ident)
        if offered is None:
            raise
        raise PaymentUnavailable(pay_at_till_until=offered.pay_by.isoformat()) from None
    status = (await appointments.standing(ident)).status
    return reply(CheckoutOut(status=status, pay_url=pay_url), headers=NO_STORE)


async def send_payment_link(request: web.Request) -> web.Response:
    ident = path_id(request, "appointment")
    await request.app[APPOINTMENTS].ask_to_pay(ident)
    case = await request.app[APPOINTMENTS].case(ident)
    return reply(AppointmentOut.of(case, request.app[CLOCK]()), headers=NO_STORE)


async def cancel_appointment(request: web.Request) -> web.Response:
    appointments, ident = request.app[APPOINTMENTS], path_id(request, "appointment")
    wanted = await body(request, CancelIn) if request.body_exists else CancelIn()
    shown = None
    if wanted.refund_cents is not None:
        shown = Money(wanted.refund_cents, (await appointments.case(ident)).fee.currency)
    case = await appointments.cancel(ident, shown)
    return reply(AppointmentOut.of(case, request.app[CLOCK]()), headers=NO_STORE)


async def keep_appointment(request: web.Request) -> web.Response:
    case = await request.app[APPOINTMENTS].keep(path_id(request, "appointment"))
    return reply(AppointmentOut.of(case, request.app[CLOCK]()), headers=NO_STORE)


async def ask_refund_anew(request: web.Request) -> web.Response:
    case = await request.app[APPOINTMENTS].ask_refund_anew(path_id(request, "appointment"))
    return reply(AppointmentOut.of(case, request.app[CLOCK]()), headers=NO_STORE)


async def erase_person(request: web.Request) -> web.Response:
    case = await request.app[APPOINTMENTS].erase(path_id(request, "appointment"))
    return reply(AppointmentOut.of(case, request.app[CLOCK]()), headers=NO_STORE)


async def move_appointment(request: web.Request) -> web.Response:
    wanted = await body(request, MoveIn)
    if not await request.app[HOLDS].authorise(wanted.hold, wanted.hold_token):
        raise Unauthenticated
    appointments, ident = request.app[APPOINTMENTS], path_id(request, "appointment")
    language = (await appointments.case(ident)).language
    here = request.app[SETTINGS].public_url
    return_url = _checked(wanted.return_url, here) or f"{here}/{language}/appointments/{ident}/moved/{wanted.hold}"
    pay_url = await appointments.move(ident, wanted.hold, return_url)
    case = await appointments.case(ident)
    return reply(AppointmentMoved(**_members(case, request.app[CLOCK]()), pay_url=pay_url), headers=NO_STORE)


async def stay_appointment(request: web.Request) -> web.Response:
    case = await request.app[APPOINTMENTS].stay(path_id(request, "appointment"))
    return reply(AppointmentOut.of(case, request.app[CLOCK]()), headers=NO_STORE)


async def calendar_file(request: web.Request) -> web.Response:
    raw = await request.app[APPOINTMENTS].calendar(path_id(request, "appointment"))
    headers = {"Content-Disposition": 'attachment; filename="appointment.ics"', **NO_STORE}
    return text_reply(raw, "text/calendar; charset=utf-8", headers)


def _checked(url: str | None, here: str) -> str | None:
    """What a client may name. The token of the case is never in it: the provider and its logs see this address."""
    if url is None:
        return None
    try:
        parts, own = urlsplit(url), urlsplit(here)
        is_ours = (parts.scheme, parts.hostname, parts.port) == (own.scheme, own.hostname, own.port)
        is_good = (is_ours or parts.scheme == "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:  # like a port that is none
        is_good = False
    if not is_good:
        sentence = _("This must be an https address, or one of this server.")
        raise Invalid([FieldError("/return_url", "return_url", sentence)])
    return url


def _money(amount: Money | None) -> MoneyOut | None:
    return MoneyOut(cents=amount.cents, currency=amount.currency) if amount is not None else None


def _members(case: Case, now: datetime) -> dict[str, Any]:
    return {
        "id": case.id,
        "number": case.number,
        "status": case.status.value,
        "service": case.service_id,
        "office": case.office_id,
        "channel": Channel(case.channel),
        "language": case.language,
        "starts_at": case.starts_at,
        "ends_at": case.ends_at,
        "hold_until": case.hold_until,
        "fee": MoneyOut(cents=case.fee.cents, currency=case.fee.currency),
        "reduced": MoneyOut(cents=case.reduced_cents, currency=case.fee.currency),
        "items": [ItemOut(service=item.service_id, quantity=item.quantity) for item in case.items],
        "due_at_till": _money(case.due_at_till or None),
        "payment": case.payment.status.value if case.payment else None,
        "refunds": [
            RefundOut(
                cents=refund.amount_cents,
                currency=case.fee.currency,
                status=refund.status.value,
                waits_for_dispute=case.waits_for_dispute(refund),
            )
            for refund in case.refunds
        ],
        "refund_rejected_because": case.rejected_because,
        "refund_if_cancelled": _money(case.refund_at(now)),
        "is_disputed": case.is_disputed,
        "refund_steps": [
            RefundStepOut(until=until, percent=percent) for until, percent in case.terms.ends(case.starts_at)
        ],
        "reconfirm": ReconfirmOut.of(case.reconfirm) if case.reconfirm else None,
        "moves_left": case.moves_left,
        "waiting": WaitingOut.of(case.waiting) if case.waiting else None,
        "contact": None if case.is_erased else case.contact,
        "answers": {one.question.id: one.value for one in case.answers},
    }


_ID = {"appointment": UUID}

MOVE_REFUSALS = (
    Unauthenticated,
    NotFound,
    HoldOver,
    HoldInUse,
    NotMovable,
    HasArrived,
    TooManyMoves,
    OtherService,
    OutsideInvitation,
    NotResponsible,
    NoNumber,
    CallOver,
    PriceDiffers,
    MoveWaits,
    PaymentUnavailable,
    Invalid,
)

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/appointments",
        handler=create_appointment,
        who=ANYONE,
        summary="Make an appointment of a reserved time; bearer is the hold's token",
        takes=AppointmentIn,
        headers={"Idempotency-Key": True, "Authorization": True},
        gives={201: AppointmentMade},
        refuses=(
            KeyNeeded,
            Unauthenticated,
            NotFound,
            HoldOver,
            HoldInUse,
            KeyReused,
            NumberNeeded,
            LimitReached,
            AnotherBooked,
            ContactNeeded,
            ContactUsedUp,
            InvitationUsed,
            InvitationOver,
            Invalid,
        ),
    ),
    Endpoint(
        method="GET",
        path="/api/appointments/{appointment}",
        handler=show_appointment,
        who=CASE,
        summary="An appointment",
        params=_ID,
        gives={200: AppointmentOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="GET",
        path="/api/offices/{office}/duplicates",
        handler=list_duplicates,
        who=can("hold.staff", "office"),
        summary="Booked appointments of one person for one service, at least one of them at this office",
        params={"office": int},
        gives={200: DuplicatesOut},
    ),
    Endpoint(
        method="POST",
        path="/api/appointments/{appointment}/checkout",
        handler=check_out,
        who=CASE,
        summary="Confirm it where nothing is to be paid, else learn where to pay; may be repeated",
        params=_ID,
        takes=CheckoutIn,
        gives={200: CheckoutOut},
        refuses=(Unauthenticated, NotFound, HoldOver, PaymentUnavailable, Invalid),
    ),
    Endpoint(
        method="POST",
        path="/api/appointments/{appointment}/payment-link",
        handler=send_payment_link,
        who=CASE,
        summary="Send the person the link under which the reserved time is paid; once, however often it is asked for",
        params=_ID,
        gives={200: AppointmentOut},
        refuses=(NotFound, HoldOver, NothingToPay, NobodyToAsk),
    ),
    Endpoint(
        method="POST",
        path="/api/appointments/{appointment}/cancel",
        handler=cancel_appointment,
        who=CASE,
        summary="Cancel until the start, with the refund that the policy gives; may be repeated",
        params=_ID,
        takes=CancelIn,
        gives={200: AppointmentOut},
        refuses=(Unauthenticated, NotFound, TooLate, BeingServed, NotCancellable, RefundDiffers, Invalid),
    ),
    Endpoint(
        method="POST",
        path="/api/appointments/{appointment}/keep",
        handler=keep_appointment,
        who=CASE,
        summary="Say that one comes, where that was asked; may be repeated. Who does not come cancels",
        params=_ID,
        gives={200: AppointmentOut},
        refuses=(Unauthenticated, NotFound, NotAsked),
    ),
    Endpoint(
        method="POST",
        path="/api/appointments/{appointment}/refund-again",
        handler=ask_refund_anew,
        who=CASE,
        summary="Ask that a refund which was rejected is checked again; may be repeated",
        params=_ID,
        gives={200: AppointmentOut},
        refuses=(Unauthenticated, NotFound, NothingRejected, RefundedMeanwhile, PaymentDisputed),
    ),
    Endpoint(
        method="POST",
        path="/api/appointments/{appointment}/erase",
        handler=erase_person,
        who=CASE,
        summary="Erase who comes; what is still to come is cancelled first; may be repeated",
        params=_ID,
        gives={200: AppointmentOut},
        refuses=(Unauthenticated, NotFound, TooLate, BeingServed, NotOver),
    ),
    Endpoint(
        method="POST",
        path="/api/appointments/{appointment}/move",
        handler=move_appointment,
        who=CASE,
        summary="Move it to a reserved time of the same service; the old time is kept until then; a higher fee is paid first",
        params=_ID,
        takes=MoveIn,
        gives={200: AppointmentMoved},
        refuses=MOVE_REFUSALS,
    ),
    Endpoint(
        method="POST",
        path="/api/appointments/{appointment}/stay",
        handler=stay_appointment,
        who=CASE,
        summary="Give back the dearer time that waits for its payment: the appointment stays as it is; may be repeated",
        params=_ID,
        gives={200: AppointmentOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="GET",
        path="/api/appointments/{appointment}/calendar.ics",
        handler=calendar_file,
        who=CASE,
        summary="The appointment as a calendar file",
        params=_ID,
        gives={200: str},
        media="text/calendar",
        refuses=(Unauthenticated, NotFound, NotConfirmed),
    ),
]

"""Passes to guarded services over HTTP: by proof, by a code that is sent, by an allowance."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from base.errors import Invalid, NotFound
from base.i18n import mark as _
from base.web import ANYONE, NO_STORE, Endpoint, body, query, reply
from base.web.repeating import KeyNeeded, idempotency_key
from base.web.staff import address_of
from booking.appointments.contact import OneContact
from booking.appointments.unasked import CodeWrong, NoTexts, SentTooOften
from booking.guard.model import Pass
from booking.guard.proof import LONGEST
from booking.guard.usecases import AllowanceUnknown, Guard, ProofWrong
from booking.holds.endpoints import Id
from booking.holds.refusals import AllowanceOver, QuotaUsedUp

GUARD: web.AppKey[Guard] = web.AppKey("GUARD", Guard)


class ChallengeQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Id


class ChallengeOut(BaseModel):
    """As ALTCHA's clients take it."""

    parameters: dict[str, Any]
    signature: str


class CodeIn(OneContact):
    """One of both."""

    service: Id


class CodeOut(BaseModel):
    id: UUID
    good_until: datetime


class PassIn(BaseModel):
    """One way of three."""

    model_config = ConfigDict(extra="forbid")

    service: Id
    altcha: Annotated[str, Field(max_length=LONGEST)] | None = Field(default=None, description="ALTCHA's payload")
    code_id: UUID | None = None
    code: Annotated[str, Field(max_length=20)] | None = None
    allowance: Annotated[str, Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = (self.altcha is not None, self.code_id is not None and self.code is not None, self.allowance is not None)
        if sum(ways) != 1:
            raise PydanticCustomError("schalter_one_way", _("Give a proof, a code with its id, or an allowance."))
        return self


class PassOut(BaseModel):
    id: UUID = Field(description="Good for one hold; whoever knows it has it")
    service: int
    good_until: datetime

    @classmethod
    def of(cls, made: Pass) -> PassOut:
        return cls(id=made.id, service=made.service_id, good_until=made.good_until)


async def challenge(request: web.Request) -> web.Response:
    made = request.app[GUARD].challenge(query(request, ChallengeQuery).service)
    return reply(ChallengeOut.model_validate(made), headers=NO_STORE)


async def send_code(request: web.Request) -> web.Response:
    key = idempotency_key(request)
    wanted = await body(request, CodeIn)
    sent = await request.app[GUARD].send_code(
        wanted.service,
        wanted.address,
        wanted.language,
        key,
        address_of(request),
        is_mobile=wanted.mobile is not None,
    )
    return reply(CodeOut(id=sent.id, good_until=sent.good_until), status=202, headers=NO_STORE)


async def make_pass(request: web.Request) -> web.Response:
    key = idempotency_key(request)
    wanted, guard = await body(request, PassIn), request.app[GUARD]
    if wanted.altcha is not None:
        made = await guard.by_proof(wanted.service, wanted.altcha)
    elif wanted.allowance is not None:
        made = await guard.by_allowance(wanted.service, wanted.allowance, key)
    else:
        assert wanted.code_id is not None
        assert wanted.code is not None
        made = await guard.by_code(wanted.service, wanted.code_id, wanted.code)
    return reply(PassOut.of(made), status=201, headers=NO_STORE)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/guard/challenge",
        handler=challenge,
        who=ANYONE,
        summary="What a program has to work out before it may reserve a time of a guarded service",
        query=ChallengeQuery,
        gives={200: ChallengeOut},
        refuses=(NotFound, Invalid),
    ),
    Endpoint(
        method="POST",
        path="/api/guard/codes",
        handler=send_code,
        who=ANYONE,
        summary="Have a code sent instead",
        takes=CodeIn,
        headers={"Idempotency-Key": True},
        gives={202: CodeOut},
        refuses=(KeyNeeded, NotFound, SentTooOften, NoTexts, Invalid),
    ),
    Endpoint(
        method="POST",
        path="/api/guard/passes",
        handler=make_pass,
        who=ANYONE,
        summary="A pass for one hold: by proof, code or allowance",
        takes=PassIn,
        headers={"Idempotency-Key": True},
        gives={201: PassOut},
        refuses=(KeyNeeded, NotFound, ProofWrong, CodeWrong, AllowanceUnknown, AllowanceOver, QuotaUsedUp, Invalid),
    ),
]

"""Guarded services, allowances and figures over HTTP, for administrators."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from base.errors import Invalid, NotFound
from base.i18n import mark as _
from base.web import NO_STORE, STAFF, Endpoint, body, can, path_number, reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.guard.model import PER_CONTACT, PER_NETWORK, Terms
from booking.guard.rules import DayWrong, Rules

RULES: web.AppKey[Rules] = web.AppKey("GUARD_RULES", Rules)
_SERVICE, _WHO = "/api/guard/services/{service}", can("guard.change")


def _said(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("schalter_said", _("Please write something here."))
    return text.strip()


Said = Annotated[str, Field(max_length=200), AfterValidator(_said)]


class GuardIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    per_network: int = Field(default=PER_NETWORK, ge=1, le=10000, description="Holds in an hour from one network")
    per_contact: int = Field(
        default=PER_CONTACT, ge=1, le=1000, description="Living appointments of one mailbox or telephone number"
    )


class AllowIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Said = Field(description="Who it is for: an aid group, an employer, a dealer")
    reason: Said
    quota: int = Field(ge=1, le=100000, description="Holds in all")
    expires_at: AwareDatetime

    @property
    def terms(self) -> Terms:
        return Terms(self.name, self.reason, self.quota, self.expires_at)


class Allowed(BaseModel):
    token: str = Field(description="Shown once: with the same key only")


class GuardedOut(BaseModel):
    service: int
    per_network: int
    per_contact: int
    set_at: datetime


class AllowanceOut(BaseModel):
    id: int
    service: int
    name: str
    reason: str
    quota: int
    used: int
    expires_at: datetime
    ended_at: datetime | None


class RefusalsOut(BaseModel):
    service: int
    since: date
    times: dict[str, int] = Field(description="By the code of the refusal")


class GuardOut(BaseModel):
    services: list[GuardedOut]
    allowances: list[AllowanceOut]
    refused: list[RefusalsOut]


async def show(request: web.Request) -> web.Response:
    services, allowances, refused = await request.app[RULES].overview()
    shown = GuardOut(
        services=[
            GuardedOut(
                service=one.service_id, per_network=one.per_network, per_contact=one.per_contact, set_at=one.set_at
            )
            for one in services
        ],
        allowances=[
            AllowanceOut(
                id=one.id,
                service=one.service_id,
                name=one.name,
                reason=one.reason,
                quota=one.quota,
                used=one.used,
                expires_at=one.expires_at,
                ended_at=one.ended_at,
            )
            for one in allowances
        ],
        refused=[RefusalsOut(service=one.service_id, since=one.since, times=dict(one.times)) for one in refused],
    )
    return reply(shown, headers=NO_STORE)


async def guard(request: web.Request) -> web.Response:
    given, ident = await body(request, GuardIn), path_number(request, "service")
    await request.app[RULES].guard(ident, given.per_network, given.per_contact, request[STAFF].account_id)
    return await show(request)


async def lift(request: web.Request) -> web.Response:
    await request.app[RULES].lift(path_number(request, "service"))
    return await show(request)


async def allow(request: web.Request) -> web.Response:
    key, given = idempotency_key(request), await body(request, AllowIn)
    token = await request.app[RULES].allow(path_number(request, "service"), given.terms, request[STAFF].account_id, key)
    return reply(Allowed(token=token), status=201, headers=NO_STORE)


async def end(request: web.Request) -> web.Response:
    await request.app[RULES].end(path_number(request, "allowance"), request[STAFF].account_id)
    return await show(request)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/guard",
        handler=show,
        who=_WHO,
        summary="Guarded services, allowances, and how many were refused in the last thirty days",
        gives={200: GuardOut},
    ),
    Endpoint(
        method="POST",
        path=_SERVICE,
        handler=guard,
        who=_WHO,
        summary="Guard a service, or say its limits anew",
        params={"service": int},
        takes=GuardIn,
        gives={200: GuardOut},
        refuses=(NotFound, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_SERVICE}/lift",
        handler=lift,
        who=_WHO,
        summary="Guard a service no longer",
        params={"service": int},
        gives={200: GuardOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_SERVICE}/allowances",
        handler=allow,
        who=_WHO,
        summary="Let somebody book for many, within a quota and until a day",
        params={"service": int},
        takes=AllowIn,
        headers={"Idempotency-Key": True},
        gives={201: Allowed},
        refuses=(KeyNeeded, NotFound, DayWrong, Invalid),
    ),
    Endpoint(
        method="POST",
        path="/api/guard/allowances/{allowance}/end",
        handler=end,
        who=_WHO,
        summary="End an allowance; it stays in the list",
        params={"allowance": int},
        gives={200: GuardOut},
        refuses=(NotFound,),
    ),
]

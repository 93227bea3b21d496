"""Deadlines confirmed and runs taken through their steps, over HTTP: what the staff's page does, for a program of the authority."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Self
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from base.errors import Invalid, NotFound
from base.i18n import mark as _
from base.web import NO_STORE, STAFF, Endpoint, body, can, path_id, reply
from base.web.repeating import KeyNeeded, idempotency_key
from booking.allocation.documents_endpoints import DOCUMENTS
from booking.allocation.endpoints import ALLOCATION, RUNS, RequestOut, RunOut
from booking.allocation.runs import NothingSetAside, Plan, RunGoesOn, RunInOrder, WhyNeeded
from booking.allocation.seeds import NotNow, SeedByAnother, SeedNeeded, SeedTooEarly, SeedWhyNeeded
from booking.allocation.usecases import DeadlineWrong, NotAsking, NotByNeed, ReasonNeeded
from booking.availability.model import Window
from booking.availability.offering import NotOffered
from booking.catalogue.model import Channel
from booking.holds.endpoints import Id

_KEYS = UUID("0a8f4a4b-54f1-4a43-8d0c-5f2f8f0d9b36")
_MOST_DAYS = timedelta(days=62)
_BY_FAR = date(2200, 1, 1)


class OpenRequestOut(BaseModel):
    request: RequestOut
    documents: list[UUID] = Field(description="To be fetched one by one")


class OpenRequestsOut(BaseModel):
    requests: list[OpenRequestOut] = Field(description="What nobody has looked at first, then the longest waiting")


class CheckIn(BaseModel):
    """Confirmed with this deadline, or with none; or refused. Also corrects."""

    model_config = ConfigDict(extra="forbid")

    is_confirmed: bool
    deadline: date | None = Field(default=None, description="As the document says; of no meaning where it is refused")
    reason: Annotated[
        str, Field(max_length=500, description="What was seen, or why it is refused; the applicant reads it")
    ]


class PlanIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Id
    channel: Channel
    offices: Annotated[list[Id], Field(max_length=40, description="None: all that offer it")] = []
    from_day: date
    to_day: Annotated[date, Field(lt=_BY_FAR)]
    slots: Annotated[int, Field(ge=1, le=500, description="The earliest free times are set aside")]
    closes_at: AwareDatetime
    seed_source: Annotated[str, Field(max_length=500, description="Where the seed comes from, and in which form")]
    seed_at: AwareDatetime = Field(description="When the source speaks")
    release_by: AwareDatetime = Field(description="Until then the times are kept")

    @model_validator(mode="after")
    def _days(self) -> Self:
        if not timedelta() <= self.to_day - self.from_day <= _MOST_DAYS:
            raise PydanticCustomError("schalter_days", _("The last day lies up to two months after the first."))
        return self

    def plan(self) -> Plan:
        return Plan(
            service_id=self.service,
            channel=self.channel,
            offices=tuple(dict.fromkeys(self.offices)),
            days=Window(self.from_day, self.to_day),
            slots=self.slots,
            closes_at=self.closes_at,
            seed_source=self.seed_source,
            seed_at=self.seed_at,
            release_by=self.release_by,
        )


class SeedIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seed: Annotated[str, Field(max_length=500)]


class SetRightIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    was: Annotated[str, Field(max_length=500, description="The seed that counts until now, as it was seen")]
    seed: Annotated[str, Field(max_length=500)]
    because: Annotated[str, Field(min_length=1, max_length=500, description="It is published with the former seed")]


class GiveUpIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    because: Annotated[str, Field(min_length=1, max_length=500, description="It is published")]


async def list_requests(request: web.Request) -> web.Response:
    rows = await request.app[ALLOCATION].waiting()
    documents = await request.app[DOCUMENTS].of([row.id for row in rows])
    found = [
        OpenRequestOut(request=RequestOut.of(row), documents=[one.id for one in documents[row.id]]) for row in rows
    ]
    return reply(OpenRequestsOut(requests=found), headers=NO_STORE)


async def check(request: web.Request) -> web.Response:
    given, ident, by = await body(request, CheckIn), path_id(request, "request"), request[STAFF].account_id
    allocation = request.app[ALLOCATION]
    if given.is_confirmed:
        await allocation.confirm(ident, given.deadline, given.reason, by)
    else:
        await allocation.refuse(ident, given.reason, by)
    return reply(RequestOut.of(await allocation.find(ident)), headers=NO_STORE)


async def open_run(request: web.Request) -> web.Response:
    by = request[STAFF].account_id
    key, given = uuid5(_KEYS, f"{by}:{idempotency_key(request)}"), await body(request, PlanIn)
    return await _run(request, await request.app[RUNS].open(given.plan(), by, key), 201)


async def enter_seed(request: web.Request) -> web.Response:
    given, ident = await body(request, SeedIn), path_id(request, "run")
    await request.app[RUNS].enter_seed(ident, given.seed, request[STAFF].account_id)
    return await _run(request, ident)


async def set_right(request: web.Request) -> web.Response:
    given, ident = await body(request, SetRightIn), path_id(request, "run")
    by = request[STAFF].account_id
    await request.app[RUNS].set_right(ident, given.was, given.seed, given.because, by)
    return await _run(request, ident)


async def release(request: web.Request) -> web.Response:
    ident = path_id(request, "run")
    await request.app[RUNS].release(ident, request[STAFF].account_id)
    return await _run(request, ident)


async def give_up(request: web.Request) -> web.Response:
    given, ident = await body(request, GiveUpIn), path_id(request, "run")
    await request.app[RUNS].give_up(ident, given.because, request[STAFF].account_id)
    return await _run(request, ident)


async def _run(request: web.Request, ident: UUID, status: int = 200) -> web.Response:
    runs = request.app[RUNS]
    former = await runs.former_seeds([ident])
    return reply(RunOut.of(await runs.run(ident), former[ident]), status=status, headers=NO_STORE)


_CHECK, _RUNS = can("allocation.check"), can("allocation.run")
_RUN, _ID = "/api/allocation/runs/{run}", {"run": UUID}

ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/allocation/requests",
        handler=list_requests,
        who=_CHECK,
        summary="Open requests: what is to be looked at and what takes part, without persons",
        gives={200: OpenRequestsOut},
    ),
    Endpoint(
        method="POST",
        path="/api/allocation/requests/{request}/check",
        handler=check,
        who=_CHECK,
        summary="Confirm or correct the deadline of a request, or refuse it; may be repeated",
        params={"request": UUID},
        takes=CheckIn,
        gives={200: RequestOut},
        refuses=(NotFound, NotAsking, ReasonNeeded, DeadlineWrong, Invalid),
    ),
    Endpoint(
        method="POST",
        path="/api/allocation/runs",
        handler=open_run,
        who=_RUNS,
        summary="Open a run: times are set aside, closing and the seed's source and moment are named",
        takes=PlanIn,
        headers={"Idempotency-Key": True},
        gives={201: RunOut},
        refuses=(KeyNeeded, NotFound, NotByNeed, NotOffered, RunInOrder, RunGoesOn, NothingSetAside, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/seed",
        handler=enter_seed,
        who=_RUNS,
        summary="Enter the seed of a closed run; the same again changes nothing, another is refused",
        params=_ID,
        takes=SeedIn,
        gives={200: RunOut},
        refuses=(NotFound, NotNow, SeedNeeded, SeedTooEarly, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/seed/set-right",
        handler=set_right,
        who=_RUNS,
        summary="Set an entered seed right before the release, by another person and with a reason; the former stays published",
        params=_ID,
        takes=SetRightIn,
        gives={200: RunOut},
        refuses=(NotFound, NotNow, SeedNeeded, SeedWhyNeeded, SeedByAnother, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/release",
        handler=release,
        who=_RUNS,
        summary="Release a ranked run: everybody with a place gets the offer; may be repeated",
        params=_ID,
        gives={200: RunOut},
        refuses=(NotFound, NotNow),
    ),
    Endpoint(
        method="POST",
        path=f"{_RUN}/give-up",
        handler=give_up,
        who=_RUNS,
        summary="Give a run up before its release, with a published reason; once its seed is entered, by another person; may be repeated",
        params=_ID,
        takes=GiveUpIn,
        gives={200: RunOut},
        refuses=(NotFound, NotNow, WhyNeeded, SeedByAnother, Invalid),
    ),
]

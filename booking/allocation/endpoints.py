"""Need-based allocation over HTTP: to ask, to look and withdraw with the link's token; and the published files, for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Annotated, Self
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from base.errors import Invalid, NotFound, Unauthenticated
from base.i18n import mark as _
from base.web import ANYONE, NO_STORE, REQUEST, Endpoint, body, path_id, reply, text_reply
from base.web.repeating import KeyNeeded, idempotency_key
from base.web.staff import address_of
from booking.allocation.asked import Asked
from booking.allocation.feed import NeedSource
from booking.allocation.model import Window
from booking.allocation.runs import Runs
from booking.allocation.runs_store import FormerSeed, RunRow
from booking.allocation.store import RequestRow
from booking.allocation.usecases import (
    Allocation,
    AskedAlready,
    EmailNeeded,
    NotAsking,
    NotByNeed,
    PlacedAlready,
    RequestedTooOften,
    TooManyWindows,
)
from booking.appointments.contact import Contact
from booking.availability.endpoints import KindOfMatter, Postcode, Surname, who_of
from booking.availability.offering import NobodyResponsible
from booking.holds.endpoints import Id

ALLOCATION: web.AppKey[Allocation] = web.AppKey("ALLOCATION", Allocation)
RUNS: web.AppKey[Runs] = web.AppKey("RUNS", Runs)
NEED_SOURCE: web.AppKey[NeedSource] = web.AppKey("NEED_SOURCE", NeedSource)
_KEYS = UUID("0d6c0b0e-8a55-4c0a-9a9c-9d6c9b0f2f6e")
_REQUEST = "/api/allocation/requests/{request}"
_RUN = "/api/allocation/runs/{run}"


class WindowIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]
    from_time: time
    to_time: time

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.from_time.replace(tzinfo=None) >= self.to_time.replace(tzinfo=None):
            raise PydanticCustomError(
                "schalter_window", _("A time from which you can come lies before the one until which.")
            )
        return self

    def window(self) -> Window:
        return Window(
            tuple(sorted(set(self.days))), self.from_time.replace(tzinfo=None), self.to_time.replace(tzinfo=None)
        )


class RequestIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Id
    contact: Contact
    birth_date: date
    deadline: date | None = None
    reason: Annotated[str, Field(max_length=500)] = ""
    offices: Annotated[list[Id], Field(max_length=20)] = []
    windows: list[WindowIn] = []
    surname: Surname = ""
    postcode: Postcode = ""
    kind: KindOfMatter = ""

    def asked(self) -> Asked:
        return Asked(
            service_id=self.service,
            contact=self.contact,
            birth_date=self.birth_date,
            deadline=self.deadline,
            reason=self.reason,
            offices=tuple(dict.fromkeys(self.offices)),
            windows=tuple(one.window() for one in self.windows),
            who=who_of(self.surname, self.postcode, self.kind),
        )


class AskedOut(BaseModel):
    id: UUID


class RequestOut(BaseModel):
    id: UUID
    number: str = Field(description="The request's number in the published files; told to nobody else")
    status: str
    service: int
    made_at: datetime
    claimed_deadline: date | None
    deadline: date | None = Field(description="As staff have confirmed or corrected it")
    check_reason: str | None
    run: UUID | None
    appointment: UUID | None

    @classmethod
    def of(cls, row: RequestRow) -> RequestOut:
        return cls(
            id=row.id,
            number=row.public_id,
            status=row.status,
            service=row.service_id,
            made_at=row.made_at,
            claimed_deadline=row.claimed_deadline,
            deadline=row.deadline,
            check_reason=row.check_reason,
            run=row.run_id,
            appointment=row.appointment_id,
        )


class FormerSeedOut(BaseModel):
    seed: str
    entered_at: datetime
    set_right_at: datetime
    because: str


class RunOut(BaseModel):
    id: UUID
    service: int
    status: str
    closes_at: datetime
    seed_source: str
    seed_at: datetime
    list_sha256: str | None
    seed: str | None = Field(description="The one that counts")
    former_seeds: list[FormerSeedOut] = Field(
        description="Entered before, and set right by another person: they stay published"
    )
    given_up_because: str | None

    @classmethod
    def of(cls, row: RunRow, former: Sequence[FormerSeed]) -> RunOut:
        return cls(
            id=row.id,
            service=row.service_id,
            status=row.status,
            closes_at=row.closes_at,
            seed_source=row.seed_source,
            seed_at=row.seed_at,
            list_sha256=row.list_sha256.hex() if row.list_sha256 else None,
            seed=row.seed,
            former_seeds=[
                FormerSeedOut(
                    seed=one.seed, entered_at=one.seeded_at, set_right_at=one.set_right_at, because=one.because
                )
                for one in former
            ],
            given_up_because=row.given_up_because,
        )


class RunsOut(BaseModel):
    runs: list[RunOut]


async def ask(request: web.Request) -> web.Response:
    key = uuid5(_KEYS, idempotency_key(request))
    wanted = await body(request, RequestIn)
    ident = await request.app[ALLOCATION].ask(wanted.asked(), key, address=address_of(request))
    return reply(AskedOut(id=ident), status=201, headers=NO_STORE)


async def show_request(request: web.Request) -> web.Response:
    row = await request.app[ALLOCATION].find(path_id(request, "request"))
    return reply(RequestOut.of(row), headers=NO_STORE)


async def verify(request: web.Request) -> web.Response:
    await request.app[ALLOCATION].verify(path_id(request, "request"))
    return await show_request(request)


async def withdraw(request: web.Request) -> web.Response:
    await request.app[ALLOCATION].withdraw(path_id(request, "request"))
    return await show_request(request)


async def list_runs(request: web.Request) -> web.Response:
    rows = await request.app[RUNS].runs()
    former = await request.app[RUNS].former_seeds([row.id for row in rows])
    return reply(RunsOut(runs=[RunOut.of(row, former[row.id]) for row in rows]))


async def list_file(request: web.Request) -> web.Response:
    return _file((await request.app[RUNS].files(path_id(request, "run"))).list, "list.jsonl")


async def result_file(request: web.Request) -> web.Response:
    return _file((await request.app[RUNS].files(path_id(request, "run"))).result, "result.jsonl")


def _file(content: bytes | None, name: str) -> web.Response:
    if content is None:
        raise NotFound
    return text_reply(content, "text/plain; charset=utf-8", {"Content-Disposition": f'attachment; filename="{name}"'})


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/allocation/requests",
        handler=ask,
        who=ANYONE,
        summary="Ask for an appointment that is given out by need; it counts once the link sent by e-mail is opened",
        takes=RequestIn,
        headers={"Idempotency-Key": True},
        gives={201: AskedOut},
        refuses=(
            KeyNeeded,
            NotFound,
            NotByNeed,
            EmailNeeded,
            TooManyWindows,
            NobodyResponsible,
            RequestedTooOften,
            Invalid,
        ),
    ),
    Endpoint(
        method="GET",
        path=_REQUEST,
        handler=show_request,
        who=REQUEST,
        summary="A request",
        params={"request": UUID},
        gives={200: RequestOut},
        refuses=(Unauthenticated, NotFound),
    ),
    Endpoint(
        method="POST",
        path=f"{_REQUEST}/verify",
        handler=verify,
        who=REQUEST,
        summary="Confirm a request: whoever has the link has the contact",
        params={"request": UUID},
        gives={200: RequestOut},
        refuses=(Unauthenticated, NotFound, NotAsking, AskedAlready, PlacedAlready),
    ),
    Endpoint(
        method="POST",
        path=f"{_REQUEST}/withdraw",
        handler=withdraw,
        who=REQUEST,
        summary="Withdraw a request; one made anew waits anew",
        params={"request": UUID},
        gives={200: RequestOut},
        refuses=(Unauthenticated, NotFound, NotAsking),
    ),
    Endpoint(
        method="GET",
        path="/api/allocation/runs",
        handler=list_runs,
        who=ANYONE,
        summary="The runs: closing time, source and moment of the seed, hash of the closed list",
        gives={200: RunsOut},
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/list",
        handler=list_file,
        who=ANYONE,
        summary="The closed list, for schalter verify-rank",
        params={"run": UUID},
        gives={200: str},
        media="text/plain",
        refuses=(NotFound,),
    ),
    Endpoint(
        method="GET",
        path=f"{_RUN}/result",
        handler=result_file,
        who=ANYONE,
        summary="The result, for schalter verify-rank",
        params={"run": UUID},
        gives={200: str},
        media="text/plain",
        refuses=(NotFound,),
    ),
]

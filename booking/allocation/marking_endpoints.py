"""Which services are given out by need, over HTTP: for staff who may say so."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from base.errors import Invalid, NotFound
from base.i18n import mark as _
from base.web import NO_STORE, STAFF, Endpoint, body, can, path_number, reply
from booking.allocation.marking import Marking, MomentPast, Standing, WhyNeeded
from booking.allocation.marking_store import MarkRow
from booking.allocation.model import Rule
from booking.allocation.runs import RunGoesOn

MARKING: web.AppKey[Marking] = web.AppKey("MARKING", Marking)
_SERVICE = "/api/allocation/services/{service}"


def _rising(days: list[int]) -> list[int]:
    if days != sorted(set(days)):
        raise PydanticCustomError("schalter_rising", _("Each number of days is larger than the one before."))
    return days


class MarkIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    class_days: Annotated[
        list[Annotated[int, Field(ge=0, le=3650)]],
        Field(min_length=1, max_length=9, description="Class n: a deadline at most so many days after closing"),
        AfterValidator(_rising),
    ] = list(Rule().class_days)
    offer_hours: Annotated[int, Field(ge=1, le=336, description="How long an offer is kept")] = Rule().offer_hours
    rhythm_days: Annotated[int, Field(ge=1, le=92, description="From one run to the next")] = Rule().rhythm_days
    from_at: Annotated[AwareDatetime | None, Field(description="None: from now on")] = None

    def rule(self) -> Rule:
        return Rule(class_days=tuple(self.class_days), offer_hours=self.offer_hours, rhythm_days=self.rhythm_days)


class UnmarkIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    because: Annotated[str, Field(max_length=500, description="Stays in the history; applicants do not see it")]


class RuleOut(BaseModel):
    class_days: list[int]
    offer_hours: int
    rhythm_days: int

    @classmethod
    def of(cls, rule: Rule | None) -> RuleOut | None:
        if rule is None:
            return None
        return cls(class_days=list(rule.class_days), offer_hours=rule.offer_hours, rhythm_days=rule.rhythm_days)


class MarkOut(BaseModel):
    at: datetime
    by: str
    from_at: datetime
    rule: RuleOut | None = Field(description="None: no longer given out by need")
    because: str

    @classmethod
    def of(cls, row: MarkRow) -> MarkOut:
        return cls(at=row.at, by=row.by, from_at=row.from_at, rule=RuleOut.of(row.rule), because=row.because)


class StandingOut(BaseModel):
    service: int
    rule: RuleOut | None = Field(description="What holds; None: booked like any other service")
    comes: MarkOut | None = Field(description="Said, and its moment has not come")
    open_requests: int = Field(description="They would end if the service were no longer given out by need")
    history: list[MarkOut]

    @classmethod
    def of(cls, found: Standing) -> StandingOut:
        return cls(
            service=found.service_id,
            rule=RuleOut.of(found.rule),
            comes=MarkOut.of(found.comes) if found.comes else None,
            open_requests=found.open_requests,
            history=[MarkOut.of(row) for row in found.history],
        )


async def show_marked(request: web.Request) -> web.Response:
    found = await request.app[MARKING].standing(path_number(request, "service"))
    return reply(StandingOut.of(found), headers=NO_STORE)


async def mark(request: web.Request) -> web.Response:
    given, ident = await body(request, MarkIn), path_number(request, "service")
    await request.app[MARKING].mark(ident, given.rule(), given.from_at, request[STAFF].account_id)
    return await show_marked(request)


async def unmark(request: web.Request) -> web.Response:
    given, ident = await body(request, UnmarkIn), path_number(request, "service")
    await request.app[MARKING].unmark(ident, given.because, request[STAFF].account_id)
    return await show_marked(request)


_WHO = can("allocation.mark")

ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_SERVICE,
        handler=show_marked,
        who=_WHO,
        summary="Whether a service is given out by need, by which rule, and what was said of it",
        params={"service": int},
        gives={200: StandingOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path=f"{_SERVICE}/mark",
        handler=mark,
        who=_WHO,
        summary="Give a service out by need, or change the rule; may be repeated",
        params={"service": int},
        takes=MarkIn,
        gives={200: StandingOut},
        refuses=(NotFound, MomentPast, Invalid),
    ),
    Endpoint(
        method="POST",
        path=f"{_SERVICE}/unmark",
        handler=unmark,
        who=_WHO,
        summary="Let a service be booked like any other; its open requests end and are told so; may be repeated",
        params={"service": int},
        takes=UnmarkIn,
        gives={200: StandingOut},
        refuses=(NotFound, WhyNeeded, RunGoesOn, Invalid),
    ),
]

"""Hours and rules over HTTP, for staff who may change them."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from base.errors import Invalid, NotFound
from base.i18n import pick
from base.web import NO_STORE, STAFF, TRANSLATIONS, Endpoint, body, can, language_of, path_number, query, reply
from booking.catalogue.changes import (
    Affected,
    BreakOutside,
    Change,
    ClosureChange,
    DayOver,
    ExceptionChange,
    HoursInTheWay,
    HoursMoved,
    NotOfThisOffice,
    Preview,
    RuleChange,
    SeriesChange,
    SeriesImpossible,
    SeriesMeet,
    SeriesNever,
    SeriesTwoRhythms,
    SeriesUncounted,
    ServiceTooLong,
    SharesDiffer,
    SharesWrong,
    Terms,
    TimesImpossible,
)
from booking.catalogue.endpoints import CATALOGUE
from booking.catalogue.history_words import HistoryWords
from booking.catalogue.hours import Rule
from booking.catalogue.hours_changes import HoursChanges
from booking.catalogue.model import Channel
from booking.catalogue.shares import Plan, ReleasePart

HOURS: web.AppKey[HoursChanges] = web.AppKey("HOURS", HoursChanges)

_Id = Annotated[int, Field(ge=1, lt=2**31)]
_Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][05]$")]
_Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime.fromisoformat("2000-01-01T00:00Z"), le=datetime.fromisoformat("2199-12-31T00:00Z"))
]
_Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
_Percent = Annotated[int, Field(ge=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SeriesIn(_Strict):
    weekday: int = Field(ge=1, le=7, description="ISO 8601: 1 is Monday")
    opens: _Clock = Field(examples=["08:00"])
    closes: _Clock = Field(examples=["12:00"])
    valid_from: _Day | None = None
    valid_until: _Day | None = Field(None, description="The last day")
    every_weeks: int = Field(1, ge=1, le=52, description="Counted from the week of valid_from, which it needs")
    week_of_month: Literal[1, 2, 3, 4, 5, -1] | None = Field(
        None, description="The n-th such weekday of a month; -1: the last"
    )
    kind: Literal["open", "break"] = "open"

    def rule(self) -> Rule:
        return Rule(
            self.weekday,
            time.fromisoformat(self.opens),
            time.fromisoformat(self.closes),
            self.valid_from,
            self.valid_until,
            self.every_weeks,
            self.week_of_month,
            self.kind == "break",
        )


class ReleasePartIn(_Strict):
    percent: int = Field(ge=1, le=100)
    days_before: int = Field(ge=0, le=365)
    at: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
    jitter_min: int = Field(0, ge=0, le=1440)


class TermsIn(_Strict):
    """Null: as the service or the city says. Shares are 100 together, and so are the parts of the release."""

    duration_min: int | None = Field(None, ge=5, le=480, multiple_of=5)
    buffer_min: int | None = Field(None, ge=0, le=240, multiple_of=5)
    lead_min: int | None = Field(None, ge=0, le=86400)
    horizon_days: int | None = Field(None, ge=1, le=366)
    channels: list[Channel] | None = Field(None, min_length=1, max_length=3)
    public_percent: _Percent = 100
    staff_percent: _Percent = 0
    walk_in_percent: _Percent = 0
    release_plan: list[ReleasePartIn] = Field([], max_length=10)

    def terms(self) -> Terms:
        release = tuple(
            ReleasePart(part.percent, part.days_before, time.fromisoformat(part.at), part.jitter_min)
            for part in self.release_plan
        )
        shares = self.public_percent, self.staff_percent, self.walk_in_percent
        if sum(shares) != 100 or (release and sum(part.percent for part in release) != 100):
            raise SharesWrong
        plan = Plan(*shares, release)
        return Terms(
            self.duration_min,
            self.buffer_min,
            self.lead_min,
            self.horizon_days,
            None if self.channels is None else tuple(self.channels),
            None if plan == Plan() else plan,
        )


class SeriesChangeIn(_Strict):
    kind: Literal["series"]
    counters: list[_Id] = Field(min_length=1, max_length=500)
    series: list[SeriesIn] = Field(max_length=200, description="All of them: what is not here ends")

    def change(self) -> Change:
        return SeriesChange(tuple(dict.fromkeys(self.counters)), tuple(one.rule() for one in self.series))


class ExceptionChangeIn(_Strict):
    kind: Literal["exception"]
    day: _Day
    counter: _Id | None = Field(None, description="Null: the whole office")
    spans: list[tuple[_Clock, _Clock]] | None = Field(
        max_length=20, description="Empty: closed; null: like every other day again"
    )
    reason: _Reason = "-"

    def change(self) -> Change:
        if self.spans is None:
            return ExceptionChange(self.day, self.counter, None)
        spans = tuple((time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in self.spans)
        return ExceptionChange(self.day, self.counter, spans, self.reason)


class ClosureChangeIn(_Strict):
    kind: Literal["closure"]
    counter: _Id | None = Field(None, description="Null: the whole office")
    starts_at: Moment
    ends_at: Moment
    reason: _Reason = "-"
    lifted: bool = False

    def change(self) -> Change:
        return ClosureChange(self.counter, self.starts_at, self.ends_at, self.reason, self.lifted)


class RuleChangeIn(_Strict):
    kind: Literal["rule"]
    services: list[_Id] = Field(min_length=1, max_length=1000)
    terms: TermsIn | None = Field(description="Null: as everywhere")

    def change(self) -> Change:
        terms = None if self.terms is None else self.terms.terms()
        return RuleChange({service: terms for service in self.services})  # noqa: C420 - fromkeys() would lose the type


class HoursChangeIn(_Strict):
    change: Annotated[SeriesChangeIn | ExceptionChangeIn | ClosureChangeIn | RuleChangeIn, Field(discriminator="kind")]


class HoursSaveIn(HoursChangeIn):
    seen: str | None = Field(
        None, max_length=64, description="Of the preview: refused if somebody has changed what it was about since"
    )


class AffectedOut(BaseModel):
    claim: int
    appointment: UUID | None = Field(description="Null: a time that somebody is just reserving")
    number: str | None
    counter: int
    service: int
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, one: Affected) -> AffectedOut:
        return cls(
            claim=one.claim_id,
            appointment=one.appointment_id,
            number=one.number,
            counter=one.counter_id,
            service=one.service_id,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
        )


class HoursChangeOut(BaseModel):
    changed: bool
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    affected: list[AffectedOut]
    seen: str = Field(
        description="Stands for `before`; sent with the change, it makes sure that nobody else has changed it since"
    )

    @classmethod
    def of(cls, preview: Preview) -> HoursChangeOut:
        return cls(
            changed=preview.before != preview.after,
            before=preview.before,
            after=preview.after,
            affected=[AffectedOut.of(one) for one in preview.affected],
            seen=preview.seen,
        )


class OfficeHoursOut(BaseModel):
    counters: dict[int, str]
    series: dict[int, list[dict[str, Any]]]
    exceptions: list[dict[str, Any]]
    closures: list[dict[str, Any]]
    rules: dict[int, dict[str, Any]]


class HistoryQuery(_Strict):
    below: int | None = Field(None, ge=1, lt=2**63, description="Only entries before this one")
    limit: int = Field(50, ge=1, le=200)


class EntryOut(BaseModel):
    id: int
    at: datetime
    by: str
    kind: str
    sentence: str = Field(description="In the language of Accept-Language")
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class HistoryOut(BaseModel):
    entries: list[EntryOut]


async def show_hours(request: web.Request) -> web.Response:
    found = await request.app[HOURS].hours(path_number(request, "office"))
    language = language_of(request)
    return reply(
        OfficeHoursOut(
            counters={ident: pick(name, language) for ident, name in found.counters.items()},
            series={int(ident): rules for ident, rules in found.series.items()},
            exceptions=found.exceptions,
            closures=found.closures,
            rules={int(ident): terms for ident, terms in found.rules.items()},
        ),
        headers=NO_STORE,
    )


async def preview_hours(request: web.Request) -> web.Response:
    wanted = await body(request, HoursChangeIn)
    preview = await request.app[HOURS].preview(path_number(request, "office"), wanted.change.change())
    return reply(HoursChangeOut.of(preview), headers=NO_STORE)


async def save_hours(request: web.Request) -> web.Response:
    wanted = await body(request, HoursSaveIn)
    office, by = path_number(request, "office"), request[STAFF].account_id
    done = await request.app[HOURS].save(office, wanted.change.change(), by, wanted.seen)
    return reply(HoursChangeOut.of(done), headers=NO_STORE)


async def list_history(request: web.Request) -> web.Response:
    asked, office_id = query(request, HistoryQuery), path_number(request, "office")
    hours, language = request.app[HOURS], language_of(request)
    entries = await hours.history(office_id, asked.below, asked.limit)
    known = await request.app[CATALOGUE].snapshot()
    words = HistoryWords(
        request.app[TRANSLATIONS],
        language,
        known.offices[office_id].time_zone if office_id in known.offices else known.city.time_zone,
        (await hours.hours(office_id)).counters,
        {ident: service.name for ident, service in {**known.withdrawn_services, **known.services}.items()},
    )
    lines = [
        EntryOut(
            id=one.id,
            at=one.at,
            by=one.by,
            kind=one.kind,
            sentence=words.sentence(one),
            before=one.before,
            after=one.after,
        )
        for one in entries
    ]
    return reply(HistoryOut(entries=lines), headers=NO_STORE)


_WHO = can("hours.change", "office")
_IMPOSSIBLE = (
    NotFound,
    NotOfThisOffice,
    SharesWrong,
    TimesImpossible,
    SeriesMeet,
    SeriesNever,
    SeriesImpossible,
    SeriesUncounted,
    SeriesTwoRhythms,
    DayOver,
    BreakOutside,
    ServiceTooLong,
    SharesDiffer,
    Invalid,
)

ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/offices/{office}/hours",
        handler=show_hours,
        who=_WHO,
        summary="Series, exceptions, closures and rules of an office",
        params={"office": int},
        gives={200: OfficeHoursOut},
        refuses=(NotFound,),
    ),
    Endpoint(
        method="POST",
        path="/api/offices/{office}/hours/preview",
        handler=preview_hours,
        who=_WHO,
        summary="What a change would do, and which appointments are in its way; nothing is changed",
        takes=HoursChangeIn,
        params={"office": int},
        gives={200: HoursChangeOut},
        refuses=_IMPOSSIBLE,
    ),
    Endpoint(
        method="POST",
        path="/api/offices/{office}/hours",
        handler=save_hours,
        who=_WHO,
        summary="Change hours or rules, at once; may be repeated",
        takes=HoursSaveIn,
        params={"office": int},
        gives={200: HoursChangeOut},
        refuses=(HoursInTheWay, HoursMoved, *_IMPOSSIBLE),
    ),
    Endpoint(
        method="GET",
        path="/api/offices/{office}/hours/history",
        handler=list_history,
        who=_WHO,
        summary="Who changed what, newest first",
        query=HistoryQuery,
        params={"office": int},
        gives={200: HistoryOut},
        refuses=(NotFound, Invalid),
    ),
]

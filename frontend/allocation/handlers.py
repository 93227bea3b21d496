"""Handlers for staff: look at requests, confirm deadlines, and take a run through its steps."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from aiohttp import web

from base.errors import DomainError
from base.i18n import mark as _
from base.web import STAFF, form, path_id
from booking.allocation.documents_endpoints import DOCUMENTS
from booking.allocation.documents_store import DocumentRow
from booking.allocation.endpoints import ALLOCATION, RUNS
from booking.allocation.model import RequestStatus, RunStatus, Seen
from booking.allocation.runs import NothingSetAside, RunGoesOn, RunInOrder
from booking.allocation.runs_store import FormerSeed, RunRow
from booking.allocation.store import RequestRow
from booking.allocation.usecases import CheckedMeanwhile, ReasonNeeded
from booking.allocation.words_endpoints import WORDS
from booking.availability.offering import NotOffered
from booking.catalogue.model import Channel
from frontend.allocation.opening import read_plan
from frontend.allocation.views import RequestCard, RunCard, WorkPage
from frontend.citizen.need_views import DocumentLine
from frontend.citizen.need_wording import document_name, read_date, request_rows, run_line, zone_name
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import Row, ShownError, Tick
from frontend.citizen.words import Words
from frontend.staff.frame import staff_frame, staff_page

_ABOUT: Mapping[type[DomainError], str] = {  # a refusal is said at this field
    NotOffered: "channel",
    NothingSetAside: "from_day",
    RunInOrder: "closes_at",
    RunGoesOn: "service",
}


async def show_work(request: web.Request) -> web.Response:
    return await work_page(request)


async def check(request: web.Request) -> web.Response:
    """Confirmed with the deadline in the field (or none), or refused; with a reason either way."""
    ident, fields = path_id(request, "request"), await form(request)
    reason, by = fields.get("reason", "").strip()[:500], request[STAFF].account_id
    seen = _seen(fields)
    if fields.get("decision") == "refuse":
        return await done(request, request.app[ALLOCATION].refuse(ident, reason, by, seen), fields, about=ident)
    deadline = read_date(fields.get("deadline", ""))
    if fields.get("deadline", "").strip() and deadline is None:
        return await work_page(
            request, problem=_("Enter the deadline as a date, or leave it empty"), values=fields, about=ident
        )
    return await done(request, request.app[ALLOCATION].confirm(ident, deadline, reason, by, seen), fields, about=ident)


def _seen(fields: Mapping[str, str]) -> Seen | None:
    try:
        return Seen(RequestStatus(fields["seen"]), read_date(fields.get("seen_deadline", "")))
    except (KeyError, ValueError):
        return None


async def open_run(request: web.Request) -> web.Response:
    words, fields = words_of(request), await form(request)
    key, services = key_of(fields), request.app[ALLOCATION].services
    plan = read_plan(fields, [one.service_id for one in await services() if one.is_on], zone_name(words))
    if isinstance(plan, dict):
        return await work_page(request, wrong=plan, values=fields)
    try:
        await request.app[RUNS].open(plan, request[STAFF].account_id, key)
    except (NotOffered, NothingSetAside, RunInOrder, RunGoesOn) as refusal:
        where = next(field for kind, field in _ABOUT.items() if isinstance(refusal, kind))
        return await work_page(request, wrong={where: refusal.message}, values=fields)
    return see(f"/{words.language}/allocation/")


async def release(request: web.Request) -> web.Response:
    ident = path_id(request, "run")
    return await done(request, request.app[RUNS].release(ident, request[STAFF].account_id))


async def give_up(request: web.Request) -> web.Response:
    ident, fields = path_id(request, "run"), await form(request)
    because, by = fields.get("because", "")[:500], request[STAFF].account_id
    return await done(request, request.app[RUNS].give_up(ident, because, by))


async def done(
    request: web.Request,
    work: Awaitable[object],
    values: Mapping[str, str] | None = None,
    *,
    about: UUID | None = None,
) -> web.Response:
    """Back to the page; a refusal is said there, with what was typed (about this request)."""
    try:
        await work
    except DomainError as error:
        if error.status == 404:
            raise
        if isinstance(error, CheckedMeanwhile):  # what was typed was about something else
            values = None
        field = "reason" if isinstance(error, ReasonNeeded) else "deadline"
        return await work_page(request, problem=error.message, values=values, about=about, field=field)
    return see(f"/{words_of(request).language}/allocation/")


async def work_page(
    request: web.Request,
    *,
    problem: str = "",
    wrong: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    about: UUID | None = None,
    field: str = "deadline",
) -> web.Response:
    """`wrong`: by the fields of the form that opens a run. `problem`: anywhere else, with the request that it is about, and the field."""
    words, staff = words_of(request), request[STAFF]
    allocation, here = request.app[ALLOCATION], f"/{words.language}/allocation"
    services = {one.service_id: one for one in await allocation.services()}
    names = {ident: words.pick(one.name) for ident, one in services.items()}
    calls = await request.app[WORDS].calls()
    due = [names[ident] for ident in await request.app[RUNS].due()]
    may_run, may_name = staff.may_somewhere("allocation.run"), staff.may_somewhere("person.read")
    cards = []
    waiting = await allocation.waiting()
    documents = await request.app[DOCUMENTS].of([row.id for row in waiting])
    for row in waiting:
        who = allocation.contact_of(row).name if may_name else row.public_id
        born = words.day(allocation.birth_date_of(row)) if may_name else ""
        card = _card(words, row, names[row.service_id], who, born, allocation.reason_of(row), documents[row.id], here)
        if row.id == about and values is not None:  # a corrected deadline must not give way to the claimed one unseen
            card = replace(card, deadline=values.get("deadline", ""), reason=values.get("reason", ""))
        cards.append(card)
    where = next(
        (f"{field}-{row.public_id}" for row in waiting if row.id == about), "requests" if about is None else "runs"
    )
    messages = {name: words._(message) for name, message in (wrong or {}).items()}
    errors = [ShownError(field=name, message=message) for name, message in messages.items()]
    if problem:
        errors.append(ShownError(field=where, message=words._(problem)))
    typed = values or {}
    runs = await request.app[RUNS].runs()
    former = await request.app[RUNS].former_seeds([row.id for row in runs])
    runner, run_cards = staff.account_id if may_run else None, []
    for run in runs:
        run_card = _run(words, run, former[run.id], names[run.service_id], here, runner)
        if run.id == about:
            run_card = replace(run_card, typed_seed=typed.get("seed", ""), typed_because=typed.get("because", ""))
        run_cards.append(run_card)
    view = WorkPage(
        frame=staff_frame(request, words, words._("Appointments by need"), errors=tuple(errors)),
        requests=tuple(cards),
        runs=tuple(run_cards),
        due=tuple(words._("A run is due: {service}", service=name) for name in due),
        services=tuple(
            Tick(value=str(ident), label=name, is_chosen=str(ident) == typed.get("service"))
            for ident, name in names.items()
            if services[ident].is_on
        ),
        channels=tuple(
            Tick(value=one.value, label=words.channel(one), is_chosen=one == typed.get("channel")) for one in Channel
        ),
        open_action=f"{here}/runs" if may_run and any(one.is_on for one in services.values()) else "",
        calls_url=f"{here}/calls",
        calls=words.ngettext(
            "{n} person without e-mail is to be called or written to",
            "{n} people without e-mail are to be called or written to",
            len(calls),
        )
        if calls
        else "",
        services_url=f"{here}/services" if staff.may("allocation.mark") else "",
        request_key=new_key(),
        values=typed,
        messages=messages,
    )
    return staff_page(request, "allocation/work", view, status=422 if errors else 200)


def _card(
    words: Words,
    row: RequestRow,
    service: str,
    who: str,
    born: str,
    reason: str,
    documents: Sequence[DocumentRow],
    here: str,
) -> RequestCard:
    more = [Row(label=words._("Date of birth"), value=born)] if born else []
    if reason:
        more.append(Row(label=words._("Why it is urgent"), value=reason))
    deadline = row.deadline if row.status is RequestStatus.CONFIRMED else row.claimed_deadline
    return RequestCard(
        id=row.public_id,
        title=who,
        rows=(*request_rows(words, row, service), *more),
        documents=tuple(
            DocumentLine(name=document_name(words, n, one), url=f"/api/allocation/documents/{one.id}")
            for n, one in enumerate(documents, 1)
        ),
        deadline=deadline.isoformat() if deadline else "",
        action=f"{here}/requests/{row.id}/check",
        is_new=row.status is RequestStatus.ASKED,
        seen=(("seen", row.status.value), ("seen_deadline", row.deadline.isoformat() if row.deadline else "")),
    )


def _run(
    words: Words, row: RunRow, former: Sequence[FormerSeed], service: str, here: str, runner: int | None
) -> RunCard:
    """`runner`: the reader, where this one takes runs through their steps."""
    path = f"{here}/runs/{row.id}"
    can = {status: runner is not None and row.status is status for status in RunStatus}
    is_own = runner is not None and row.seeded_by == runner
    return RunCard(
        line=run_line(words, row, service, former, names_staff=True),
        seed_action=f"{path}/seed" if can[RunStatus.CLOSED] and words.now >= row.seed_at else "",
        release_action=f"{path}/release" if can[RunStatus.RANKED] else "",
        give_up_action=f"{path}/give-up"
        if can[RunStatus.OPEN] or can[RunStatus.CLOSED] or (can[RunStatus.RANKED] and not is_own)
        else "",
        set_right_action=f"{path}/seed" if can[RunStatus.RANKED] and not is_own else "",
        seed=row.seed or "",
        is_own_seed=can[RunStatus.RANKED] and is_own,
    )

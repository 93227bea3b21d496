"""Handlers of differences: the list, one of them with its settling by two, a run on demand, and the days as lights."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import date, timedelta
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel
from pydantic import Field as Param

from base.errors import Conflict, DomainError, Invalid, NotFound
from base.i18n import mark as _
from base.identity.model import Principal
from base.web import STAFF, form, path_id, query
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.finance import difference_words as told
from frontend.finance.books_views import BooksPage, Column, DateField, Field, Form, Table
from frontend.finance.shared import day_link, payment_url, today_of, zone_of
from frontend.finance.views import Fact, Link
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import DIFFERENCES, MATCHING
from payment.matching.model import POSTS, Cause
from payment.matching.worklist_model import DayLights, Filter, Listed, Request, State, Story
from payment.receipts.kassenzeichen import spaced

WORK, APPROVE = "reconcile.work", "writeoff.approve"
_NOTE, _COMMENT = "note", "comment"
_LARGEST = 2**63 - 1
_LONGEST = timedelta(days=400)
_AGES = (7, 30)


class NoSuchDays(DomainError):
    code = "no_such_days"
    status = 422
    message = _("Please choose days of the past, at most 400 of them, the first before the last.")


class Asked(BaseModel):
    cause: str = ""
    state: str = ""
    owner: str = ""
    age: str = ""


class Days(BaseModel):
    first: str = Param("", alias="from")
    last: str = Param("", alias="to")


def url_of(words: Words, difference_id: int | None = None) -> str:
    here = f"/{words.language}/finance/differences"
    return here if difference_id is None else f"{here}/{difference_id}"


async def show_list(request: web.Request) -> web.Response:
    words, asked, staff = words_of(request), query(request, Asked), request[STAFF]
    wanted = _filter(asked, staff)
    found = await request.app[DIFFERENCES].list(wanted)
    today = today_of(words)
    count = sum(found.open_by_cause.values())
    view = BooksPage(
        frame=staff_frame(request, words, words._("Differences")),
        back=day_link(words, today, words._("Till: the day")),
        links=(
            Link(label=words._("Days as traffic lights"), url=f"{url_of(words)}/days"),
            *_filters(words, wanted, staff),
        ),
        intro=(
            words._("Open differences: {number}", number=count) if count else words._("No difference is open."),
            *((words._("These are the first {number} only.", number=len(found.rows)),) if found.has_more else ()),
        ),
        tables=(_by_cause(words, found.open_by_cause, wanted), _rows(words, found.rows, today, wanted)),
        forms=(_run_form(words, today),) if staff.may(WORK) else (),
    )
    return staff_page(request, "finance/books", view)


def _filter(asked: Asked, staff: Principal) -> Filter:
    """What cannot be understood is left out."""
    return Filter(
        cause=Cause(asked.cause) if asked.cause in set(Cause) else None,
        state=State(asked.state) if asked.state in set(State) else State.OPEN,
        owner=staff.account_id if asked.owner == "me" else None,
        unowned=asked.owner == "none",
        older_than_days=int(asked.age) if asked.age in {str(age) for age in _AGES} else 0,
    )


def _filters(words: Words, wanted: Filter, staff: Principal) -> tuple[Link, ...]:
    """One step each from the list of all that is open."""
    here, kept = url_of(words), {"cause": wanted.cause.value} if wanted.cause else {}
    steps: list[tuple[str, dict[str, str]]] = [
        (words._("All open"), {}),
        (words._("Mine"), {**kept, "owner": "me"}),
        (words._("Nobody's"), {**kept, "owner": "none"}),
        *((words._("Older than {days} days", days=age), {**kept, "age": str(age)}) for age in _AGES),
        *((words._(told.STATE[one]), {**kept, "state": one.value}) for one in State if one is not State.OPEN),
    ]
    return tuple(Link(label=label, url=f"{here}?{urlencode(fields)}" if fields else here) for label, fields in steps)


def _by_cause(words: Words, counts: Mapping[Cause, int], wanted: Filter) -> Table:
    return Table(
        heading=words._("Open, by cause"),
        columns=(Column(words._("Cause")), Column(words._("Open"), is_number=True)),
        rows=tuple(
            (
                Link(
                    label=words._(told.CAUSE[cause]),
                    url=f"{url_of(words)}?cause={cause.value}" if cause is not wanted.cause else "",
                ),
                Link(label=str(counts[cause])),
            )
            for cause in Cause
            if cause in counts
        ),
    )


def _rows(words: Words, rows: tuple[Listed, ...], today: date, wanted: Filter) -> Table:
    heading = words._(told.STATE[wanted.state])
    if wanted.cause is not None:
        heading = f"{heading}: {words._(told.CAUSE[wanted.cause])}"
    return Table(
        heading=heading,
        empty=words._("None."),
        columns=(
            Column(words._("Cause")),
            Column(words._("What")),
            Column(words._("Day")),
            Column(words._("Age in days"), is_number=True),
            Column(words._("Here"), is_number=True),
            Column(words._("There"), is_number=True),
            Column(words._("Whose")),
        ),
        rows=tuple(
            (
                Link(label=words._(told.CAUSE[one.cause]), url=url_of(words, one.id)),
                Link(label=told.about(words, one)),
                Link(label=words.short_day(one.day)),
                Link(label=str(one.age_days(today))),
                Link(label=told.cents(words, one.here_cents)),
                Link(label=told.cents(words, one.there_cents)),
                Link(
                    label=words._("waits for approval") if one.asked else one.owner_name or "–",
                    badge="warning" if one.asked else "",
                ),
            )
            for one in rows
        ),
    )


def _run_form(words: Words, today: date) -> Form:
    return Form(
        action=f"{url_of(words)}/runs",
        button=words._("Compare now"),
        heading=words._("Compare now"),
        intro=(
            words._("The provider is asked again, and the last 45 days are compared. By night this is done by itself."),
        ),
        is_second=True,
    )


async def run(request: web.Request) -> web.Response:
    words = words_of(request)
    await form(request)
    today = today_of(words)
    await request.app[MATCHING].run(today - timedelta(days=45), today, by=request[STAFF].account_id)
    return see(url_of(words))


async def show_one(request: web.Request) -> web.Response:
    return await _page(request, _id(request))


async def take(request: web.Request) -> web.Response:
    await form(request)
    return await _done(request, request.app[DIFFERENCES].take(_id(request), by=request[STAFF].account_id))


async def leave(request: web.Request) -> web.Response:
    await form(request)
    return await _done(request, request.app[DIFFERENCES].leave(_id(request), by=request[STAFF].account_id))


async def comment(request: web.Request) -> web.Response:
    text = (await form(request)).get(_COMMENT, "")
    work = request.app[DIFFERENCES].comment(_id(request), by=request[STAFF].account_id, text=text)
    return await _done(request, work, text, _COMMENT)


async def explain(request: web.Request) -> web.Response:
    text = (await form(request)).get(_NOTE, "")
    work = request.app[DIFFERENCES].explain(_id(request), by=request[STAFF].account_id, text=text)
    return await _done(request, work, text, _NOTE)


async def ask(request: web.Request) -> web.Response:
    fields = await form(request)
    text = fields.get(_NOTE, "")
    work = request.app[DIFFERENCES].ask(_id(request), by=request[STAFF].account_id, text=text, key=key_of(fields))
    return await _done(request, work, text, _NOTE)


async def approve(request: web.Request) -> web.Response:
    await form(request)
    ident, asked = _id(request), path_id(request, "request")
    return await _done(request, request.app[DIFFERENCES].approve(ident, asked, by=request[STAFF].account_id))


async def reject(request: web.Request) -> web.Response:
    await form(request)
    ident, asked = _id(request), path_id(request, "request")
    return await _done(request, request.app[DIFFERENCES].reject(ident, asked, by=request[STAFF].account_id))


async def _done(request: web.Request, work: Awaitable[object], typed: str = "", where: str = "") -> web.Response:
    """Back to the difference; a refusal is told on its page, beside what was typed."""
    try:
        await work
    except (Conflict, Invalid) as refusal:
        return await _page(request, _id(request), refusal, typed, where)
    return see(url_of(words_of(request), _id(request)))


def _id(request: web.Request) -> int:
    text = request.match_info["difference"]
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _LARGEST):
        raise NotFound
    return int(text)


async def _page(
    request: web.Request, ident: int, refusal: DomainError | None = None, typed: str = "", where: str = ""
) -> web.Response:
    words, staff = words_of(request), request[STAFF]
    story = await request.app[DIFFERENCES].get(ident)
    wrong = refusal.errors if isinstance(refusal, Invalid) else ()
    messages = {where or one.pointer.lstrip("/"): words._(one.message) for one in wrong}
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    title = f"{words._(told.CAUSE[story.listed.cause])}: {told.about(words, story.listed)}"
    view = BooksPage(
        frame=staff_frame(request, words, title, errors=errors),
        back=Link(label=words._("Differences"), url=url_of(words)),
        notice=words._(refusal.message) if refusal is not None and not messages else "",
        intro=(words._(told.ADVICE[story.listed.cause]),),
        facts=_facts(words, story.listed),
        tables=_tables(words, story),
        forms=_forms(words, story, staff, typed, messages, where),
    )
    return staff_page(request, "finance/books", view, status=refusal.status if refusal is not None else 200)


def _facts(words: Words, one: Listed) -> tuple[Fact, ...]:
    place, today = str(zone_of(words)), today_of(words)
    facts = [
        Fact(label=words._("State"), value=words._(told.STATE[one.state])),
        Fact(label=words._("Day"), value=words.day(one.day), url=day_link(words, one.day).url),
        Fact(label=words._("Age in days"), value=str(one.age_days(today))),
        Fact(label=words._("Here"), value=told.cents(words, one.here_cents)),
        Fact(label=words._("There"), value=told.cents(words, one.there_cents)),
        Fact(label=words._("Whose"), value=one.owner_name or words._("nobody's yet")),
        Fact(label=words._("Found"), value=words.when(one.opened_at, place)),
    ]
    if one.due_on is not None:
        facts.append(Fact(label=words._("To be done by"), value=words.day(one.due_on)))
    if one.payment_id is not None:
        facts.append(
            Fact(label=words._("Payment"), value=spaced(one.kassenzeichen), url=payment_url(words, one.payment_id))
        )
    return tuple(facts)


def _tables(words: Words, story: Story) -> tuple[Table, ...]:
    place = str(zone_of(words))
    lines = Table(
        heading=words._("Lines of the bank"),
        columns=(Column(words._("Booked on")), Column(words._("Text")), Column(words._("Amount"), is_number=True)),
        rows=tuple(
            (Link(label=words.short_day(day)), Link(label=text), Link(label=told.cents(words, cents)))
            for day, cents, text in story.lines
        ),
    )
    notes = Table(
        heading=words._("What was done"),
        columns=(Column(words._("When")), Column(words._("Who")), Column(words._("What")), Column(words._("Comment"))),
        rows=tuple(
            (
                Link(label=words.when(one.at, place)),
                Link(label=one.by or words._("by itself")),
                Link(label=words._(told.NOTE[one.what])),
                Link(label=one.text or "–"),
            )
            for one in story.notes
        ),
    )
    return (lines, notes) if story.lines else (notes,)


def _forms(
    words: Words, story: Story, staff: Principal, typed: str, messages: Mapping[str, str], where: str
) -> tuple[Form, ...]:
    one, here, waiting = story.listed, url_of(words, story.listed.id), story.waiting
    forms: list[Form] = []
    if one.state is State.OPEN and waiting is not None and staff.may(APPROVE):
        forms += _decisions(words, waiting, here, staff)
    if not staff.may(WORK):
        return tuple(forms)
    if one.state is State.OPEN and waiting is None:
        posts = one.proposal in POSTS
        note = words._("Why (for the journal and for whoever approves)") if posts else words._("Why it is settled")
        forms.append(
            Form(
                action=f"{here}/requests" if posts else f"{here}/explain",
                heading=words._("Settle"),
                intro=(words._("This books money: another person has to approve it."),) if posts else (),
                button=words._(told.BUTTON[one.proposal]) if posts else words._("Note as settled"),
                fields=(Field(name=_NOTE, label=note, kind="area"),),
                key=new_key(),
                values={_NOTE: typed} if where == _NOTE else {},
                messages=messages if where == _NOTE else {},
            )
        )
    if one.state is State.OPEN:
        mine = one.owner == staff.account_id
        forms.append(
            Form(
                action=f"{here}/{'leave' if mine else 'take'}",
                button=words._("Give it back") if mine else words._("Take it over"),
                is_second=True,
            )
        )
    forms.append(
        Form(
            action=f"{here}/comments",
            heading=words._("Comment"),
            button=words._("Save the comment"),
            fields=(Field(name=_COMMENT, label=words._("Comment"), kind="area"),),
            values={_COMMENT: typed} if where == _COMMENT else {},
            messages=messages if where == _COMMENT else {},
            is_second=True,
        )
    )
    return tuple(forms)


def _decisions(words: Words, waiting: Request, here: str, staff: Principal) -> list[Form]:
    is_own = waiting.requested_by == staff.account_id
    said = words._("{name} has asked for it: {note}", name=waiting.requester, note=waiting.note)
    approve = Form(
        action=f"{here}/requests/{waiting.id}/approve",
        heading=words._("Waiting for approval"),
        intro=(said,),
        button=words._("Approve and book"),
    )
    reject = Form(
        action=f"{here}/requests/{waiting.id}/reject",
        heading=words._("Waiting for approval") if is_own else "",
        intro=(said, words._("Another person has to approve what you have asked for.")) if is_own else (),
        button=words._("Withdraw") if is_own else words._("Reject"),
        is_second=True,
    )
    return [reject] if is_own else [approve, reject]


async def show_days(request: web.Request) -> web.Response:
    words, asked = words_of(request), query(request, Days)
    today = today_of(words)
    first, last = _days(asked, today)
    found = await request.app[DIFFERENCES].days(first, last)
    here = f"{url_of(words)}/days"
    view = BooksPage(
        frame=staff_frame(request, words, words._("Days as traffic lights")),
        back=Link(label=words._("Differences"), url=url_of(words)),
        url=here,
        fields=(
            DateField(name="from", label=words._("From"), value=first.isoformat()),
            DateField(name="to", label=words._("To"), value=last.isoformat()),
        ),
        tables=(
            Table(
                heading=words._("Days"),
                empty=words._("None."),
                columns=(
                    Column(words._("Day")),
                    Column(words._("Journals"), is_number=True),
                    Column(words._("Ledger closed")),
                    Column(words._("Provider")),
                    Column(words._("Payout")),
                    Column(words._("Bank")),
                    Column(words._("Treasury")),
                ),
                rows=tuple(_day_row(words, one) for one in found),
            ),
        ),
    )
    return staff_page(request, "finance/books", view)


def _day_row(words: Words, one: DayLights) -> tuple[Link, ...]:
    lights = (
        (one.ledger, 0),
        (one.provider, one.provider_open),
        (one.payout, one.payout_open),
        (one.bank, one.bank_open),
        (one.exported, 0),
    )
    return (
        day_link(words, one.day, words.short_day(one.day)),
        Link(label=str(one.journals)),
        *(Link(label=told.light(words, light, number), badge=told.TONE[light]) for light, number in lights),
    )


def _days(asked: Days, today: date) -> tuple[date, date]:
    """The last 31 where nothing is asked for. Raises NoSuchDays."""
    try:
        last = date.fromisoformat(asked.last) if asked.last else today
        first = date.fromisoformat(asked.first) if asked.first else last - timedelta(days=30)
    except ValueError:
        raise NoSuchDays from None
    if not first <= last <= today + _LONGEST or last - first > _LONGEST:
        raise NoSuchDays
    return first, last

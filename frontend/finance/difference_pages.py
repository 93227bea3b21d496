"""Handlers of differences: the list, and a run on demand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel

from base.identity.model import Principal
from base.web import STAFF, form, query
from frontend.citizen.rendering import see, words_of
from frontend.citizen.words import Words
from frontend.finance import difference_words as told
from frontend.finance.books_views import BooksPage, Column, Form, Table
from frontend.finance.days import asked_day, medium_day
from frontend.finance.shared import at_bank_url, day_link, today_of
from frontend.finance.trail import crumbs, down
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import DIFFERENCES, MATCHING
from payment.matching.model import Cause
from payment.matching.worklist_model import Filter, Listed, State

WORK = "reconcile.work"
_AGES = (7, 30)


class Asked(BaseModel):
    cause: str = ""
    state: str = ""
    owner: str = ""
    age: str = ""
    day: str = ""


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
        trail=crumbs(words),
        back=day_link(words, today, words._("Till: the day")),
        links=(
            Link(label=words._("Days as traffic lights"), url=f"{url_of(words)}/days"),
            Link(label=words._("Takings of the tills at the bank"), url=at_bank_url(words)),
            Link(label=words._("The provider's prices"), url=f"/{words.language}/finance/prices"),
            *_filters(words, wanted),
        ),
        intro=(
            words._("Open differences: {number}", number=count) if count else words._("No difference is open."),
            *((words._("These are the first {number} only.", number=len(found.rows)),) if found.has_more else ()),
        ),
        tables=(_by_cause(words, found.open_by_cause, wanted), _rows(words, found.rows, today, wanted)),
        forms=(_run_form(words),) if staff.may(WORK) else (),
    )
    return staff_page(request, "finance/books", view)


def _filter(asked: Asked, staff: Principal) -> Filter:
    """What cannot be understood is left out."""
    return Filter(
        cause=Cause(asked.cause) if asked.cause in set(Cause) else None,
        state=State(asked.state) if asked.state in set(State) else State.OPEN,
        owner=staff.account_id if asked.owner == "me" else None,
        unowned=asked.owner == "none",
        day=asked_day(asked.day),
        older_than_days=int(asked.age) if asked.age in {str(age) for age in _AGES} else 0,
    )


def _filters(words: Words, wanted: Filter) -> tuple[Link, ...]:
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
    if wanted.day is not None:
        heading = f"{heading}, {medium_day(words, wanted.day)}"
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
                Link(label=words._(told.CAUSE[one.cause]), url=down(words, url_of(words, one.id))),
                Link(label=told.about(words, one)),
                Link(label=medium_day(words, one.day)),
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


def _run_form(words: Words) -> Form:
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

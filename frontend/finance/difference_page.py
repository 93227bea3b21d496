"""Handlers of one difference: taking it over, comments, and settling it by two."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from aiohttp import web

from base.errors import Conflict, DomainError, Invalid
from base.identity.model import Principal
from base.web import STAFF, form, path_id, path_number
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError, Tick
from frontend.citizen.words import Words
from frontend.finance import difference_words as told
from frontend.finance.books_views import BooksPage, Column, Field, Form, Table
from frontend.finance.difference_pages import WORK, url_of
from frontend.finance.payout_pages import payouts_url
from frontend.finance.shared import day_link, payment_url, today_of, zone_of
from frontend.finance.trail import crumbs, down
from frontend.finance.views import Fact, Link
from frontend.finance.wording import unless_erased
from frontend.staff.frame import staff_frame, staff_page
from payment.endpoints import DIFFERENCES
from payment.matching.model import Cause, Proposal, SentKind
from payment.matching.worklist import UNASSIGNED
from payment.matching.worklist_model import Listed, Request, State, Story
from payment.receipts.kassenzeichen import spaced

APPROVE = "writeoff.approve"
_NOTE, _COMMENT, _CHOICE = "note", "comment", "choice"


async def show_one(request: web.Request) -> web.Response:
    return await _page(request, _id(request))


async def take(request: web.Request) -> web.Response:
    await form(request)
    return await _done(
        request,
        request.app[DIFFERENCES].take(_id(request), by=request[STAFF].account_id),
    )


async def leave(request: web.Request) -> web.Response:
    await form(request)
    return await _done(
        request,
        request.app[DIFFERENCES].leave(_id(request), by=request[STAFF].account_id),
    )


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
    text, choice = fields.get(_NOTE, ""), fields.get(_CHOICE, "")
    work = request.app[DIFFERENCES].ask(
        _id(request), by=request[STAFF].account_id, text=text, key=key_of(fields), choice=choice
    )
    return await _done(request, work, text, _NOTE, choice)


async def approve(request: web.Request) -> web.Response:
    await form(request)
    ident, asked = _id(request), path_id(request, "request")
    return await _done(request, request.app[DIFFERENCES].approve(ident, asked, by=request[STAFF].account_id))


async def reject(request: web.Request) -> web.Response:
    await form(request)
    ident, asked = _id(request), path_id(request, "request")
    return await _done(request, request.app[DIFFERENCES].reject(ident, asked, by=request[STAFF].account_id))


async def _done(
    request: web.Request, work: Awaitable[object], typed: str = "", where: str = "", chosen: str = ""
) -> web.Response:
    """Back to the difference; a refusal is told on its page, beside what was typed."""
    try:
        await work
    except (Conflict, Invalid) as refusal:
        return await _page(request, _id(request), refusal, typed, where, chosen)
    return see(url_of(words_of(request), _id(request)))


def _id(request: web.Request) -> int:
    return path_number(request, "difference", bits=63)


async def _page(
    request: web.Request,
    ident: int,
    refusal: DomainError | None = None,
    typed: str = "",
    where: str = "",
    chosen: str = "",
) -> web.Response:
    words, staff = words_of(request), request[STAFF]
    story = await request.app[DIFFERENCES].get(ident)
    wrong = refusal.errors if isinstance(refusal, Invalid) else ()
    messages = {
        _CHOICE if one.pointer == "/choice" else where or one.pointer.lstrip("/"): words._(one.message) for one in wrong
    }
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    title = f"{words._(told.CAUSE[story.listed.cause])}: {told.about(words, story.listed)}"
    view = BooksPage(
        frame=staff_frame(request, words, title, errors=errors),
        back=Link(label=words._("Differences"), url=url_of(words)),
        trail=crumbs(words),
        notice=words._(refusal.message) if refusal is not None and not messages else "",
        intro=(words._(told.advice(story.listed)),),
        facts=_facts(words, story),
        tables=_tables(words, story),
        forms=_forms(words, story, staff, typed, messages, where, chosen),
    )
    return staff_page(request, "finance/books", view, status=refusal.status if refusal is not None else 200)


def _facts(words: Words, story: Story) -> tuple[Fact, ...]:
    one = story.listed
    place, today = str(zone_of(words)), today_of(words)
    facts = [
        Fact(label=words._("State"), value=words._(told.STATE[one.state])),
        Fact(label=words._("Day"), value=words.day(one.day), url=down(words, day_link(words, one.day).url)),
        Fact(label=words._("Age in days"), value=str(one.age_days(today))),
        Fact(label=words._("Here"), value=told.cents(words, one.here_cents)),
        Fact(label=words._("There"), value=told.cents(words, one.there_cents)),
        Fact(label=words._("Whose"), value=one.owner_name or words._("nobody's yet")),
        Fact(label=words._("Found"), value=words.when(one.opened_at, place)),
    ]
    if one.due_on is not None:
        facts.append(Fact(label=words._("To be done by"), value=words.day(one.due_on)))
    kind, _colon, name = one.subject.partition(":")
    if name.startswith("po_"):
        facts.append(Fact(label=words._("Payout"), value=name, url=down(words, payouts_url(words, name))))
    elif kind not in ("statement", "bank", "batch", "balance", *SentKind):
        facts.append(Fact(label=words._("Id at the provider"), value=name))
    if (sent := story.sent.get(one.subject)) is not None:
        facts.append(Fact(label=words._(told.SENT[sent.kind]), value=told.sent_as(words, sent)))
    if one.payment_id is not None:
        facts.append(
            Fact(
                label=words._("Payment"),
                value=spaced(one.kassenzeichen),
                url=down(words, payment_url(words, one.payment_id)),
            )
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
                Link(label=unless_erased(words, one.text) or "–"),
            )
            for one in story.notes
        ),
    )
    return (lines, notes) if story.lines else (notes,)


def _forms(
    words: Words, story: Story, staff: Principal, typed: str, messages: Mapping[str, str], where: str, chosen: str
) -> tuple[Form, ...]:
    one, here, waiting = story.listed, url_of(words, story.listed.id), story.waiting
    forms: list[Form] = []
    if one.state is State.OPEN and waiting is not None and staff.may(APPROVE):
        forms += _decisions(words, story, waiting, here, staff)
    if not staff.may(WORK):
        return tuple(forms)
    if one.state is State.OPEN and waiting is None:
        note = _note(words, one)
        if one.posts:
            intro: tuple[str, ...] = (words._("This books money: another person has to approve it."),)
        else:
            intro = (words._("Nothing is booked by this. Another person has to confirm it."),) if one.takes_two else ()
        forms.append(
            Form(
                action=f"{here}/requests" if one.takes_two else f"{here}/explain",
                heading=words._("Settle"),
                intro=intro,
                button=words._(told.BUTTON[Proposal.CLEAR if one.choices else one.proposal])
                if one.takes_two
                else words._("Note as settled"),
                fields=(*_choices(words, story, chosen), Field(name=_NOTE, label=note, kind="area")),
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


def _choices(words: Words, story: Story, chosen: str) -> tuple[Field, ...]:
    """What a line of the bank can be, and always: nothing that is known. What is proposed stands first and is chosen, unless it is one of
    several."""
    one = story.listed
    if not one.choices:
        return ()
    options = [(each.key, told.choice(words, each, one.there_cents or 0, story.sent)) for each in one.choices]
    nothing = (UNASSIGNED, words._("Keep it as not assigned"))
    options = [nothing, *options] if one.proposal is Proposal.KEEP_UNASSIGNED else [*options, nothing]
    chosen = chosen or ("" if one.cause is Cause.TILL_AMBIGUOUS else options[0][0])
    ticks = tuple(Tick(value=key, label=label, is_chosen=key == chosen) for key, label in options)
    return (Field(name=_CHOICE, label=words._("What this line is"), kind="choice", options=ticks),)


def _note(words: Words, one: Listed) -> str:
    if one.posts:
        return words._("Why (for the journal and for whoever approves)")
    is_of_a_person = one.cause is Cause.REFUND_AT_PROVIDER
    return words._("Who made it, and why") if is_of_a_person else words._("Why it is settled")


def _decisions(words: Words, story: Story, waiting: Request, here: str, staff: Principal) -> list[Form]:
    one, sent = story.listed, story.sent
    is_own = waiting.requested_by == staff.account_id
    said = words._("{name} has asked for it: {note}", name=waiting.requester, note=waiting.note)
    if waiting.choice is not None:
        said = f"{said} ({told.choice(words, waiting.choice, one.there_cents or 0, sent)})"
    elif one.choices:
        said = f"{said} ({words._('Keep it as not assigned')})"
    approve = Form(
        action=f"{here}/requests/{waiting.id}/approve",
        heading=words._("Waiting for approval"),
        intro=(said,),
        button=words._("Approve and book") if one.posts else words._("Confirm"),
    )
    reject = Form(
        action=f"{here}/requests/{waiting.id}/reject",
        heading=words._("Waiting for approval") if is_own else "",
        intro=(said, words._("Another person has to approve what you have asked for.")) if is_own else (),
        button=words._("Withdraw") if is_own else words._("Reject"),
        is_second=True,
    )
    return [reject] if is_own else [approve, reject]

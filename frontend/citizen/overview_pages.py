"""Handlers of "my appointments": ask for the link, arrive by it, open the list."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web
from pydantic import BaseModel

from base.errors import Unauthenticated
from base.i18n import mark as _
from base.web import bearer, form, path_id, query, set_token_cookie
from base.web.staff import address_of
from booking.overview.endpoints import OVERVIEWS
from booking.overview.model import Listed, Reach
from booking.overview.usecases import AskedTooOften, LinkOver
from frontend.citizen.frame import frame
from frontend.citizen.need_views import NoticePage
from frontend.citizen.one_contact import FIELDS, read_one
from frontend.citizen.overview_views import AskPage, ListedCase, ListPage, OpenPage
from frontend.citizen.rendering import SHARED, chosen, key_of, new_key, page, see, words_of
from frontend.citizen.views import Row, ShownError
from frontend.citizen.words import Words

HERE = "/my-appointments"
_ONE_NEEDED = _("Enter the e-mail address or the mobile number that you gave when booking")
_ONLY_ONE = _("Enter only one of both: we send one link")
_OVER = _("This link has been used already, or its time is over. Please ask for a new one.")


class AskQuery(BaseModel):
    over: bool = False  # came by a link that opens nothing any more


async def show_form(request: web.Request) -> web.Response:
    words = words_of(request)
    problem = words._(_OVER) if query(request, AskQuery).over else ""
    return page(request, "overview_ask", _form(request, words, {}, problem=problem), cache=SHARED)


async def send_form(request: web.Request) -> web.Response:
    """The answer is the same whatever there is."""
    words, fields = words_of(request), await form(request)
    key = key_of(fields)
    values = {name: fields.get(name, "").strip()[:500] for name in FIELDS}
    wanted, wrong = read_one(values, words.language, none=_ONE_NEEDED, both=_ONLY_ONE)
    if wanted is None:
        return page(request, "overview_ask", _form(request, words, values, wrong), status=422)
    reach = Reach.EMAIL if wanted.email else Reach.SMS
    try:
        await request.app[OVERVIEWS].ask(reach, wanted.address, words.language, str(key), address_of(request))
    except AskedTooOften as refusal:
        view = _form(request, words, values, problem=words._(refusal.message))
        return page(request, "overview_ask", view, status=refusal.status)
    return see(f"/{words.language}{HERE}/sent")


async def sent(request: web.Request) -> web.Response:
    words = words_of(request)
    text = words._(
        "If something is booked with this contact, a link comes within a few minutes. It opens once, and only for half an hour. "
        "Nothing came? Then nothing is booked with it, or we have written to it several times already."
    )
    view = NoticePage(
        frame=frame(words, words._("We have sent a link, if there is something"), f"{HERE}/sent"), text=text
    )
    return page(request, "need_notice", view, cache=SHARED)


async def arrive(request: web.Request) -> web.Response:
    """The link of the message: its token goes on as a cookie; it is not used by this.

    Followed once more in the browser where the list is open, it leads there: the list's own token is kept.
    """
    words, token = words_of(request), request.match_info["token"]
    ident = await request.app[OVERVIEWS].find_by_token(token)
    if ident is None:
        return _over(words)
    response = see(f"/{words.language}{HERE}/{ident}")
    if not await _is_open_here(request, ident):
        set_token_cookie(request, response, "overview", ident, token)
    return response


async def _is_open_here(request: web.Request, ident: UUID) -> bool:
    try:
        return await request.app[OVERVIEWS].is_open(ident, bearer(request, "overview", ident) or "")
    except (Unauthenticated, LinkOver):
        return False


async def show(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "overview")
    token, overviews, here = bearer(request, "overview", ident) or "", request.app[OVERVIEWS], f"{HERE}/{ident}"
    title = words._("My appointments")
    try:
        if not await overviews.is_open(ident, token):
            question = OpenPage(
                frame=frame(words, title, here), action=f"/{words.language}{here}", request_key=new_key()
            )
            return page(request, "overview_open", question)
        listed = await overviews.cases(ident, token)
    except LinkOver:
        return _over(words)
    cards = tuple([await _card(request, words, one) for one in listed])
    return page(request, "overview_list", ListPage(frame=frame(words, title, here), cases=cards))


async def use(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "overview")
    key, overviews = key_of(await form(request)), request.app[OVERVIEWS]
    token = bearer(request, "overview", ident) or ""
    here = f"/{words.language}{HERE}/{ident}"
    try:
        if await overviews.is_open(ident, token):
            return see(here)
        _ident, opened = await overviews.open(token, str(key))
    except LinkOver:
        return _over(words)
    response = see(here)
    set_token_cookie(request, response, "overview", ident, opened.token)
    return response


def _over(words: Words) -> web.Response:
    return see(f"/{words.language}{HERE}?over=1")


def _form(
    request: web.Request,
    words: Words,
    values: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
    problem: str = "",
) -> AskPage:
    messages = {name: words._(text) for name, text in (wrong or {}).items()}
    errors = tuple(ShownError(field=name, message=text) for name, text in messages.items())
    return ask_page(words, values, messages, errors, can_text=request.app[OVERVIEWS].can_text, problem=problem)


def ask_page(
    words: Words,
    values: Mapping[str, str],
    messages: Mapping[str, str],
    errors: tuple[ShownError, ...] = (),
    *,
    can_text: bool,
    problem: str = "",
) -> AskPage:
    return AskPage(
        frame=frame(words, words._("My appointments"), HERE, errors=errors, back_url=f"/{words.language}/"),
        action=f"/{words.language}{HERE}",
        request_key=new_key(),
        can_text=can_text,
        values=values,
        messages=messages,
        problem=problem,
    )


async def _card(request: web.Request, words: Words, listed: Listed) -> ListedCase:
    case = listed.case
    time = await chosen(request, case)
    return ListedCase(
        title=words.pick(time.service.name),
        url=listed.link,
        rows=(
            Row(label=words._("When"), value=words.when(case.starts_at, case.time_zone)),
            Row(label=words._("Where"), value=words.pick(time.office.name), lines=(words.channel(case.channel),)),
            Row(label=words._("Number"), value=case.number),
            Row(label=words._("State"), value=_state(words, case.status)),
        ),
    )


def _state(words: Words, status: str) -> str:
    return words._("Confirmed") if status == "confirmed" else words._("Not booked yet: the time is kept for a while")

"""Handlers of the staff's own pages: sign in and out, start, change the password."""

from __future__ import annotations

from aiohttp import web

from base.errors import DomainError, FieldError, Invalid
from base.i18n import Text, pick
from base.i18n import mark as _
from base.identity.model import Principal
from base.identity.usecases import TooManySignIns, WeakPassword, WrongPassword
from base.web import IDENTITY, STAFF, form
from base.web.staff import (
    SIGN_IN_PAGE,
    address_of,
    clear_session_cookie,
    safe_next,
    session_cookie,
    set_session_cookie,
)
from booking.catalogue.endpoints import CATALOGUE
from frontend.citizen.rendering import see, words_of
from frontend.citizen.views import ShownError
from frontend.citizen.words import Words
from frontend.staff.areas import AREAS, PERMISSIONS
from frontend.staff.frame import staff_frame, staff_page
from frontend.staff.views import AreaCard, PasswordPage, Right, SignInPage, StartPage


async def show_sign_in(request: web.Request) -> web.Response:
    words = words_of(request)
    wanted, notice = request.query.get("next", ""), ""
    if "over" in request.query:
        notice = words._(
            "You are not signed in any more: what you have sent was not saved. Please sign in and enter it again."
        )
    elif "changed" in request.query:
        notice = words._("Your password is changed. Please sign in with the new one.")
    return _sign_in_page(request, words, wanted, notice=notice, is_good="over" not in request.query)


async def sign_in(request: web.Request) -> web.Response:
    words, fields = words_of(request), await form(request)
    identity, wanted = request.app[IDENTITY], fields.get("next", "")
    login = fields.get("login", "")
    try:
        token = await identity.sign_in(login, fields.get("password", ""), address_of(request))
    except (WrongPassword, TooManySignIns) as error:
        status = 422 if isinstance(error, WrongPassword) else error.status
        return _sign_in_page(request, words, wanted, notice=words._(error.message), login=login, status=status)
    before = session_cookie(request)
    if before is not None:
        await identity.sign_out(before)
    response = see(safe_next(wanted) or f"/{words.language}/staff/")
    set_session_cookie(request, response, token)
    return response


async def sign_out(request: web.Request) -> web.Response:
    """Whoever is not signed in has nothing to lose, so nobody is asked."""
    words, token = words_of(request), session_cookie(request)
    if token is not None:
        await request.app[IDENTITY].sign_out(token)
    response = see(SIGN_IN_PAGE.format(language=words.language))
    clear_session_cookie(request, response)
    return response


async def start(request: web.Request) -> web.Response:
    words, staff = words_of(request), request[STAFF]
    known = request.app[CATALOGUE].known
    offices = {office.id: office.name for office in known.offices.values()} if known else {}
    cards = tuple(
        AreaCard(label=words._(area.label), meaning=words._(area.meaning), url=f"/{words.language}{area.path}")
        for area in AREAS
        if staff.may_somewhere(area.permission)
    )
    view = StartPage(
        frame=staff_frame(request, words, words._("Good day, {name}", name=staff.name)),
        areas=cards,
        rights=tuple(
            Right(meaning=words._(meaning), where=_where(words, staff, permission, offices))
            for permission, meaning in PERMISSIONS.items()
            if staff.may_somewhere(permission)
        ),
    )
    return staff_page(request, "staff/start", view)


async def show_password(request: web.Request) -> web.Response:
    return _password_page(request, words_of(request))


async def change_password(request: web.Request) -> web.Response:
    """Ends every session of the account, so that whoever knew the old password is out."""
    words, fields = words_of(request), await form(request)
    try:
        if fields.get("new", "") != fields.get("again", ""):
            raise Invalid([FieldError("/again", "again", _("The two new passwords are not the same."))])
        identity, staff = request.app[IDENTITY], request[STAFF]
        await identity.change_password(staff.account_id, fields.get("old", ""), fields.get("new", ""))
    except (WrongPassword, WeakPassword, TooManySignIns, Invalid) as error:
        return _password_page(request, words, error)
    response = see(f"{SIGN_IN_PAGE.format(language=words.language)}?changed=1")
    clear_session_cookie(request, response)
    return response


def _sign_in_page(
    request: web.Request,
    words: Words,
    wanted: str,
    *,
    notice: str = "",
    is_good: bool = False,
    login: str = "",
    status: int = 200,
) -> web.Response:
    view = SignInPage(
        frame=staff_frame(request, words, words._("Sign in")),
        action=SIGN_IN_PAGE.format(language=words.language),
        next=safe_next(wanted) or "",
        notice=notice,
        is_good=is_good,
        values={"login": login[:64]},
    )
    return staff_page(request, "staff/sign_in", view, status=status)


def _password_page(request: web.Request, words: Words, error: DomainError | None = None) -> web.Response:
    messages: dict[str, str] = {}
    if isinstance(error, Invalid):
        messages = {one.pointer.lstrip("/"): words._(one.message) for one in error.errors}
    elif error is not None:
        field = "new" if isinstance(error, WeakPassword) else "old"
        messages = {field: words._("This is not your present password.") if isinstance(error, WrongPassword) else ""}
        messages[field] = messages[field] or words._(error.message)
    errors = tuple(ShownError(field=field, message=message) for field, message in messages.items())
    view = PasswordPage(
        frame=staff_frame(request, words, words._("Change password"), errors=errors),
        action=f"/{words.language}/staff/password",
        messages=messages,
    )
    return staff_page(request, "staff/password", view, status=422 if error else 200)


def _where(words: Words, staff: Principal, permission: str, offices: dict[int, Text]) -> str:
    scopes = {grant.office_id for grant in staff.grants if grant.permission == permission}
    if None in scopes:
        return words._("in the whole city")
    return ", ".join(sorted(pick(offices[one], words.language) for one in scopes if one in offices))

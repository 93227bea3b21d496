"""The staff's own pages as a table. Counter and finance have tables of their own."""

from __future__ import annotations

from base.errors import DomainError, NotFound
from base.identity.usecases import TooManySignIns, WeakPassword, WrongPassword
from base.web import ANYONE, SIGNED_IN, Endpoint, Who
from base.web.endpoint import Handler
from base.web.staff import SIGN_IN_PAGE
from frontend.staff import sign_in


def _page(method: str, path: str, handler: Handler, who: Who, summary: str, *refuses: type[DomainError]) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        who=who,
        summary=summary,
        refuses=refuses,
        media="text/html",
        page=True,
    )


ENDPOINTS = [
    _page("GET", SIGN_IN_PAGE, sign_in.show_sign_in, ANYONE, "Sign in", NotFound),
    _page("POST", SIGN_IN_PAGE, sign_in.sign_in, ANYONE, "Send name and password", WrongPassword, TooManySignIns),
    _page("POST", "/{language}/staff/sign-out", sign_in.sign_out, ANYONE, "Sign out"),
    _page("GET", "/{language}/staff/", sign_in.start, SIGNED_IN, "Where to work, and what I may do"),
    _page("GET", "/{language}/staff/password", sign_in.show_password, SIGNED_IN, "Change the password"),
    _page(
        "POST",
        "/{language}/staff/password",
        sign_in.change_password,
        SIGNED_IN,
        "Send old and new password",
        WrongPassword,
        WeakPassword,
        TooManySignIns,
    ),
]

"""The staff's own pages as a table. Counter and finance have tables of their own."""

from __future__ import annotations

from base.errors import NotFound
from base.identity.usecases import TooManySignIns, WeakPassword, WrongPassword
from base.web import ANYONE, SIGNED_IN
from base.web.endpoint import page
from base.web.staff import SIGN_IN_PAGE
from frontend.staff import sign_in

ENDPOINTS = [
    page("GET", SIGN_IN_PAGE, sign_in.show_sign_in, ANYONE, "Sign in", NotFound),
    page("POST", SIGN_IN_PAGE, sign_in.sign_in, ANYONE, "Send name and password", WrongPassword, TooManySignIns),
    page("POST", "/{language}/staff/sign-out", sign_in.sign_out, ANYONE, "Sign out"),
    page("GET", "/{language}/staff/", sign_in.start, SIGNED_IN, "Where to work, and what I may do"),
    page("GET", "/{language}/staff/password", sign_in.show_password, SIGNED_IN, "Change the password"),
    page(
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

"""Staff in a test's town: accounts with a role, and a browser of their own that has signed in. Passwords cost little here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp import CookieJar
from argon2 import PasswordHasher
from yarl import URL

from base.identity.passwords import Passwords
from base.identity.usecases import Identity
from base.web import IDENTITY
from tests.town import Town

PASSWORD = "correct horse battery"
_QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    text: str = field(repr=False)
    url: URL
    headers: Any = field(repr=False)


def words(page: Page | str) -> str:
    """What of a page or a text with marks is to be read, in one line."""
    text = page if isinstance(page, str) else page.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).replace("\xa0", " ")


class StaffBrowser:
    """A cookie jar of its own, so that several people work in one town."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._jar = CookieJar(unsafe=True)
        self._http = aiohttp.ClientSession(cookie_jar=self._jar)

    async def __aenter__(self) -> StaffBrowser:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._http.close()

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self._jar if cookie.value}

    @property
    def http(self) -> aiohttp.ClientSession:
        return self._http

    def put_cookie(self, name: str, value: str) -> None:
        self._jar.update_cookies({name: value}, URL(self._town.origin))

    async def get(self, path: str, **given: Any) -> Page:
        return await self.ask("GET", path, **given)

    async def post(self, path: str, *, follow: bool = True, headers: Any = None, **fields: Any) -> Page:
        return await self.ask("POST", path, data=fields or {"nothing": ""}, follow=follow, headers=headers or {})

    async def ask(self, method: str, path: str, *, follow: bool = True, **given: Any) -> Page:
        headers = {"Accept": "text/html", **given.pop("headers", {})}
        async with self._http.request(
            method, self._town.origin + path, headers=headers, allow_redirects=follow, **given
        ) as response:
            return Page(response.status, await response.text(), response.url, response.headers)


async def hire(town: Town, login: str, role: str, office: str | None = None) -> int:
    """An account with a role for an office (its key) or for the whole city; the id of the account."""
    app_identity = town.app[IDENTITY]
    identity = Identity(app_identity.db, app_identity.clock, app_identity.sealer, passwords=_QUICK)
    ident = await identity.add_account(login, login.capitalize(), PASSWORD)
    await identity.give_role(login, role, office)
    return ident


async def sign_in(town: Town, login: str, password: str = PASSWORD) -> StaffBrowser:
    browser = StaffBrowser(town)
    page = await browser.post("/de/staff/sign-in", login=login, password=password)
    assert page.url.path == "/de/staff/", page
    return browser

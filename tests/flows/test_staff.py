"""Staff over HTTP: sign in, be led back, be refused, sign out; accounts from the command line."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest

from tests.flows.test_counter import office_id
from tests.staff import PASSWORD, StaffBrowser, hire, sign_in
from tests.town import Town


async def test_who_has_not_signed_in_is_led_to_the_sign_in_page_and_back(town: Town) -> None:
    await hire(town, "kim", "clerk", "buergerbuero-mitte")
    async with StaffBrowser(town) as browser:
        led = await browser.get("/de/staff/password?x=1")
        assert (led.status, led.url.path) == (200, "/de/staff/sign-in")
        assert led.url.query["next"] == "/de/staff/password?x=1"
        assert 'name="next" value="/de/staff/password?x=1"' in led.text
        back = await browser.post("/de/staff/sign-in", login="kim", password=PASSWORD, next="/de/staff/password?x=1")
        assert (back.status, back.url.path_qs) == (200, "/de/staff/password?x=1")


async def test_whose_session_has_ended_in_the_middle_of_a_form_is_told_that_nothing_was_saved(town: Town) -> None:
    async with StaffBrowser(town) as browser:
        led = await browser.post("/de/hours/1/preview", kind="exception", day="2026-12-08", reason="Fest")
        assert (led.status, led.url.path) == (200, "/de/staff/sign-in")
        assert "Was Sie gesendet haben, wurde nicht gespeichert." in led.text


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/de//evil.example",
        "/\\evil.example",
        "/de/..;/x",
        "javascript:x",
        "/x",
    ],
)
async def test_the_way_back_leads_to_our_own_pages_only(town: Town, wanted: str) -> None:
    await hire(town, "kim", "clerk", "buergerbuero-mitte")
    async with StaffBrowser(town) as browser:
        there = await browser.post("/de/staff/sign-in", login="kim", password=PASSWORD, next=wanted)
        assert (there.status, str(there.url)) == (200, f"{town.origin}/de/staff/")


async def test_a_wrong_password_and_an_unknown_name_get_the_same_page(town: Town) -> None:
    await hire(town, "kim", "clerk", "buergerbuero-mitte")
    pages = []
    for login in ("kim", "who"):
        async with StaffBrowser(town) as browser:
            page = await browser.post("/de/staff/sign-in", login=login, password="wrong password")
            assert page.status == 422
            assert not browser.cookies
            pages.append(page.text.replace(f'value="{login}"', ""))
    assert pages[0] == pages[1]
    assert "Name oder Passwort ist falsch." in pages[0]


async def test_the_cookie_is_for_the_server_only_and_each_sign_in_gets_a_new_one(town: Town) -> None:
    await hire(town, "kim", "clerk", "buergerbuero-mitte")
    async with StaffBrowser(town) as browser:
        seen = []
        for _ in range(2):
            answer = await browser.post("/de/staff/sign-in", follow=False, login="kim", password=PASSWORD)
            assert answer.status == 303
            set_cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in set_cookie
            assert "SameSite=Lax" in set_cookie
            assert "Max-Age" not in set_cookie
            seen.append(browser.cookies["staff"])
        assert seen[0] != seen[1]
    [count] = await town.rows("SELECT count(*)::int AS n FROM session")
    assert count == {"n": 1}  # the browser's former session has ended
    [row] = await town.rows("SELECT token_sha256 FROM session")
    assert seen[1].encode() not in row["token_sha256"]


async def test_after_signing_out_the_old_cookie_opens_nothing(town: Town) -> None:
    await hire(town, "kim", "clerk", "buergerbuero-mitte")
    async with await sign_in(town, "kim") as browser:
        start = await browser.get("/de/staff/")
        assert "Bürgerbüro Mitte" in start.text
        assert start.headers["Cache-Control"] == "private, no-store"
        old = browser.cookies["staff"]
        await browser.post("/de/staff/sign-out")
        assert "staff" not in browser.cookies
        browser.put_cookie("staff", old)
        assert (await browser.get("/de/staff/")).url.path == "/de/staff/sign-in"


async def test_a_new_password_signs_out_everywhere(town: Town) -> None:
    await hire(town, "kim", "clerk", "buergerbuero-mitte")
    async with await sign_in(town, "kim") as here, await sign_in(town, "kim") as elsewhere:
        wrong = await here.post("/de/staff/password", old="wrong", new="a new password", again="a new password")
        assert wrong.status == 422
        other = await here.post("/de/staff/password", old=PASSWORD, new="a new password", again="another password")
        assert other.status == 422
        done = await here.post("/de/staff/password", old=PASSWORD, new="a new password", again="a new password")
        assert done.url.path == "/de/staff/sign-in"
        assert "Ihr Passwort ist geändert." in done.text
        assert (await elsewhere.get("/de/staff/")).url.path == "/de/staff/sign-in"
        again = await here.post("/de/staff/sign-in", login="kim", password="a new password")
        assert again.url.path == "/de/staff/"


async def test_another_site_can_neither_sign_in_nor_out(town: Town) -> None:
    await hire(town, "kim", "clerk", "buergerbuero-mitte")
    async with await sign_in(town, "kim") as browser:
        headers = {"Sec-Fetch-Site": "cross-site"}
        assert (await browser.post("/de/staff/sign-out", headers=headers)).status == 403
        assert (await browser.get("/de/staff/")).url.path == "/de/staff/"


async def _schalter(town: Town, *words: str, typed: str = "") -> tuple[int, str]:
    environ = {**os.environ, "DATABASE_URL": town.settings.database_url, "SECRET_KEY": town.settings.secret_key}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server",
        *words,
        env=environ,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate(typed.encode())
    return process.returncode or 0, said.decode()


async def test_accounts_from_the_command_line(town: Town) -> None:
    add = ("account", "add", "kim", "--name", "Kim", "--role", "clerk", "--office", "buergerbuero-mitte")
    code, said = await _schalter(town, *add, typed="typed password\n")
    assert code == 0, said
    assert "typed password" not in said
    code, said = await _schalter(town, *add, typed="typed password\n")
    assert (code, said) == (1, "There is an account of this name already.\n")
    assert (await _schalter(town, "account", "role", "kim", "supervisor"))[0] == 0
    assert (await _schalter(town, "account", "role", "kim", "king"))[0] == 1
    assert (await _schalter(town, "account", "password", "kim", typed="short\n"))[0] == 1
    assert (await _schalter(town, "account", "password", "kim", typed="typed otherwise\n"))[0] == 0
    found: list[dict[str, Any]] = await town.rows(
        "SELECT r.name, o.key FROM account_role a JOIN role r ON r.id = a.role_id LEFT JOIN office o ON o.id = a.office_id "
        "ORDER BY 1"
    )
    assert found == [{"name": "clerk", "key": "buergerbuero-mitte"}, {"name": "supervisor", "key": None}]
    async with await sign_in(town, "kim", "typed otherwise") as browser:
        assert (await browser.get("/en/staff/")).status == 200
        assert (await _schalter(town, "account", "sign-out", "kim"))[0] == 0
        assert (await browser.get("/en/staff/")).url.path == "/en/staff/sign-in"
    assert (await _schalter(town, "account", "sign-out", "nobody"))[0] == 1


async def test_who_is_refused_stays_in_the_staffs_frame(town: Town) -> None:
    office = await office_id(town)
    await hire(town, "kim", "clerk", "buergerbuero-west")
    async with await sign_in(town, "kim") as kim:
        for answer, status in (
            (await kim.get(f"/de/counter/{office}"), 403),
            (await kim.get("/de/finance/work"), 403),
            (await kim.get("/de/counter/99999"), 403),
            (await kim.get("/de/staff/nothing"), 404),
            (await kim.get(f"/de/counter/{office}/next"), 405),
        ):
            assert answer.status == status
            assert "Mitarbeitende" in answer.text or "Mitarbeite" in answer.text
            assert "115" not in answer.text
            assert 'href="/de/staff/"' in answer.text
        assert "Abmelden" in (await kim.get(f"/de/counter/{office}")).text
    citizen = await town.call("GET", "/de/nothing", headers={"Accept": "text/html"})
    assert "115" in citizen.body

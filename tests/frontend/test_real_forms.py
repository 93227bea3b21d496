"""The forms on the whole product: whatever is in their fields, nothing fails inside; and what a browser reserves, it gives back."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.town import KIM, Answer, Town

Fields = Mapping[str, str]
NAMES = (
    "slot service channel office request_key name email mobile street postcode place language needs note q day all hold"
)
_KEY = "7f1f0f3e-52d0-4a3f-8a3b-0d8d4f4b5c6a"
_NEAR = [
    "1@2026-12-01T10:00",
    "1@2026-12-01T10:00Z",
    "1@2026-12-01T10:00+01:00",
    "1@2099-12-31T23:59Z",
    "1@2000-01-01T00:00Z",
    "9999999999@2026-12-01T10:00Z",
    "1@9999-12-31T23:59Z",
    "99999999999999999999",
    "1",
    "0",
    "-1",
    "1,2,99999999999",
    "onsite",
    "video",
    "de",
    "kim@example.org",
    "0151 23456789",
    "70173",
    "2026-12-02",
    "0001-01-01",
    "9999-12-31",
    "true",
    _KEY,
    "\x00",
    "{x} %(x)s <b>",
]
_VALUES = st.one_of(st.sampled_from(_NEAR), st.text(max_size=40), st.text("\x00\r\n\\'\"%{}<>@ 0٣²ß😀", max_size=20))
_FIELDS = st.dictionaries(st.sampled_from(NAMES.split()), _VALUES, max_size=6)


async def send(town: Town, path: str, fields: Fields, method: str = "POST", **given: Any) -> Answer:
    given["params" if method == "GET" else "data"] = fields
    return await town.call(method, path, headers={"Accept": "text/html"}, allow_redirects=False, **given)


def hidden(page: str) -> dict[str, str]:
    """The fields of the page's last form, with its first time."""
    form = re.findall(r'<form[^>]*method="post".*?</form>', page, re.S)[-1]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form))
    slots = re.findall(r'name="slot" value="([^"]+)"', form)
    return {name: html.unescape(value) for name, value in fields.items()} | ({"slot": slots[0]} if slots else {})


async def times(town: Town) -> dict[str, str]:
    service = (await town.service("Führungszeugnis"))["id"]
    return hidden((await send(town, "/de/times", {"service": str(service), "channel": "onsite"}, "GET")).body)


async def reserve(town: Town, form: Fields) -> str:
    answer = await send(town, "/de/holds", form)
    assert answer.status == 303, answer
    return str(answer.headers["Location"])


async def status_of(town: Town) -> list[int]:
    rows = await town.rows("SELECT status FROM claim WHERE request_key IS NOT NULL ORDER BY created_at, id")
    return [row["status"] for row in rows]


async def test_no_form_fails_inside(town: Town) -> None:
    form = await times(town)
    contact = await reserve(town, form)
    check = str((await send(town, contact, hidden_key() | KIM)).headers["Location"])
    case = check.removesuffix(check[check.index("/check") :])
    good: dict[str, Fields] = {
        "/de/holds": form,
        contact: hidden_key() | KIM,
        f"{case}/pay": {"request_key": _KEY},
        f"{case}/cancel": {"request_key": _KEY},
    }
    asked: dict[str, Fields] = {
        "/de/": {"q": "Perso"},
        "/de/times": {"service": form["service"], "channel": "onsite"},
        f"/de/services/{form['service']}": {"channel": "onsite"},
        f"{case}/check": {},
        case: {},
    }
    loop = asyncio.get_running_loop()

    # `pay` is not sent with a whole form: what follows would be another test
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.sampled_from(sorted(good)), _FIELDS)
    @example("/de/holds", {"slot": "1@2026-12-01T10:00"})
    @example("/de/holds", {"service": "9" * 30})
    @example("/de/holds", {"office": "9" * 5000})
    @example(contact, {"name": "a\x00b", "note": "\x00"})
    def posts(path: str, wrong: Fields) -> None:
        fields = {**good[path], **wrong} if path != f"{case}/pay" else {**wrong, "request_key": wrong.get("name", "")}
        answer = asyncio.run_coroutine_threadsafe(send(town, path, fields), loop).result()
        assert answer.status < 500, (path, fields, answer.body)

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(st.sampled_from(sorted(asked)), _FIELDS)
    @example("/de/", {"q": "a\x00b"})
    def gets(path: str, wrong: Fields) -> None:
        answer = asyncio.run_coroutine_threadsafe(send(town, path, {**asked[path], **wrong}, "GET"), loop).result()
        assert answer.status < 500, (path, wrong, answer.body)

    await asyncio.to_thread(posts)
    await asyncio.to_thread(gets)
    await town.assert_sound()


def hidden_key() -> dict[str, str]:
    return {"request_key": _KEY}


async def test_text_that_is_no_text_is_refused(town: Town) -> None:
    """A charset of Python's own can bring half a character, which no page could print."""
    form = await times(town)
    contact = await reserve(town, form)
    for path in ("/de/holds", contact):
        body = f"request_key={_KEY}&name=%5Cud800&slot=1".encode()
        kind = "application/x-www-form-urlencoded; charset=unicode_escape"
        answer = await town.call(
            "POST", path, data=body, headers={"Accept": "text/html", "Content-Type": kind}, allow_redirects=False
        )
        assert answer.status in (400, 422), answer.body


async def test_the_first_time_is_free_at_once_when_another_is_chosen(town: Town) -> None:
    form = await times(town)
    await reserve(town, form)
    later = re.sub(r"T(\d\d)", lambda hour: f"T{int(hour[1]) + 1:02}", form["slot"])
    await reserve(town, {**form, "slot": later})
    assert await status_of(town) == [9, 1]  # released, held
    await town.fresh()
    await reserve(town, form)  # the back button, and the first button again
    assert await status_of(town) == [9, 9, 1]
    await town.assert_sound()


async def test_a_case_keeps_its_time_when_another_is_chosen(town: Town) -> None:
    form = await times(town)
    contact = await reserve(town, form)
    await send(town, contact, hidden_key() | KIM)
    form = await times(town)
    await reserve(town, form)
    assert await status_of(town) == [1, 1]
    back = await send(town, contact, {}, "GET")
    assert back.status == 200  # its details can still be corrected
    assert 'value="Kim Mustermann"' in back.body

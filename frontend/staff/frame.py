"""What stands around every staff page, and how one is sent. Counter and finance pages use these two functions."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from base.i18n import LANGUAGES
from base.identity.model import Principal
from base.web import STAFF, TEMPLATES
from frontend.citizen.rendering import PRIVATE
from frontend.citizen.views import LanguageLink, ShownError
from frontend.citizen.words import Words
from frontend.staff.areas import AREAS
from frontend.staff.views import NavLink, StaffFrame


class StaffPage(Protocol):
    @property
    def frame(self) -> StaffFrame: ...


def staff_frame(request: web.Request, words: Words, title: str, *, errors: tuple[ShownError, ...] = ()) -> StaffFrame:
    """With the menu of whoever has signed in; before sign-in without one."""
    language = words.language
    path = request.path.removeprefix(f"/{language}") if request.method == "GET" else "/staff/"
    asked = f"?{request.query_string}" if request.query_string and request.method == "GET" else ""
    staff = request.get(STAFF)
    return StaffFrame(
        language=language,
        title=title,
        city=words.pick(words.city.name) if words.city else "",
        home_url=f"/{language}/staff/",
        languages=tuple(
            LanguageLink(code=code, name=name, url=f"/{code}{path}{asked}", is_current=code == language)
            for code, name in LANGUAGES.items()
        ),
        who=staff.name if staff else "",
        areas=_areas(words, staff, request.path) if staff else (),
        sign_out_url=f"/{language}/staff/sign-out",
        password_url=f"/{language}/staff/password",
        errors=errors,
    )


def staff_page(request: web.Request, template: str, view: StaffPage, *, status: int = 200) -> web.Response:
    """`template` with its folder: "staff/start"."""
    text = request.app[TEMPLATES].render(f"{template}.html", view.frame.language, page=view)
    return web.Response(text=text, status=status, content_type="text/html", headers={"Cache-Control": PRIVATE})


def _areas(words: Words, staff: Principal, here: str) -> tuple[NavLink, ...]:
    return tuple(
        NavLink(
            label=words._(area.label),
            url=f"/{words.language}{area.path}",
            is_current=here.startswith(f"/{words.language}{area.path}"),
        )
        for area in AREAS
        if staff.may_somewhere(area.permission)
    )

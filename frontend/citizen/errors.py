"""A refusal as a page in the reader's language, with a way on."""

from __future__ import annotations

from aiohttp import web

from base.errors import DomainError, Invalid
from base.i18n import LANGUAGES
from base.web import language_of
from frontend.citizen.frame import frame
from frontend.citizen.rendering import page, words_in
from frontend.citizen.views import ErrorPage
from frontend.citizen.words import Words


def error_page(request: web.Request, error: DomainError) -> web.Response:
    """For `app[ERROR_PAGE]`."""
    words = words_in(request, language_of(request))
    view = ErrorPage(
        frame=frame(words, title_of(words, error.status), _path(request)),
        text=text_of(words, error),
        advice=_advice(words, error.status),
    )
    return page(request, "error", view, status=error.status)


def text_of(words: Words, error: DomainError) -> str:
    if isinstance(error, Invalid) and error.errors:
        return " ".join(dict.fromkeys(words._(one.message) for one in error.errors))
    printable = {key: value for key, value in error.fields.items() if isinstance(value, str | int)}
    return words._(error.message, **printable)


def title_of(words: Words, status: int) -> str:
    match status:
        case 401 | 403:
            return words._("You cannot open this page")
        case 404:
            return words._("There is nothing here")
        case 409 | 410:
            return words._("This is no longer possible")
        case 503:
            return words._("Not available at the moment")
        case _:
            return words._("This did not work")


def _advice(words: Words, status: int) -> str:
    match status:
        case 401:
            return words._(
                "Open the link in your confirmation again. If you were just booking, choose your time once more."
            )
        case 404:
            return words._("Perhaps the address has a typing error. Find your service on the start page.")
        case _:
            return ""


def _path(request: web.Request) -> str:
    """Without its language. What answers a POST has no page in another language: then the start page."""
    _empty, first, *rest = request.rel_url.raw_path.split("/")
    return f"/{'/'.join(rest)}" if request.method == "GET" and first in LANGUAGES else "/"

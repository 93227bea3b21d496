"""Pages for administrators: the catalogue's files are sent, compared with what is there, and applied by one click."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from base.errors import Conflict, DomainError, Malformed, NotFound
from base.i18n import mark as _
from base.web import STAFF, can, form, path_id, uploads
from base.web.endpoint import page
from booking.catalogue.draft import LineError
from booking.catalogue.import_format import NEEDED, OPTIONAL
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.unpacking import MOST_BYTES, unpack
from booking.catalogue.uploads_endpoints import IMPORT_PERMISSION, UPLOADS
from frontend.catalogue import wording
from frontend.catalogue.views import ComparedPage, UploadPage
from frontend.citizen.need_wording import zone_name
from frontend.citizen.rendering import key_of, new_key, see, words_of
from frontend.citizen.views import ShownError
from frontend.staff.frame import staff_frame, staff_page

_WHO, _HERE, _ONE = can(IMPORT_PERMISSION), "/{language}/catalogue/", "/{language}/catalogue/{upload}"
_NO_FILES = _("Choose the files of the catalogue")
_REFUSED = _("Lines of the files are wrong: nothing was changed")


async def show(request: web.Request) -> web.Response:
    return _upload(request)


async def compare(request: web.Request) -> web.Response:
    fields, sent = await uploads(request, "files", MOST_BYTES)
    key_of(fields)
    if not sent:
        return _upload(request, _NO_FILES)
    try:
        made = await request.app[UPLOADS].compare(unpack(sent), request[STAFF].account_id)
    except ImportRefused as refusal:
        return _upload(request, _REFUSED, refusal.errors)
    return see(f"/{words_of(request).language}/catalogue/{made.id}")


async def show_one(request: web.Request) -> web.Response:
    return await _compared(request)


async def apply(request: web.Request) -> web.Response:
    fields, ident = await form(request), path_id(request, "upload")
    key_of(fields)
    try:
        digest = bytes.fromhex(fields.get("digest", ""))
    except ValueError:
        raise Malformed from None
    try:
        await request.app[UPLOADS].apply(ident, digest, request[STAFF].account_id)
    except ImportRefused as refusal:
        return _upload(request, _REFUSED, refusal.errors)
    except Conflict as refusal:
        return await _compared(request, refusal)
    return see(f"/{words_of(request).language}/catalogue/{ident}")


def _upload(request: web.Request, problem: str = "", wrong: Sequence[LineError] = ()) -> web.Response:
    words = words_of(request)
    messages = {"files": words._(problem)} if problem else {}
    view = UploadPage(
        frame=staff_frame(
            request,
            words,
            words._("Catalogue"),
            errors=tuple(ShownError(field=name, message=text) for name, text in messages.items()),
        ),
        action=f"/{words.language}/catalogue/",
        request_key=new_key(),
        needed=wording.files(words, NEEDED),
        optional=wording.files(words, OPTIONAL),
        wrong=tuple(wording.wrong_line(words, one) for one in wrong),
        messages=messages,
    )
    return staff_page(request, "catalogue/upload", view, status=422 if messages else 200)


async def _compared(request: web.Request, refusal: DomainError | None = None) -> web.Response:
    words, zone = words_of(request), zone_name(words_of(request))
    found = await request.app[UPLOADS].get(path_id(request, "upload"))
    can_be = found.applied_at is None and refusal is None and not found.report.in_the_way
    is_news = bool(found.report.changes)
    applied = words._("Applied: {when}", when=words.when(found.applied_at, zone)) if found.applied_at else ""
    view = ComparedPage(
        frame=staff_frame(request, words, words._("What these files change")),
        back_url=f"/{words.language}/catalogue/",
        told=applied or ("" if is_news else words._("These files change nothing.")),
        problem=words._(refusal.message) if refusal else "",
        rows=wording.counts(words, found.report.counts),
        kinds=wording.kinds(words, found.report.changes),
        in_the_way=wording.in_the_way(words, found.report.in_the_way),
        action=f"/{words.language}/catalogue/{found.id}" if can_be and is_news else "",
        digest=found.digest.hex(),
        request_key=new_key(),
        until=words._("You can apply this until {when}.", when=words.when(found.expires_at, zone)),
    )
    return staff_page(request, "catalogue/compared", view, status=refusal.status if refusal else 200)


ENDPOINTS = [
    page("GET", _HERE, show, _WHO, "Send the catalogue's files", NotFound),
    page("POST", _HERE, compare, _WHO, "Compare them with what is there", Malformed),
    page("GET", _ONE, show_one, _WHO, "What they change", NotFound),
    page("POST", _ONE, apply, _WHO, "Apply them", NotFound, Malformed),
]

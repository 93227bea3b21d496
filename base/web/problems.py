"""Every refusal becomes RFC 9457 problem+json, or an error page in the reader's language. A 500 shows an id, never internals."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler

from base.db import database_is_away
from base.errors import DomainError, Forbidden, Invalid, Malformed, NotFound, Unavailable
from base.web.keys import ERROR_PAGE, TRANSLATIONS
from base.web.tokens import language_of

log = logging.getLogger(__name__)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("REQUEST_ID", str)


class Unexpected(DomainError):
    """Our fault. The id finds the trace in the log."""

    code = "unexpected"
    status = 500
    message = "Something went wrong on our side. The page of your appointment shows what has happened. Number of the error: {incident}"


class MethodNotAllowed(DomainError):
    code = "method_not_allowed"
    status = 405
    message = "This cannot be done here."


class TooLarge(DomainError):
    code = "too_large"
    status = 413
    message = "This is too large."


class NotAcceptable(DomainError):
    code = "not_acceptable"
    status = 400
    message = "The request could not be read."


_OF_AIOHTTP: Mapping[int, type[DomainError]] = {
    400: Malformed,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
}


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except DomainError as error:
        return refuse(request, error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = refuse(request, _OF_AIOHTTP.get(error.status, NotAcceptable)())
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception as error:  # the outermost: whatever it is, the caller gets an answer, and the log the trace
        if database_is_away(error):
            log.warning("request.database-away", extra={"request_id": _request_id(request), "route": _route(request)})
            return refuse(request, Unavailable())
        log.exception("request.failed", extra={"request_id": _request_id(request), "route": _route(request)})
        return refuse(request, Unexpected(incident=_request_id(request)))


def refuse(request: web.Request, error: DomainError) -> web.Response:
    """As a page where a page was asked for, else as a problem document."""
    if (
        not request.path.startswith("/api/")
        and "text/html" in request.headers.get("Accept", "")
        and ERROR_PAGE in request.app
    ):
        response = request.app[ERROR_PAGE](request, error)
    else:
        response = web.Response(
            body=json.dumps(problem(request, error), default=str, ensure_ascii=False).encode(),
            status=error.status,
            content_type="application/problem+json",
        )
    if error.status in (429, 503):
        response.headers["Retry-After"] = "5"
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    response.headers["Cache-Control"] = "no-store"
    return response


def problem(request: web.Request, error: DomainError) -> dict[str, object]:
    language = language_of(request)
    translate = request.app[TRANSLATIONS].gettext
    members = {
        key: value for key, value in error.fields.items() if isinstance(value, str | int | float | bool | list | dict)
    }
    document: dict[str, object] = {
        **members,
        "type": f"/problems/{error.code}",
        "title": translate(language, error.message, **_printable(error.fields)),
        "status": error.status,
        "code": error.code,
        "request_id": _request_id(request),
    }
    if isinstance(error, Invalid):
        document["errors"] = [
            {"pointer": one.pointer, "code": one.code, "detail": translate(language, one.message)}
            for one in error.errors
        ]
    return document


def _printable(fields: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in fields.items() if isinstance(value, str | int)}


def _request_id(request: web.Request) -> str:
    """Made where something is to be said about the request."""
    if REQUEST_ID not in request:
        request[REQUEST_ID] = uuid4().hex
    return request[REQUEST_ID]


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""

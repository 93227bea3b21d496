"""Pages that are the same for everybody go out compressed: a third of the bytes on an old phone.

Pages that belong to somebody do not: compressing a secret beside what a stranger can put into the page tells the secret (BREACH).
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from base.web.endpoint import ANYONE
from base.web.keys import ENDPOINT

_WORTH_BYTES = 1000


@web.middleware
async def compressed(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    if (
        isinstance(response, web.Response)
        and response.content_type == "text/html"
        and ENDPOINT in request
        and request[ENDPOINT].who == ANYONE
        and request.method == "GET"
        and "Content-Encoding" not in response.headers  # kept packed
        and (response.content_length or 0) >= _WORTH_BYTES
    ):
        response.enable_compression()
        response.headers["Vary"] = "Accept-Encoding"
    return response

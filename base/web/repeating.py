"""The key by which a repeated request of the API is known."""

from __future__ import annotations

from aiohttp import web

from base.errors import DomainError
from base.i18n import mark as _

_SHORTEST_KEY, _LONGEST_KEY = 16, 255


class KeyNeeded(DomainError):
    """Without a key a repeated request would be a second one."""

    code = "idempotency_key_needed"
    status = 400
    message = _("The header Idempotency-Key is needed: 16 to 255 visible ASCII characters, new for each request.")


def idempotency_key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not (_SHORTEST_KEY <= len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise KeyNeeded
    return key

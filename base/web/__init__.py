"""HTTP at the edge: endpoints as a table, bodies checked, refusals as problem documents, pages guarded."""

from base.web.answers import body, form, path_id, path_number, query, reply, text_reply
from base.web.endpoint import ANYONE, CASE, HOLD, VENDOR, Endpoint, Who, can
from base.web.keys import (
    ACCESS,
    CLOCK,
    DATABASE,
    DRAINING,
    ENDPOINT,
    ERROR_PAGE,
    SEALER,
    SETTINGS,
    STOPPING,
    TEMPLATES,
    TRANSLATIONS,
    AccessCheck,
    ErrorPage,
)
from base.web.tokens import bearer, clear_token_cookie, language_of, set_token_cookie

__all__ = [
    "ACCESS",
    "ANYONE",
    "CASE",
    "CLOCK",
    "DATABASE",
    "DRAINING",
    "ENDPOINT",
    "ERROR_PAGE",
    "HOLD",
    "SEALER",
    "SETTINGS",
    "STOPPING",
    "TEMPLATES",
    "TRANSLATIONS",
    "VENDOR",
    "AccessCheck",
    "Endpoint",
    "ErrorPage",
    "Who",
    "bearer",
    "body",
    "can",
    "clear_token_cookie",
    "form",
    "language_of",
    "path_id",
    "path_number",
    "query",
    "reply",
    "set_token_cookie",
    "text_reply",
]

"""The pages of closings as a table."""

from __future__ import annotations

from base.errors import Malformed, NotFound
from base.web import SIGNED_IN, can
from base.web.endpoint import page
from booking.rebooking.usecases import AnswerOver, TimeGone
from frontend.closing import entry, handlers

_OFFICE = "/{language}/closings/{office}"
_ENTRY = f"{_OFFICE}/{{closing}}/{{appointment}}"
_WHO = can("hours.change", "office")

ENDPOINTS = [
    page("GET", "/{language}/closings/", handlers.offices, SIGNED_IN, "Choose the office", NotFound),
    page("GET", _OFFICE, handlers.show_form, _WHO, "Close a counter or the office; what was closed", NotFound),
    page("GET", f"{_OFFICE}/preview", handlers.preview, _WHO, "Who would be affected", NotFound),
    page("POST", _OFFICE, handlers.close, _WHO, "Close, and offer other times", NotFound, Malformed),
    page("GET", f"{_OFFICE}/{{closing}}", handlers.track, _WHO, "What has become of everybody", NotFound),
    page("GET", _ENTRY, entry.show_entry, _WHO, "One of those affected", NotFound),
    page("POST", f"{_ENTRY}/take", entry.take, _WHO, "A time agreed on the telephone", NotFound, TimeGone, AnswerOver),
    page("POST", f"{_ENTRY}/cancel", entry.cancel, _WHO, "Cancel and pay all back", NotFound, AnswerOver),
]

"""The pages of hours as a table."""

from __future__ import annotations

from base.errors import Malformed, NotFound
from base.web import SIGNED_IN, can
from base.web.endpoint import page
from frontend.hours import changing, overview, rules

_OFFICE = "/{language}/hours/{office}"
_WHO = can("hours.change", "office")

ENDPOINTS = [
    page("GET", "/{language}/hours/", overview.offices, SIGNED_IN, "Choose the office"),
    page("GET", _OFFICE, overview.show, _WHO, "Hours, single days, closures and their history", NotFound),
    page("GET", f"{_OFFICE}/series", changing.show_series, _WHO, "Change the series of counters", NotFound),
    page("GET", f"{_OFFICE}/rules", rules.show_rules, _WHO, "What is different at this office, by service", NotFound),
    page("GET", f"{_OFFICE}/rules/edit", rules.show_rule, _WHO, "Change the rule of services", NotFound),
    page("GET", f"{_OFFICE}/shares", rules.show_shares, _WHO, "Change how counters share their time out", NotFound),
    page("POST", f"{_OFFICE}/preview", changing.preview, _WHO, "What a change would do", NotFound, Malformed),
    page("POST", f"{_OFFICE}/save", changing.save, _WHO, "Do it", NotFound, Malformed),
]

"""Oversight as a table of pages."""

from __future__ import annotations

from base.errors import Invalid, NotFound
from base.web import can
from base.web.endpoint import page
from frontend.oversight.access import show_access
from frontend.oversight.terms import change_term, show_term, show_terms
from payment.retention.usecases import ShorterNeedsReason

_WHO, _HERE = can("oversight.read"), "/{language}/oversight/"

ENDPOINTS = [
    page("GET", _HERE, show_terms, _WHO, "How long records are kept, and what was deleted"),
    page("GET", f"{_HERE}terms/{{kind}}", show_term, _WHO, "How long one kind of record is kept", NotFound),
    page(
        "POST",
        f"{_HERE}terms/{{kind}}",
        change_term,
        can("retention.change"),
        "Change how long a kind of record is kept",
        *(NotFound, Invalid, ShorterNeedsReason),
    ),
    page("GET", f"{_HERE}access", show_access, _WHO, "Who may see and do what"),
]

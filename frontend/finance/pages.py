"""The till's pages as a table: the day, a payment, what waits for people, and the refund by two persons."""

from __future__ import annotations

from base.errors import Invalid, Malformed, NotFound
from base.web import can
from base.web.endpoint import page
from frontend.finance import day_pages, payment_pages
from payment.approving import (
    AlreadyDecided,
    AlreadyRequested,
    NothingLeft,
    NotPaid,
    OwnRequest,
    RefundedMeanwhile,
)

_PAYMENT = "/{language}/finance/payments/{payment}"


ENDPOINTS = [
    page(
        "GET", "/{language}/finance/", day_pages.show_day, can("finance.read"), "A day of the till", NotFound, Invalid
    ),
    page("GET", "/{language}/finance/work", day_pages.show_work, can("finance.read"), "What waits for people"),
    page("GET", "/{language}/finance/search", day_pages.search, can("finance.read"), "Find a payment"),
    page("GET", _PAYMENT, payment_pages.show_payment, can("finance.read"), "The story of one payment", NotFound),
    page("POST", f"{_PAYMENT}/settle", payment_pages.settle, can("refund.request"), "Ask the provider again", NotFound),
    page(
        "POST",
        f"{_PAYMENT}/refunds",
        payment_pages.request_refund,
        can("refund.request"),
        "Ask for a refund",
        *(NotFound, Malformed, Invalid, NotPaid, NothingLeft, AlreadyRequested),
    ),
    page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/approve",
        payment_pages.approve_refund,
        can("refund.approve"),
        "Approve another person's request",
        *(NotFound, OwnRequest, AlreadyDecided, RefundedMeanwhile),
    ),
    page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/reject",
        payment_pages.reject_refund,
        can("refund.approve"),
        "Reject or withdraw a request",
        *(NotFound, AlreadyDecided),
    ),
]

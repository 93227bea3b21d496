"""The till's pages as a table: the day, a payment, what waits for people, and the refund by two persons."""

from __future__ import annotations

from base.errors import DomainError, Invalid, Malformed, NotFound
from base.web import Endpoint, can
from base.web.endpoint import Handler
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


def _page(
    method: str, path: str, handler: Handler, permission: str, summary: str, *refuses: type[DomainError]
) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        who=can(permission),
        summary=summary,
        refuses=refuses,
        media="text/html",
        page=True,
    )


ENDPOINTS = [
    _page("GET", "/{language}/finance/", day_pages.show_day, "finance.read", "A day of the till", NotFound, Invalid),
    _page("GET", "/{language}/finance/work", day_pages.show_work, "finance.read", "What waits for people"),
    _page("GET", "/{language}/finance/search", day_pages.search, "finance.read", "Find a payment"),
    _page("GET", _PAYMENT, payment_pages.show_payment, "finance.read", "The story of one payment", NotFound),
    _page("POST", f"{_PAYMENT}/settle", payment_pages.settle, "finance.read", "Ask the provider again", NotFound),
    _page(
        "POST",
        f"{_PAYMENT}/refunds",
        payment_pages.request_refund,
        "refund.request",
        "Ask for a refund",
        *(NotFound, Malformed, Invalid, NotPaid, NothingLeft, AlreadyRequested),
    ),
    _page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/approve",
        payment_pages.approve_refund,
        "refund.approve",
        "Approve another person's request",
        *(NotFound, OwnRequest, AlreadyDecided, RefundedMeanwhile),
    ),
    _page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/reject",
        payment_pages.reject_refund,
        "refund.approve",
        "Reject or withdraw a request",
        *(NotFound, AlreadyDecided),
    ),
]

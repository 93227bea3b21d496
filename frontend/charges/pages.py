"""The pages of a further fee as a table."""

from __future__ import annotations

from base.errors import Malformed, NotFound, Unauthenticated
from base.web import ANYONE, CHARGE, can
from base.web.endpoint import page
from frontend.charges import handlers, open_page

_ONE = "/{language}/charges/{charge}"

ENDPOINTS = [
    page("GET", "/{language}/finance/open-fees", open_page.show, can("finance.read"), "Fees that are owed, and why"),
    page("GET", "/{language}/charge/{token}", handlers.arrive, ANYONE, "Come by the link or the code", Unauthenticated),
    page("GET", _ONE, handlers.show, CHARGE, "A further fee of one's visit", NotFound),
    page("POST", f"{_ONE}/pay", handlers.pay, CHARGE, "Pay it online", NotFound, Malformed),
    page("GET", f"{_ONE}/transfers/{{transfer}}", handlers.name_account, CHARGE, "Name an account for it", NotFound),
    page("GET", f"{_ONE}/paid", handlers.paid, CHARGE, "Back from paying it", NotFound),
    page("GET", f"{_ONE}/receipt", handlers.show_receipt, CHARGE, "Its receipt", NotFound),
    page(
        "GET",
        f"{_ONE}/receipt.pdf",
        handlers.receipt_file,
        CHARGE,
        "The receipt as PDF",
        NotFound,
        media="application/pdf",
    ),
]

"""The till's pages as a table: the day, a payment, what waits for people, and the refund by two persons."""

from __future__ import annotations

from base.errors import Invalid, Malformed, NotFound
from base.web import can
from base.web.endpoint import page
from frontend.finance import (
    at_bank_pages,
    batch_items,
    batch_pages,
    books_pages,
    day_pages,
    difference_page,
    difference_pages,
    dispute_pages,
    drawer_pages,
    drill_pages,
    figures_pages,
    journal_pages,
    light_pages,
    payment_pages,
    payout_pages,
    price_pages,
    search_pages,
)
from frontend.finance.difference_page import APPROVE
from frontend.finance.difference_pages import WORK
from frontend.finance.light_pages import NoSuchDays
from payment.approving import (
    AlreadyDecided,
    AlreadyRequested,
    NothingLeft,
    NotPaid,
    OwnRequest,
    PaymentDisputed,
    RefundedMeanwhile,
)
from payment.exports import endpoints as exports
from payment.exports.endpoints import MAY_READ, MAY_SEND, MAY_TAKE, MEDIA
from payment.exports.usecases import Acknowledged, DayNotClosed, NotExportable, ReferenceWrong
from payment.figures.files import CSV, RESERVED_CSV, XLSX
from payment.ledgers.reversals import AlreadyReversed, NotReversible, OwnReversal, ReversalDecided, StillUsed
from payment.ledgers.usecases import DayNotOver, NotNextDay, StillBooking
from payment.matching.worklist import (
    AlreadyAsked,
    ChangedMeanwhile,
    NeedsTwo,
    NothingIsBooked,
    NotOpen,
    OwnSettlement,
    SettlementDecided,
)

_PAYMENT, _BOOKS = "/{language}/finance/payments/{payment}", "/{language}/finance/books"
_JOURNAL = f"{_BOOKS}/journals/{{journal}}"
_FIGURES = "/{language}/finance/figures"
_PAYOUTS = "/{language}/finance/payouts"
_BATCHES = "/{language}/finance/batches"
_DIFFERENCES = "/{language}/finance/differences"
_DIFFERENCE = f"{_DIFFERENCES}/{{difference}}"
_REQUEST = f"{_DIFFERENCE}/requests/{{request}}"
_BATCH = f"{_BATCHES}/{{batch}}"
_CLOSING = (NotFound, DayNotOver, NotNextDay, StillBooking)


ENDPOINTS = [
    page(
        "GET", "/{language}/finance/", day_pages.show_day, can("finance.read"), "A day of the till", NotFound, Invalid
    ),
    page("GET", "/{language}/finance/work", day_pages.show_work, can("finance.read"), "What waits for people"),
    page("GET", "/{language}/finance/search", search_pages.search, can("finance.read"), "Find a payment"),
    page("GET", _BOOKS, books_pages.show_balance, can("finance.read"), "Trial balance"),
    page("GET", f"{_BOOKS}/account", books_pages.show_account, can("finance.read"), "An account's statement", NotFound),
    page("GET", f"{_BOOKS}/days", books_pages.show_days, can("finance.read"), "Open and closed days"),
    page("POST", f"{_BOOKS}/days/{{day}}/close", books_pages.close_day, can("ledger.close"), "Close a day", *_CLOSING),
    page("GET", _JOURNAL, journal_pages.show_journal, can("finance.read"), "One journal", NotFound),
    page(
        "POST",
        f"{_JOURNAL}/reversals",
        journal_pages.request_reversal,
        can("reversal.request"),
        "Ask for a journal to be reversed",
        *(NotFound, Malformed, Invalid, NotReversible, AlreadyReversed),
    ),
    page(
        "POST",
        f"{_JOURNAL}/reversals/{{reversal}}/approve",
        journal_pages.approve,
        can("reversal.approve"),
        "Approve a reversal that another person asked for",
        *(NotFound, OwnReversal, ReversalDecided, AlreadyReversed, StillUsed),
    ),
    page(
        "POST",
        f"{_JOURNAL}/reversals/{{reversal}}/reject",
        journal_pages.reject,
        can("reversal.approve"),
        "Reject or withdraw a reversal",
        *(NotFound, ReversalDecided),
    ),
    page("GET", _DIFFERENCES, difference_pages.show_list, can("finance.read"), "Differences"),
    page("POST", f"{_DIFFERENCES}/runs", difference_pages.run, can(WORK), "Compare all sides now"),
    page("GET", "/{language}/finance/at-bank", at_bank_pages.show, can("finance.read"), "Takings of tills at the bank"),
    page("GET", "/{language}/finance/prices", price_pages.show, can("finance.read"), "The provider's price list"),
    page("POST", "/{language}/finance/prices", price_pages.add, can(WORK), "Enter a price of the provider", Invalid),
    page("GET", f"{_DIFFERENCES}/days", light_pages.show_days, can("finance.read"), "Days as lights", NoSuchDays),
    page("GET", _DIFFERENCE, difference_page.show_one, can("finance.read"), "One difference", NotFound),
    page("POST", f"{_DIFFERENCE}/take", difference_page.take, can(WORK), "Take it over", NotFound, NotOpen),
    page("POST", f"{_DIFFERENCE}/leave", difference_page.leave, can(WORK), "Give it back", NotFound, NotOpen),
    page("POST", f"{_DIFFERENCE}/comments", difference_page.comment, can(WORK), "Comment on it", NotFound, Invalid),
    page(
        "POST",
        f"{_DIFFERENCE}/explain",
        difference_page.explain,
        can(WORK),
        "Note it as settled",
        *(NotFound, Invalid, NotOpen, NeedsTwo),
    ),
    page(
        "POST",
        f"{_DIFFERENCE}/requests",
        difference_page.ask,
        can(WORK),
        "Ask for the booking that settles it",
        *(NotFound, Malformed, Invalid, NotOpen, NothingIsBooked, AlreadyAsked),
    ),
    page(
        "POST",
        f"{_REQUEST}/approve",
        difference_page.approve,
        can(APPROVE),
        "Approve a booking that another person asked for",
        *(NotFound, NotOpen, OwnSettlement, SettlementDecided, ChangedMeanwhile),
    ),
    page(
        "POST",
        f"{_REQUEST}/reject",
        difference_page.reject,
        can(APPROVE),
        "Reject or withdraw a booking",
        *(NotFound, SettlementDecided),
    ),
    page("GET", f"{_BOOKS}/advance", books_pages.show_advance, can("finance.read"), "What is not earned yet"),
    page("GET", f"{_BOOKS}/procedure", books_pages.show_procedure, can("finance.read"), "How the books are kept"),
    page("GET", _FIGURES, figures_pages.show_figures, MAY_READ, "Takings, refunds and open items"),
    page("GET", f"{_FIGURES}/{CSV}", figures_pages.csv_file, MAY_READ, "The same figures as CSV", media="text/csv"),
    page(
        "GET",
        f"{_FIGURES}/{RESERVED_CSV}",
        figures_pages.reserved_csv,
        MAY_READ,
        "What is reserved and not taken, as CSV",
        media="text/csv",
    ),
    page(
        "GET",
        f"{_FIGURES}/{XLSX}",
        figures_pages.workbook,
        MAY_READ,
        "The same figures as a workbook",
        media=MEDIA["xlsx"],
    ),
    page("GET", f"{_FIGURES}/lines", drill_pages.show_lines, MAY_READ, "The journals behind a figure", NotFound),
    page("GET", f"{_FIGURES}/open", drill_pages.show_open, MAY_READ, "What makes an open item, payment by payment"),
    page("GET", f"{_FIGURES}/reserved", drill_pages.show_reserved, MAY_READ, "What is reserved, payment by payment"),
    page(
        "GET", "/{language}/finance/drawers/{drawer}", drawer_pages.show_drawer, MAY_READ, "A drawer's books", NotFound
    ),
    page("GET", _PAYOUTS, payout_pages.show_payouts, MAY_READ, "Payouts of the payment provider"),
    page("GET", f"{_PAYOUTS}/{{payout}}", payout_pages.show_payout, MAY_READ, "A payout and its parts", NotFound),
    page("GET", _BATCHES, batch_pages.show_batches, MAY_READ, "Batches for the treasury"),
    page(
        "POST",
        f"{_BATCHES}/days/{{day}}",
        batch_pages.make,
        MAY_SEND,
        "Make the batch of a closed day",
        *(NotFound, DayNotClosed, NotExportable),
    ),
    page("GET", _BATCH, batch_pages.show_batch, MAY_READ, "A batch and its files", NotFound),
    page("GET", f"{_BATCH}/items", batch_items.show_items, MAY_READ, "The items behind a batch's totals", NotFound),
    page(
        "GET",
        f"{_BATCH}/files/{{format}}",
        exports.fetch,
        MAY_READ,
        "A file of a batch",
        NotFound,
        media="application/octet-stream",
    ),
    page(
        "POST",
        f"{_BATCH}/acknowledge",
        batch_pages.acknowledge,
        MAY_TAKE,
        "Write down that the treasury has a batch",
        *(NotFound, Acknowledged, ReferenceWrong),
    ),
    page("GET", f"{_BOOKS}/check", books_pages.check, can("finance.audit"), "Whether the seals hold"),
    page("GET", "/{language}/finance/disputes", dispute_pages.show_disputes, can("finance.read"), "Disputes"),
    page(
        "GET",
        "/{language}/finance/disputes/{dispute}",
        dispute_pages.show_dispute,
        can("finance.read"),
        "A dispute, and what the city can say for itself",
        NotFound,
    ),
    page("GET", _PAYMENT, payment_pages.show_payment, can("finance.read"), "The story of one payment", NotFound),
    page("POST", f"{_PAYMENT}/settle", payment_pages.settle, can("refund.request"), "Ask the provider again", NotFound),
    page(
        "POST",
        f"{_PAYMENT}/refunds",
        payment_pages.request_refund,
        can("refund.request"),
        "Ask for a refund",
        *(NotFound, Malformed, Invalid, NotPaid, NothingLeft, PaymentDisputed, AlreadyRequested),
    ),
    page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/approve",
        payment_pages.approve_refund,
        can("refund.approve"),
        "Approve another person's request",
        *(NotFound, OwnRequest, AlreadyDecided, RefundedMeanwhile, PaymentDisputed),
    ),
    page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/again",
        payment_pages.ask_anew,
        can("refund.request"),
        "Ask anew for a refund by rule that was rejected",
        *(NotFound, RefundedMeanwhile, PaymentDisputed),
    ),
    page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/reject",
        payment_pages.reject_refund,
        can("refund.approve"),
        "Reject or withdraw a request",
        *(NotFound, Invalid, AlreadyDecided),
    ),
]

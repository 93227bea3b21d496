"""The till's pages as a table. Taking money is a matter of who keeps the cash, never of who assesses a fee (docs/adr/0059)."""

from __future__ import annotations

from base.errors import Invalid, Malformed, NotFound
from base.web import SIGNED_IN, can
from base.web.endpoint import page
from booking.appointments.at_till import PaymentUnderWay
from booking.appointments.lifecycle import HoldOver
from booking.charges.usecases import ChargeOver
from frontend.till import handlers, receipts
from payment.context import PaymentUnavailable
from payment.till.refusals import (
    ChangeUnlikely,
    ClosedOtherwise,
    DifferenceUnexplained,
    DrawerClosed,
    DrawerOpen,
    GivenAlready,
    NotAtTill,
    NotBookedYet,
    OpeningUnexplained,
    TakenAlready,
)

_OFFICE = "/{language}/till/{office}"
_TILL, _DRAWER = f"{_OFFICE}/{{till}}", f"{_OFFICE}/drawers/{{drawer}}"
_PAYMENT = f"{_TILL}/payments/{{payment}}"
_WORK, _CLOSE = can("till.work", "office"), can("till.close", "office")
_TAKING = (NotFound, Malformed, Invalid, NotAtTill, TakenAlready, DrawerClosed, ChangeUnlikely)
_CLOSING = (NotFound, Malformed, Invalid, DifferenceUnexplained, NotBookedYet, ClosedOtherwise)

ENDPOINTS = [
    page("GET", "/{language}/till/", handlers.offices, SIGNED_IN, "Choose the office of the till"),
    page("GET", _OFFICE, handlers.show_office, _WORK, "The tills of an office and their drawers", NotFound),
    page("POST", f"{_OFFICE}/tills", handlers.set_up, _CLOSE, "Set up a till", NotFound, Invalid),
    page("GET", _DRAWER, handlers.show_drawer, _WORK, "A drawer's protocol", NotFound),
    page("POST", f"{_DRAWER}/close", handlers.close_drawer, _CLOSE, "Count and close a drawer", *_CLOSING),
    page("GET", _TILL, handlers.show_desk, _WORK, "A till: find what is to be paid", NotFound),
    page(
        "POST",
        f"{_TILL}/drawer",
        handlers.open_drawer,
        _WORK,
        "Count and open the drawer",
        *(NotFound, Malformed, Invalid, DrawerOpen, OpeningUnexplained),
    ),
    page(
        "POST",
        f"{_TILL}/appointments/{{appointment}}",
        handlers.take_here,
        _WORK,
        "A reserved time's fee is to be paid here",
        *(NotFound, HoldOver, PaymentUnderWay, PaymentUnavailable),
    ),
    page(
        "POST",
        f"{_TILL}/charges/{{charge}}",
        handlers.take_charge_here,
        _WORK,
        "A further fee is to be paid here",
        *(NotFound, ChargeOver, PaymentUnderWay, PaymentUnavailable),
    ),
    page("GET", _PAYMENT, handlers.show_payment, _WORK, "One payment at a till", NotFound),
    page("POST", f"{_PAYMENT}/take", handlers.take, _WORK, "Take the money", *_TAKING),
    page("GET", f"{_PAYMENT}/receipt", receipts.show_receipt, _WORK, "The receipt, to print", NotFound),
    page(
        "GET", f"{_PAYMENT}/receipt.pdf", receipts.receipt_file, _WORK, "It as PDF", NotFound, media="application/pdf"
    ),
    page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/give",
        handlers.give_back,
        _WORK,
        "Give released money back",
        *(NotFound, DrawerClosed, GivenAlready),
    ),
    page(
        "POST",
        f"{_PAYMENT}/refunds/{{refund}}/transfer",
        handlers.leave_to_transfer,
        _WORK,
        "Its payer does not come: transfer it",
        *(NotFound, GivenAlready),
    ),
]

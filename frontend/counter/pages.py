"""The counter's pages as a table: the day of an office, live, and the steps of the queue."""

from __future__ import annotations

from base.errors import Invalid, Malformed, NotFound
from base.web import SIGNED_IN, can
from base.web.endpoint import page
from booking.appointments.for_staff import NobodyToAsk
from booking.appointments.reductions import ProofOver, ProofUndecided, ReasonMissing
from booking.charges.usecases import ChargeOver, ChargePaid, NothingDue, NotOnPriceList, NotServed
from booking.queue.expecting import NotExpected
from booking.queue.places import CounterBusy, CounterTaken, NoCounter
from booking.queue.usecases import FeeOpen, NobodyWaits, NotServedHere, ReasonNeeded, TicketMoved
from frontend.counter import fees, handlers

_OFFICE = "/{language}/counter/{office}"
_ASSESS = can("fee.assess", "office")
_CALL = can("queue.call", "office")


ENDPOINTS = [
    page("GET", "/{language}/counter/", handlers.offices, SIGNED_IN, "Choose the office"),
    page("GET", _OFFICE, handlers.show_day, _CALL, "The office's day", NotFound),
    page("GET", f"{_OFFICE}/live", handlers.live, _CALL, "The same as events", NotFound, media="text/event-stream"),
    page("POST", f"{_OFFICE}/take", handlers.take, _CALL, "Work at a counter", CounterTaken, CounterBusy),
    page("POST", f"{_OFFICE}/leave", handlers.leave, _CALL, "Leave the counter", CounterBusy),
    page("POST", f"{_OFFICE}/free", handlers.free, can("queue.manage", "office"), "Free somebody's counter"),
    page("POST", f"{_OFFICE}/check-in", handlers.check_in, _CALL, "Somebody has arrived", NotExpected),
    page("POST", f"{_OFFICE}/walk-in", handlers.walk_in, _CALL, "Somebody without an appointment", NotServedHere),
    page(
        "POST",
        f"{_OFFICE}/next",
        handlers.call_next,
        _CALL,
        "Call the next person",
        NoCounter,
        CounterBusy,
        NobodyWaits,
    ),
    page(
        "POST",
        f"{_OFFICE}/tickets/{{ticket}}/proof",
        handlers.proof,
        _CALL,
        "Whether the proof of a reduction was shown",
        NotFound,
        TicketMoved,
        ProofOver,
        ReasonMissing,
    ),
    page(
        "POST",
        f"{_OFFICE}/tickets/{{ticket}}/charges",
        fees.ask,
        _ASSESS,
        "Ask for a further fee",
        *(NotFound, Malformed, Invalid, NotServed, NotOnPriceList),
    ),
    page(
        "POST",
        f"{_OFFICE}/tickets/{{ticket}}/charges/reduction",
        fees.ask_for_reduction,
        _ASSESS,
        "Ask for what a reduction took off, where its proof was not shown",
        *(NotFound, NotServed, NothingDue),
    ),
    page(
        "POST",
        f"{_OFFICE}/tickets/{{ticket}}/finish-unpaid",
        fees.finish_unpaid,
        _CALL,
        "Finish although a fee is open, and why",
        *(NotFound, NoCounter, TicketMoved, ProofUndecided, ReasonNeeded),
    ),
    page(
        "POST",
        f"{_OFFICE}/charges/{{charge}}/send",
        fees.send,
        _ASSESS,
        "Send the link to pay",
        *(NotFound, ChargeOver, NobodyToAsk),
    ),
    page(
        "POST",
        f"{_OFFICE}/charges/{{charge}}/withdraw",
        fees.withdraw,
        _ASSESS,
        "Withdraw a further fee",
        *(NotFound, Invalid, ChargePaid),
    ),
    page(
        "POST",
        f"{_OFFICE}/tickets/{{ticket}}/{{step}}",
        handlers.step,
        _CALL,
        "One step",
        NotFound,
        NoCounter,
        TicketMoved,
        ProofUndecided,
        FeeOpen,
    ),
]

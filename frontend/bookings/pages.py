"""The pages of bookings by staff as a table."""

from __future__ import annotations

from base.errors import Invalid, Malformed, NotFound
from base.web import SIGNED_IN, can
from base.web.endpoint import page
from booking.refunds.endpoints import run_file
from frontend.bookings import cases, contacts, duplicates, refunds, requests, times, walk_ins

_OFFICE = "/{language}/bookings/{office}"
_HOLD, _CASE = f"{_OFFICE}/holds/{{hold}}", f"{_OFFICE}/cases/{{appointment}}"
_NEED, _REQUEST = f"{_OFFICE}/need/{{service}}", f"{_OFFICE}/requests/{{number}}"
_REFUND, _LETTERS = f"{_CASE}/refunds/{{transfer}}", f"{_OFFICE}/refund-letters"
_WALK_IN = f"{_OFFICE}/walk-in-refunds/{{transfer}}"
_BOOK, _OVERRIDE = can("hold.staff", "office"), can("hold.override", "office")
_ENTER = can(refunds.ENTER, "office")
_PDF = "application/pdf"

ENDPOINTS = [
    page("GET", "/{language}/bookings/", times.offices, SIGNED_IN, "Choose the office"),
    page("GET", _OFFICE, times.show, _BOOK, "Free times, also those kept for staff", NotFound),
    page("POST", f"{_OFFICE}/holds", times.take, _BOOK, "Reserve a time, or move a case to it", NotFound, Malformed),
    page("POST", f"{_OFFICE}/overrides", times.override, _OVERRIDE, "Reserve a time that is taken or closed", NotFound),
    page("GET", _HOLD, contacts.show, _BOOK, "Who comes", NotFound),
    page("POST", _HOLD, contacts.send, _BOOK, "Book it, or send the link to pay", NotFound, Malformed),
    page("POST", f"{_HOLD}/release", contacts.release, _BOOK, "Give the time back", NotFound),
    page("GET", f"{_OFFICE}/duplicates", duplicates.show, _BOOK, "Booked more than once by one person", NotFound),
    page("GET", f"{_OFFICE}/cases", cases.find, _BOOK, "Find a case by its number", NotFound),
    page("GET", _NEED, requests.show_form, _BOOK, "Ask for an appointment by need for somebody", NotFound),
    page("POST", _NEED, requests.send_form, _BOOK, "Enter the request", NotFound, Malformed),
    page("GET", _REQUEST, requests.show, _BOOK, "A request by need, by its number", NotFound),
    page("POST", f"{_REQUEST}/withdraw", requests.withdraw, _BOOK, "Withdraw it for the caller", NotFound),
    page("GET", _CASE, cases.show, _BOOK, "A case of the office", NotFound),
    page("GET", f"{_CASE}/refunds", refunds.show, _BOOK, "How its refunds stand", NotFound),
    page(
        "POST", f"{_REFUND}/account", refunds.enter, _ENTER, "Enter the payee's account", NotFound, Malformed, Invalid
    ),
    page("POST", f"{_REFUND}/remind", refunds.remind, _BOOK, "Send the payee the link again", NotFound),
    page("POST", f"{_REFUND}/letter", refunds.print_one, _ENTER, "Print a letter to the payee", NotFound, Malformed),
    page(
        "GET", f"{_OFFICE}/refunds", walk_ins.show_all, _ENTER, "Refunds of people whom nobody can write to", NotFound
    ),
    page("GET", _WALK_IN, walk_ins.show, _ENTER, "A refund of somebody without an appointment", NotFound),
    page("POST", f"{_WALK_IN}/account", walk_ins.enter, _ENTER, "Enter their account", NotFound, Malformed, Invalid),
    page("GET", _LETTERS, refunds.letters, _ENTER, "Letters that ask for an account", NotFound),
    page("POST", _LETTERS, refunds.print_all, _ENTER, "Print those that wait", NotFound, Malformed),
    page("GET", f"{_LETTERS}/{{print}}/letters.pdf", run_file, _ENTER, "Letters of a run", NotFound, media=_PDF),
    page("POST", f"{_CASE}/cancel", cases.cancel, _BOOK, "Cancel it for the caller", NotFound),
    page("POST", f"{_CASE}/till", cases.at_till, _BOOK, "To be paid at a till until a deadline", NotFound),
    page("POST", f"{_CASE}/waitlist", cases.join_waitlist, _BOOK, "Put it on the earlier-time list", NotFound),
    page("POST", f"{_CASE}/waitlist/leave", cases.leave_waitlist, _BOOK, "Take it off the list", NotFound),
    page(
        "POST",
        f"{_CASE}/waitlist/offers/{{offer}}/{{answer}}",
        cases.answer_offer,
        _BOOK,
        "Take or refuse an earlier time for the caller",
        NotFound,
    ),
]

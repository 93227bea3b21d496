"""The citizens' pages as a table. Six pages of their own; the rest are forms sent and ways between them."""

from __future__ import annotations

from base.errors import DomainError, Invalid, Malformed, NotFound, Unauthenticated
from base.web import ANYONE, CASE, REQUEST, Endpoint, Who
from base.web.endpoint import Handler
from booking.allocation.usecases import AskedAlready, NotAsking
from booking.appointments.lifecycle import NotCancellable, TooLate
from booking.appointments.usecases import NotConfirmed
from booking.availability.usecases import NotOffered
from booking.catalogue.usecases import CatalogueEmpty
from frontend.citizen import case_pages, find_pages, hold_pages, need_pages

_CASE = "/{language}/appointments/{appointment}"
_NEED, _REQUEST = "/{language}/need", "/{language}/requests/{request}"


def _page(method: str, path: str, handler: Handler, who: Who, summary: str, *refuses: type[DomainError]) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        who=who,
        summary=summary,
        refuses=refuses,
        media="text/html",
        page=True,
    )


ENDPOINTS = [
    _page("GET", "/", find_pages.root, ANYONE, "To the reader's language"),
    _page("GET", "/{language}", find_pages.without_slash, ANYONE, "To the start page", NotFound),
    _page("GET", "/{language}/", find_pages.start, ANYONE, "Find a service", NotFound, Invalid, CatalogueEmpty),
    _page(
        "GET",
        "/{language}/services/{service}",
        find_pages.service,
        ANYONE,
        "A service: fee, documents, channel, offices",
        NotFound,
    ),
    _page("GET", "/{language}/times", find_pages.times, ANYONE, "Free times", NotFound, NotOffered, Invalid),
    _page("POST", "/{language}/holds", hold_pages.make_hold, ANYONE, "Reserve a time", NotOffered, Malformed),
    # These two ask for the token themselves: the hold's, or that of the case made of it.
    _page("GET", "/{language}/holds/{hold}", hold_pages.show_hold, ANYONE, "Your details", Unauthenticated),
    _page(
        "POST",
        "/{language}/holds/{hold}",
        hold_pages.send_contact,
        ANYONE,
        "Send your details",
        Unauthenticated,
        Malformed,
    ),
    _page(
        "GET",
        "/{language}/case/{token}",
        case_pages.arrive,
        ANYONE,
        "Arrive by the link of a confirmation",
        Unauthenticated,
    ),
    _page("GET", f"{_CASE}/check", case_pages.check, CASE, "Check before booking", Unauthenticated),
    _page("POST", f"{_CASE}/pay", case_pages.pay, CASE, "Book, and pay where there is a fee", Unauthenticated),
    _page("GET", f"{_CASE}/paid", case_pages.paid, CASE, "Back from the payment provider", Unauthenticated),
    _page("GET", _CASE, case_pages.show_case, CASE, "The appointment", Unauthenticated),
    _page("GET", f"{_CASE}/call", case_pages.enter_call, CASE, "To the video call", Unauthenticated, NotFound),
    _page("POST", f"{_CASE}/cancel", case_pages.cancel, CASE, "Cancel", Unauthenticated, TooLate, NotCancellable),
    _page(
        "GET", f"{_CASE}/calendar.ics", case_pages.calendar_file, CASE, "Calendar file", Unauthenticated, NotConfirmed
    ),
    # Given out by need
    _page("GET", f"{_NEED}/runs", need_pages.show_runs, ANYONE, "Lists and results of runs", NotFound),
    _page("GET", f"{_NEED}/sent", need_pages.sent, ANYONE, "The link is on its way", NotFound),
    _page("GET", f"{_NEED}/{{service}}", need_pages.show_form, ANYONE, "Ask for an appointment", NotFound),
    _page("POST", f"{_NEED}/{{service}}", need_pages.send_form, ANYONE, "Send a request", NotFound, Malformed),
    _page("GET", f"{_REQUEST}/link/{{token}}", need_pages.arrive, ANYONE, "Arrive by the link", Unauthenticated),
    _page("GET", _REQUEST, need_pages.show_request, REQUEST, "The request, and its rank in words", Unauthenticated),
    _page("POST", f"{_REQUEST}/verify", need_pages.verify, REQUEST, "Confirm a request", NotAsking, AskedAlready),
    _page("POST", f"{_REQUEST}/withdraw", need_pages.withdraw, REQUEST, "Withdraw a request", NotAsking),
]

"""The citizens' pages as a table. A few pages of their own; the rest are forms sent and ways between them."""

from __future__ import annotations

from base.errors import Invalid, Malformed, NotFound, Unauthenticated
from base.web import ANYONE, CASE, INVITATION, OVERVIEW, REQUEST, TRANSFER
from base.web.endpoint import page
from booking.allocation.usecases import AskedAlready, NotAsking, PlacedAlready
from booking.appointments.lifecycle import BeingServed, NotCancellable, TooLate
from booking.appointments.reading import NotConfirmed
from booking.availability.offering import NotOffered
from booking.catalogue.usecases import CatalogueEmpty
from booking.holds.refusals import GivenOutByNeed
from booking.rebooking.usecases import AnswerOver
from booking.waitlist.usecases import NobodyToTell, NotWaiting, OffersUsedUp
from frontend.citizen import (
    case_pages,
    checking,
    find_pages,
    hold_pages,
    invitation_pages,
    move_pages,
    need_pages,
    overview_pages,
    rebooking_pages,
    refund_pages,
    till_pages,
    waitlist_pages,
)

_CASE = "/{language}/appointments/{appointment}"
_LINK = "/{language}/case/{token}"
_MINE = "/{language}/my-appointments"
_LEAVE = "/{language}/waitlist/{appointment}/leave/{token}"
_INVITATION = "/{language}/invitation/{invitation}"
_REFUND = "/{language}/refunds/{transfer}"
_NEED, _REQUEST = "/{language}/need", "/{language}/requests/{request}"
_DOCUMENT = f"{_REQUEST}/documents/{{document}}"


ENDPOINTS = [
    page("GET", "/", find_pages.root, ANYONE, "To the reader's language"),
    page("GET", "/{language}", find_pages.without_slash, ANYONE, "To the start page", NotFound),
    page("GET", "/{language}/", find_pages.start, ANYONE, "Find a service", NotFound, Invalid, CatalogueEmpty),
    page(
        "GET",
        "/{language}/services/{service}",
        find_pages.service,
        ANYONE,
        "A service: fee, documents, channel, offices",
        NotFound,
    ),
    page("GET", "/{language}/times", find_pages.times, ANYONE, "Free times", NotFound, NotOffered, Invalid),
    page(
        "GET", "/{language}/allowance/{token}", checking.arrive, ANYONE, "Arrive by the link of an allowance", NotFound
    ),
    page("POST", "/{language}/holds", hold_pages.make_hold, ANYONE, "Reserve a time", NotOffered, Malformed),
    page("GET", "/{language}/refunds/link/{token}", refund_pages.arrive, ANYONE, "Come by the link", Unauthenticated),
    page("GET", "/{language}/refund", refund_pages.show_code, ANYONE, "Type in the code of a letter about a refund"),
    page("POST", "/{language}/refund", refund_pages.send_code, ANYONE, "Open the refund", Malformed),
    page("GET", _REFUND, refund_pages.show, TRANSFER, "How one's refund by bank transfer stands", NotFound),
    page("POST", _REFUND, refund_pages.give, TRANSFER, "Name the account", NotFound, Malformed, Invalid),
    page("GET", "/{language}/invitation", invitation_pages.show_code, ANYONE, "Type in the code of a letter", Invalid),
    page("POST", "/{language}/invitation", invitation_pages.send_code, ANYONE, "Open the invitation", Malformed),
    page("GET", "/{language}/invitation/link/{token}", invitation_pages.arrive, ANYONE, "Come by the link"),
    page("GET", _INVITATION, invitation_pages.show, INVITATION, "Times within an invitation", NotFound, Invalid),
    page("POST", f"{_INVITATION}/holds", invitation_pages.hold, INVITATION, "Reserve one of them", NotFound, Malformed),
    # These two ask for the token themselves: the hold's, or that of the case made of it.
    page("GET", "/{language}/holds/{hold}", hold_pages.show_hold, ANYONE, "Your details", Unauthenticated),
    page(
        "POST",
        "/{language}/holds/{hold}",
        hold_pages.send_contact,
        ANYONE,
        "Send your details",
        Unauthenticated,
        Malformed,
    ),
    page(
        "POST",
        "/{language}/holds/{hold}/keep-the-other",
        hold_pages.keep_the_other,
        ANYONE,
        "Give the reserved time back, because another is booked",
        Unauthenticated,
        Malformed,
    ),
    page(
        "GET",
        _LINK,
        case_pages.arrive,
        ANYONE,
        "Arrive by the link of a confirmation",
        Unauthenticated,
    ),
    page("GET", f"{_CASE}/check", case_pages.check, CASE, "Check before booking", Unauthenticated),
    page("POST", f"{_CASE}/reductions", case_pages.claim_reductions, CASE, "Claim reductions", Unauthenticated),
    page("POST", f"{_CASE}/pay", case_pages.pay, CASE, "Book, and pay where there is a fee", Unauthenticated),
    page("GET", f"{_CASE}/till", till_pages.show, CASE, "Pay at a till instead", Unauthenticated),
    page("POST", f"{_CASE}/till", till_pages.choose, CASE, "Choose to pay at a till", Unauthenticated, NotFound),
    page("POST", f"{_CASE}/till/codes", till_pages.send_code, CASE, "Have a code sent", Unauthenticated, Malformed),
    page(
        "GET", f"{_CASE}/till/code", till_pages.ask_code, CASE, "Type in the code", Unauthenticated, NotFound, Invalid
    ),
    page("GET", f"{_CASE}/paid", case_pages.paid, CASE, "Back from the payment provider", Unauthenticated),
    page("GET", _CASE, case_pages.show_case, CASE, "The appointment", Unauthenticated),
    page("GET", f"{_CASE}/call", case_pages.enter_call, CASE, "To the video call", Unauthenticated, NotFound),
    page("POST", f"{_CASE}/keep", case_pages.keep, CASE, "Say that one comes", Unauthenticated, NotFound),
    page(
        "POST",
        f"{_CASE}/refund-again",
        case_pages.ask_refund_anew,
        CASE,
        "Have a refund checked again that was rejected",
        *(Unauthenticated, NotFound),
    ),
    page("POST", f"{_CASE}/erase", case_pages.erase, CASE, "Delete who comes", Unauthenticated, NotFound),
    page(
        "POST",
        f"{_CASE}/cancel",
        case_pages.cancel,
        CASE,
        "Cancel",
        Unauthenticated,
        TooLate,
        BeingServed,
        NotCancellable,
    ),
    page("POST", f"{_CASE}/times", move_pages.reserve, CASE, "Reserve another time", NotOffered, Malformed),
    page("GET", f"{_CASE}/move", move_pages.ask, CASE, "Look at both times", Unauthenticated),
    page(
        "GET",
        f"{_CASE}/moved/{{hold}}",
        move_pages.moved,
        CASE,
        "Back from paying a difference",
        Unauthenticated,
        NotFound,
    ),
    page("POST", f"{_CASE}/move", move_pages.move, CASE, "Move", Unauthenticated, Malformed),
    page("POST", f"{_CASE}/stay", move_pages.stay, CASE, "Give a waiting time back", Unauthenticated, Malformed),
    page(
        "GET", f"{_CASE}/calendar.ics", case_pages.calendar_file, CASE, "Calendar file", Unauthenticated, NotConfirmed
    ),
    # My appointments
    page("GET", _MINE, overview_pages.show_form, ANYONE, "Have a link sent to one's appointments", NotFound),
    page("POST", _MINE, overview_pages.send_form, ANYONE, "Send the link", NotFound, Malformed),
    page(
        "GET", f"{_MINE}/sent", overview_pages.sent, ANYONE, "The link is on its way, if there is something", NotFound
    ),
    page("GET", f"{_MINE}/link/{{token}}", overview_pages.arrive, ANYONE, "Arrive by the link", NotFound),
    page("GET", f"{_MINE}/{{overview}}", overview_pages.show, OVERVIEW, "One's appointments", Unauthenticated),
    page("POST", f"{_MINE}/{{overview}}", overview_pages.use, OVERVIEW, "Use the link", Unauthenticated, Malformed),
    # The list for earlier times
    page("GET", f"{_CASE}/waitlist", waitlist_pages.show_form, CASE, "Wish for an earlier time", Unauthenticated),
    page(
        "POST",
        f"{_CASE}/waitlist",
        waitlist_pages.send_form,
        CASE,
        "Join the list, or wish otherwise",
        *(Unauthenticated, Malformed, NotWaiting, NobodyToTell, OffersUsedUp, GivenOutByNeed),
    ),
    page("POST", f"{_CASE}/waitlist/leave", waitlist_pages.leave, CASE, "Leave the list", Unauthenticated, Malformed),
    page(
        "POST",
        f"{_CASE}/waitlist/offers/{{offer}}/{{answer}}",
        waitlist_pages.answer,
        CASE,
        "Take an earlier time, or leave it to others",
        *(Unauthenticated, Malformed, NotFound),
    ),
    # These two ask for the link's token themselves
    page("GET", _LEAVE, waitlist_pages.arrive_to_leave, ANYONE, "Come to leave the list", Unauthenticated),
    page("POST", _LEAVE, waitlist_pages.leave_by_link, ANYONE, "Leave the list by the link", Unauthenticated),
    # Its counter is closed
    page("GET", f"{_LINK}/rebooking", rebooking_pages.arrive, ANYONE, "Arrive to choose a new time", Unauthenticated),
    page("GET", f"{_LINK}/rebooking/{{answer}}", rebooking_pages.arrive, ANYONE, "The same", Unauthenticated),
    page("GET", f"{_CASE}/rebooking", rebooking_pages.show, CASE, "Times offered instead", NotFound),
    page("POST", f"{_CASE}/rebooking", rebooking_pages.answer, CASE, "Answer to them", NotFound, AnswerOver),
    # Given out by need
    page("GET", f"{_NEED}/runs", need_pages.show_runs, ANYONE, "Lists and results of runs", NotFound),
    page("GET", f"{_NEED}/sent", need_pages.sent, ANYONE, "The link is on its way", NotFound),
    page("GET", f"{_NEED}/{{service}}", need_pages.show_form, ANYONE, "Ask for an appointment", NotFound),
    page("POST", f"{_NEED}/{{service}}", need_pages.send_form, ANYONE, "Send a request", NotFound, Malformed),
    page("GET", f"{_REQUEST}/link/{{token}}", need_pages.arrive, ANYONE, "Arrive by the link", Unauthenticated),
    page("GET", _REQUEST, need_pages.show_request, REQUEST, "The request, and its rank in words", Unauthenticated),
    page(
        "POST",
        f"{_REQUEST}/verify",
        need_pages.verify,
        REQUEST,
        "Confirm a request",
        NotAsking,
        AskedAlready,
        PlacedAlready,
    ),
    page("POST", f"{_REQUEST}/documents", need_pages.send_document, REQUEST, "Send a document", Malformed),
    page("POST", f"{_DOCUMENT}/remove", need_pages.remove_document, REQUEST, "Take a document back", Unauthenticated),
    page("POST", f"{_REQUEST}/withdraw", need_pages.withdraw, REQUEST, "Withdraw a request", NotAsking),
]

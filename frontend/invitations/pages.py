"""The staff's pages of invitations as a table."""

from __future__ import annotations

from base.errors import Invalid, Malformed, NotFound
from base.web import SIGNED_IN, can
from base.web.endpoint import page
from booking.appointments.invited import InvitationOver
from booking.invitations.letters_endpoints import one_letter, run_file
from booking.invitations.printing import NoAddress
from frontend.invitations import handlers

_OFFICE = "/{language}/invitations/{office}"
_ONE = f"{_OFFICE}/{{invitation}}"
_PDF = "application/pdf"
_WHO = can("invitation.make", "office")

ENDPOINTS = [
    page("GET", "/{language}/invitations/", handlers.offices, SIGNED_IN, "Choose the office"),
    page("GET", _OFFICE, handlers.show_list, _WHO, "Invitations of the office", NotFound, Invalid),
    page("GET", f"{_OFFICE}/new", handlers.show_new, _WHO, "Invite somebody", NotFound),
    page("GET", f"{_OFFICE}/list", handlers.show_many, _WHO, "Invite everybody of a list", NotFound),
    page("POST", f"{_OFFICE}/list", handlers.make_many, _WHO, "Send these invitations", NotFound, Malformed),
    page("POST", _OFFICE, handlers.make, _WHO, "Send the invitation", NotFound, Malformed),
    page("POST", f"{_OFFICE}/prints", handlers.print_letters, _WHO, "Print what waits", NotFound, Malformed),
    page("GET", f"{_OFFICE}/prints/{{print}}/letters.pdf", run_file, _WHO, "Its letters", NotFound, media=_PDF),
    page("GET", f"{_ONE}/letter.pdf", one_letter, _WHO, "The letter", NotFound, InvitationOver, NoAddress, media=_PDF),
    page("GET", _ONE, handlers.show, _WHO, "An invitation", NotFound),
    page("POST", f"{_ONE}/send", handlers.send_again, _WHO, "Send the link once more", NotFound, Malformed),
    page("POST", f"{_ONE}/withdraw", handlers.withdraw, _WHO, "Withdraw it", NotFound, Malformed),
]

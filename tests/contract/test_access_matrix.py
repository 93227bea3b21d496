"""Who may do what, by the endpoint table: every route × everybody who might call it.

A route that has no line here fails the test, and so does a line without a route: write down who may call what you add. A line says who
comes past the guard; what the guard refuses is known by its answer: 401 or the way to the sign-in page, 403 for the wrong place.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from base.clock import SettableClock
from base.db import Database
from base.identity.store import roles as roles_of
from base.web import Endpoint
from booking.allocation.asked import Asked
from booking.appointments.contact import Contact
from booking.invitations.endpoints import INVITATIONS
from booking.invitations.model import Invited, Terms
from booking.overview.model import Reach
from frontend.oversight.matrix import actions, markdown
from server.app import ENDPOINTS
from tests.golden import check_golden
from tests.staff import hire, sign_in
from tests.town import KIM, Town
from tests.town import town as open_town
from video.rooms.model import Invitation

(
    NOBODY,
    OWNER,
    OTHER,
    CLERK,
    AWAY,
    SUPERVISOR,
    CASHIER,
    KIOSK,
    ALLOCATION,
    FINANCE,
    ASSESSOR,
    TREASURY,
    AUDITOR,
    ADMIN,
    DEVICE,
) = CALLERS = (
    "nobody",
    "citizen of the case",
    "other citizen",
    "clerk own office",
    "clerk other office",
    "supervisor",
    "cashier",
    "kiosk",  # a machine with a card terminal: it signs in by an account with this role
    "allocation",
    "finance",
    "assessor",
    "treasury",
    "auditor",
    "admin",
    "device",  # a board or a kiosk that gives numbers: it has no account, and no token until one is needed
)
EVERYBODY = frozenset(CALLERS)
CITIZEN = frozenset({OWNER})
STAFF = frozenset({CLERK, AWAY, SUPERVISOR, CASHIER, KIOSK, ALLOCATION, FINANCE, ASSESSOR, TREASURY, AUDITOR, ADMIN})
COUNTER = frozenset({CLERK, SUPERVISOR})
TILL = frozenset({FINANCE})
CASHES, KIOSKS, GIVES_OUT = frozenset({CASHIER}), frozenset({KIOSK}), frozenset({ALLOCATION})
BOOKS = frozenset({FINANCE, ASSESSOR, TREASURY, AUDITOR})
ASSESSES, SENDS = frozenset({ASSESSOR}), frozenset({TREASURY})
CLOSES = frozenset({SUPERVISOR, ADMIN})
_PAYMENT = "/{language}/finance/payments/{payment}"
_DIFFERENCES = "/{language}/finance/differences"
_DIFFERENCE = f"{_DIFFERENCES}/{{difference}}"
_JOURNAL = "/{language}/finance/books/journals/{journal}"
_BATCHES = "/{language}/finance/batches"
_TRANSFER, _TRANSFER_API = "/{language}/transfers/{transfer}", "/api/transfers/{transfer}"
_CLOSINGS = "/{language}/closings/{office}"
_CASE, _COUNTER = "/{language}/appointments/{appointment}", "/{language}/counter/{office}"

_INVITED, _INVITATIONS = "/{language}/invitation/{invitation}", "/{language}/invitations/{office}"
_TILL, _OFFICE_API = "/{language}/till/{office}", "/api/offices/{office}"
_BOOKINGS, _HOURS = "/{language}/bookings/{office}", "/{language}/hours/{office}"

ACCESS = Path(__file__).parents[2] / "docs" / "access.md"
INTRODUCTION = """# Who may see and do what

Printed by `tests/contract/test_access_matrix.py` from the endpoint table, by which the server itself decides, and from the roles
that the migrations make; a city may have other roles, and the page "Oversight" shows those. A permission for an office holds where
the role was given. The same test calls each of these addresses as everybody and compares who comes through.

"""

# Route -> who comes past the guard.
EXPECTED: dict[str, frozenset[str]] = {
    # For everybody
    "GET /": EVERYBODY,
    "GET /{language}": EVERYBODY,
    "GET /{language}/": EVERYBODY,
    "GET /{language}/services/{service}": EVERYBODY,
    "GET /{language}/times": EVERYBODY,
    "GET /{language}/allowance/{token}": EVERYBODY,
    "GET /api/guard/challenge": EVERYBODY,
    "POST /api/guard/codes": EVERYBODY,
    "POST /api/guard/passes": EVERYBODY,
    "GET /api/guard": frozenset({ADMIN}),
    "POST /api/guard/services/{service}": frozenset({ADMIN}),
    "POST /api/guard/services/{service}/lift": frozenset({ADMIN}),
    "POST /api/guard/services/{service}/allowances": frozenset({ADMIN}),
    "POST /api/guard/allowances/{allowance}/end": frozenset({ADMIN}),
    "POST /api/catalogue/uploads": frozenset({ADMIN}),
    "GET /api/catalogue/uploads/{upload}": frozenset({ADMIN}),
    "POST /api/catalogue/uploads/{upload}/apply": frozenset({ADMIN}),
    "GET /{language}/catalogue/": frozenset({ADMIN}),
    "POST /{language}/catalogue/": frozenset({ADMIN}),
    "GET /{language}/catalogue/{upload}": frozenset({ADMIN}),
    "POST /{language}/catalogue/{upload}": frozenset({ADMIN}),
    "GET /{language}/guard/": frozenset({ADMIN}),
    "GET /{language}/guard/services/{service}": frozenset({ADMIN}),
    "POST /{language}/guard/services/{service}": frozenset({ADMIN}),
    "POST /{language}/guard/services/{service}/lift": frozenset({ADMIN}),
    "POST /{language}/guard/services/{service}/allowances": frozenset({ADMIN}),
    "POST /{language}/guard/services/{service}/allowances/{allowance}/end": frozenset({ADMIN}),
    "POST /{language}/holds": EVERYBODY,
    "GET /api/services": EVERYBODY,
    "GET /api/services/{service}": EVERYBODY,
    "GET /api/offices": EVERYBODY,
    "GET /api/slots": EVERYBODY,
    "GET /api/slots/earliest": EVERYBODY,
    "GET /api/slots/next": EVERYBODY,
    "POST /api/holds": EVERYBODY,
    "GET /api/openapi.json": EVERYBODY,
    "GET /robots.txt": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /{language}/board/{office}": EVERYBODY,
    "GET /{language}/board/{office}/live": EVERYBODY,
    "GET /{language}/staff/sign-in": EVERYBODY,
    "POST /{language}/staff/sign-in": EVERYBODY,
    "POST /{language}/staff/sign-out": EVERYBODY,
    "GET /{language}/need/runs": EVERYBODY,
    "GET /{language}/need/sent": EVERYBODY,
    "GET /{language}/need/{service}": EVERYBODY,
    "POST /{language}/need/{service}": EVERYBODY,
    "POST /api/allocation/requests": EVERYBODY,
    "GET /{language}/invitation": EVERYBODY,
    "POST /{language}/invitation": EVERYBODY,
    "GET /{language}/invitation/link/{token}": EVERYBODY,
    "POST /api/invitations/open": EVERYBODY,
    "GET /{language}/my-appointments": EVERYBODY,
    "POST /{language}/my-appointments": EVERYBODY,
    "GET /{language}/my-appointments/sent": EVERYBODY,
    "POST /api/my-appointments/links": EVERYBODY,
    "GET /api/allocation/runs": EVERYBODY,
    "GET /api/allocation/runs/{run}/list": EVERYBODY,
    "GET /api/allocation/runs/{run}/result": EVERYBODY,
    # The handler itself asks for the hold's token (it stands in the body), the link's token or the sender's signature
    "POST /api/appointments": EVERYBODY,
    "GET /{language}/holds/{hold}": EVERYBODY,
    "POST /{language}/holds/{hold}": EVERYBODY,
    "POST /{language}/holds/{hold}/keep-the-other": EVERYBODY,
    "GET /{language}/case/{token}": EVERYBODY,
    "GET /{language}/case/{token}/rebooking": EVERYBODY,
    "GET /{language}/case/{token}/rebooking/{answer}": EVERYBODY,
    "GET /{language}/join/{token}": EVERYBODY,
    "GET /{language}/requests/{request}/link/{token}": EVERYBODY,
    "GET /{language}/my-appointments/link/{token}": EVERYBODY,
    "POST /api/my-appointments": EVERYBODY,
    "GET /{language}/waitlist/{appointment}/leave/{token}": EVERYBODY,
    "POST /{language}/waitlist/{appointment}/leave/{token}": EVERYBODY,
    "POST /api/webhooks/stripe": EVERYBODY,
    "POST /api/webhooks/twilio": EVERYBODY,
    # Whoever holds the token
    "GET /api/holds/{hold}": CITIZEN,
    "DELETE /api/holds/{hold}": CITIZEN,
    "GET /api/appointments/{appointment}": CITIZEN,
    "POST /api/appointments/{appointment}/checkout": CITIZEN,
    "POST /api/appointments/{appointment}/payment-link": CITIZEN,
    "GET /api/appointments/{appointment}/reductions": CITIZEN,
    "POST /api/appointments/{appointment}/reductions": CITIZEN,
    "GET /api/appointments/{appointment}/till": CITIZEN,
    "POST /api/appointments/{appointment}/till": CITIZEN,
    "POST /api/appointments/{appointment}/till/codes": CITIZEN,
    f"GET {_CASE}/till": CITIZEN,
    f"POST {_CASE}/till": CITIZEN,
    f"POST {_CASE}/till/codes": CITIZEN,
    f"GET {_CASE}/till/code": CITIZEN,
    "POST /api/appointments/{appointment}/cancel": CITIZEN,
    "POST /api/appointments/{appointment}/erase": CITIZEN,
    "POST /api/appointments/{appointment}/refund-again": CITIZEN,
    f"POST {_CASE}/refund-again": CITIZEN,
    "POST /api/appointments/{appointment}/keep": CITIZEN,
    f"POST {_CASE}/keep": CITIZEN,
    "POST /api/appointments/{appointment}/move": CITIZEN,
    "POST /api/appointments/{appointment}/stay": CITIZEN,
    "GET /api/appointments/{appointment}/calendar.ics": CITIZEN,
    f"GET {_CASE}": CITIZEN,
    f"GET {_CASE}/check": CITIZEN,
    f"POST {_CASE}/reductions": CITIZEN,
    f"POST {_CASE}/pay": CITIZEN,
    f"GET {_CASE}/paid": CITIZEN,
    f"POST {_CASE}/cancel": CITIZEN,
    f"POST {_CASE}/times": CITIZEN,
    f"GET {_CASE}/move": CITIZEN,
    f"POST {_CASE}/move": CITIZEN,
    f"POST {_CASE}/stay": CITIZEN,
    f"GET {_CASE}/moved/{{hold}}": CITIZEN,
    f"POST {_CASE}/erase": CITIZEN,
    f"GET {_CASE}/calendar.ics": CITIZEN,
    "GET /api/appointments/{appointment}/rebooking": CITIZEN,
    "POST /api/appointments/{appointment}/rebooking": CITIZEN,
    f"GET {_CASE}/rebooking": CITIZEN,
    f"POST {_CASE}/rebooking": CITIZEN,
    f"GET {_CASE}/call": CITIZEN,
    "GET /api/appointments/{appointment}/waitlist": CITIZEN,
    "POST /api/appointments/{appointment}/waitlist": CITIZEN,
    "POST /api/appointments/{appointment}/waitlist/leave": CITIZEN,
    "POST /api/appointments/{appointment}/waitlist/offers/{offer}/accept": CITIZEN,
    "POST /api/appointments/{appointment}/waitlist/offers/{offer}/decline": CITIZEN,
    f"GET {_CASE}/waitlist": CITIZEN,
    f"POST {_CASE}/waitlist": CITIZEN,
    f"POST {_CASE}/waitlist/leave": CITIZEN,
    f"POST {_CASE}/waitlist/offers/{{offer}}/{{answer}}": CITIZEN,
    "GET /{language}/room/{room}": CITIZEN,
    "GET /api/rooms/{room}/socket": CITIZEN,
    "GET /api/allocation/requests/{request}": CITIZEN,
    "POST /api/allocation/requests/{request}/verify": CITIZEN,
    "POST /api/allocation/requests/{request}/withdraw": CITIZEN,
    "GET /{language}/requests/{request}": CITIZEN,
    "POST /{language}/requests/{request}/verify": CITIZEN,
    "POST /{language}/requests/{request}/documents": CITIZEN,
    "POST /{language}/requests/{request}/documents/{document}/remove": CITIZEN,
    "GET /api/allocation/requests/{request}/documents": CITIZEN,
    "POST /api/allocation/requests/{request}/documents": CITIZEN,
    "POST /api/allocation/requests/{request}/documents/{document}/remove": CITIZEN,
    "POST /{language}/requests/{request}/withdraw": CITIZEN,
    "GET /api/my-appointments/{overview}": CITIZEN,
    "GET /{language}/my-appointments/{overview}": CITIZEN,
    "POST /{language}/my-appointments/{overview}": CITIZEN,
    f"GET {_INVITED}": CITIZEN,
    f"POST {_INVITED}/holds": CITIZEN,
    "GET /api/invitations/{invitation}": CITIZEN,
    "GET /api/invitations/{invitation}/slots": CITIZEN,
    "POST /api/invitations/{invitation}/holds": CITIZEN,
    # Giving out by need
    "GET /{language}/allocation/": GIVES_OUT,
    "POST /{language}/allocation/requests/{request}/check": GIVES_OUT,
    "POST /{language}/allocation/runs": GIVES_OUT,
    "GET /{language}/allocation/runs/{run}/seed": GIVES_OUT,
    "POST /{language}/allocation/runs/{run}/seed": GIVES_OUT,
    "POST /{language}/allocation/runs/{run}/seed/set-right": GIVES_OUT,
    "POST /{language}/allocation/runs/{run}/release": GIVES_OUT,
    "POST /{language}/allocation/runs/{run}/give-up": GIVES_OUT,
    "GET /{language}/allocation/services": GIVES_OUT,
    "GET /{language}/allocation/services/{service}": GIVES_OUT,
    "POST /{language}/allocation/services/{service}/mark": GIVES_OUT,
    "POST /{language}/allocation/services/{service}/unmark": GIVES_OUT,
    "GET /api/allocation/services/{service}": GIVES_OUT,
    "GET /{language}/allocation/calls": GIVES_OUT,
    "POST /{language}/allocation/calls/{call}/said": GIVES_OUT,
    "POST /{language}/allocation/calls/{call}/book": GIVES_OUT,
    "GET /api/allocation/calls": GIVES_OUT,
    "GET /api/allocation/requests": GIVES_OUT,
    "POST /api/allocation/requests/{request}/check": GIVES_OUT,
    "POST /api/allocation/runs": GIVES_OUT,
    "POST /api/allocation/runs/{run}/seed": GIVES_OUT,
    "POST /api/allocation/runs/{run}/seed/set-right": GIVES_OUT,
    "POST /api/allocation/runs/{run}/release": GIVES_OUT,
    "POST /api/allocation/runs/{run}/give-up": GIVES_OUT,
    "GET /api/allocation/documents/{document}": GIVES_OUT,
    "POST /api/allocation/calls/{call}/said": GIVES_OUT,
    "POST /api/allocation/calls/{call}/book": GIVES_OUT,
    "POST /api/offices/{office}/allocation/requests": COUNTER,
    "GET /api/offices/{office}/allocation/requests/{number}": COUNTER,
    "GET /api/offices/{office}/appointments/{number}": COUNTER,
    "POST /api/offices/{office}/appointments/{number}/cancel": COUNTER,
    "POST /api/offices/{office}/appointments/{number}/till": COUNTER,
    f"POST {_BOOKINGS}/cases/{{appointment}}/till": COUNTER,
    "POST /api/offices/{office}/appointments/{number}/move": COUNTER,
    "GET /api/offices/{office}/appointments/{number}/waitlist": COUNTER,
    "POST /api/offices/{office}/appointments/{number}/waitlist": COUNTER,
    "POST /api/offices/{office}/appointments/{number}/waitlist/leave": COUNTER,
    "POST /api/offices/{office}/appointments/{number}/waitlist/offers/{offer}/accept": COUNTER,
    "POST /api/offices/{office}/appointments/{number}/waitlist/offers/{offer}/decline": COUNTER,
    "POST /api/offices/{office}/allocation/requests/{number}/withdraw": COUNTER,
    f"GET {_BOOKINGS}/need/{{service}}": COUNTER,
    f"POST {_BOOKINGS}/need/{{service}}": COUNTER,
    f"GET {_BOOKINGS}/requests/{{number}}": COUNTER,
    f"POST {_BOOKINGS}/requests/{{number}}/withdraw": COUNTER,
    "POST /api/allocation/services/{service}/mark": GIVES_OUT,
    "POST /api/allocation/services/{service}/unmark": GIVES_OUT,
    "GET /{language}/staff/": STAFF,
    "GET /{language}/staff/password": STAFF,
    "POST /{language}/staff/password": STAFF,
    "GET /{language}/counter/": STAFF,
    f"GET {_COUNTER}": COUNTER,
    f"GET {_COUNTER}/live": COUNTER,
    f"POST {_COUNTER}/take": COUNTER,
    f"POST {_COUNTER}/leave": COUNTER,
    f"POST {_COUNTER}/free": frozenset({SUPERVISOR, ADMIN}),
    f"POST {_COUNTER}/check-in": COUNTER,
    f"POST {_COUNTER}/walk-in": COUNTER,
    f"POST {_COUNTER}/next": COUNTER,
    f"POST {_COUNTER}/tickets/{{ticket}}/proof": COUNTER,
    f"POST {_COUNTER}/tickets/{{ticket}}/{{step}}": COUNTER,
    "GET /{language}/bookings/": STAFF,
    f"GET {_BOOKINGS}": COUNTER,
    f"POST {_BOOKINGS}/holds": COUNTER,
    f"POST {_BOOKINGS}/overrides": frozenset({SUPERVISOR}),
    f"POST {_BOOKINGS}/cases/{{appointment}}/waitlist": COUNTER,
    f"POST {_BOOKINGS}/cases/{{appointment}}/waitlist/leave": COUNTER,
    f"POST {_BOOKINGS}/cases/{{appointment}}/waitlist/offers/{{offer}}/{{answer}}": COUNTER,
    "GET /{language}/waitlist/": frozenset({SUPERVISOR, ADMIN}),
    f"GET {_BOOKINGS}/holds/{{hold}}": COUNTER,
    f"POST {_BOOKINGS}/holds/{{hold}}": COUNTER,
    f"POST {_BOOKINGS}/holds/{{hold}}/release": COUNTER,
    f"GET {_BOOKINGS}/duplicates": COUNTER,
    f"GET {_BOOKINGS}/cases": COUNTER,
    f"GET {_BOOKINGS}/cases/{{appointment}}": COUNTER,
    f"POST {_BOOKINGS}/cases/{{appointment}}/cancel": COUNTER,
    f"GET {_BOOKINGS}/cases/{{appointment}}/refunds": COUNTER,
    f"POST {_BOOKINGS}/cases/{{appointment}}/refunds/{{transfer}}/account": COUNTER | ASSESSES,
    f"POST {_BOOKINGS}/cases/{{appointment}}/refunds/{{transfer}}/remind": COUNTER,
    f"POST {_BOOKINGS}/cases/{{appointment}}/refunds/{{transfer}}/letter": COUNTER | ASSESSES,
    f"GET {_BOOKINGS}/refunds": COUNTER | ASSESSES,
    f"GET {_BOOKINGS}/walk-in-refunds/{{transfer}}": COUNTER | ASSESSES,
    f"POST {_BOOKINGS}/walk-in-refunds/{{transfer}}/account": COUNTER | ASSESSES,
    "GET /api/offices/{office}/walk-in-refunds": COUNTER | ASSESSES,
    "POST /api/offices/{office}/walk-in-refunds/{transfer}/account": COUNTER | ASSESSES,
    "GET /{language}/charges/{charge}/transfers/{transfer}": CITIZEN,
    f"GET {_BOOKINGS}/refund-letters": COUNTER | ASSESSES,
    f"POST {_BOOKINGS}/refund-letters": COUNTER | ASSESSES,
    f"GET {_BOOKINGS}/refund-letters/{{print}}/letters.pdf": COUNTER | ASSESSES,
    "GET /api/offices/{office}/cases/{appointment}/refunds": COUNTER,
    "POST /api/offices/{office}/cases/{appointment}/refunds/{transfer}/account": COUNTER | ASSESSES,
    "POST /api/offices/{office}/cases/{appointment}/refunds/{transfer}/remind": COUNTER,
    "GET /api/offices/{office}/refund-prints": COUNTER | ASSESSES,
    "POST /api/offices/{office}/refund-prints": COUNTER | ASSESSES,
    "GET /api/offices/{office}/refund-prints/{print}/letters.pdf": COUNTER | ASSESSES,
    "GET /{language}/invitations/": STAFF,
    f"GET {_INVITATIONS}": COUNTER,
    f"GET {_INVITATIONS}/new": COUNTER,
    f"GET {_INVITATIONS}/list": COUNTER,
    f"POST {_INVITATIONS}/list": COUNTER,
    "POST /api/offices/{office}/invitation-lists": COUNTER,
    f"POST {_INVITATIONS}": COUNTER,
    f"GET {_INVITATIONS}/{{invitation}}": COUNTER,
    f"POST {_INVITATIONS}/{{invitation}}/send": COUNTER,
    f"POST {_INVITATIONS}/{{invitation}}/withdraw": COUNTER,
    f"GET {_INVITATIONS}/{{invitation}}/letter.pdf": COUNTER,
    f"POST {_INVITATIONS}/prints": COUNTER,
    f"GET {_INVITATIONS}/prints/{{print}}/letters.pdf": COUNTER,
    "GET /api/offices/{office}/invitations/{invitation}/letter.pdf": COUNTER,
    "GET /api/offices/{office}/invitation-prints": COUNTER,
    "POST /api/offices/{office}/invitation-prints": COUNTER,
    "GET /api/offices/{office}/invitation-prints/{print}/letters.pdf": COUNTER,
    "GET /api/offices/{office}/invitations": COUNTER,
    "POST /api/offices/{office}/invitations": COUNTER,
    "POST /api/offices/{office}/invitations/{invitation}/send": COUNTER,
    "POST /api/offices/{office}/invitations/{invitation}/withdraw": COUNTER,
    "GET /{language}/hours/": STAFF,
    f"GET {_HOURS}": frozenset({SUPERVISOR, ADMIN}),
    f"GET {_HOURS}/series": frozenset({SUPERVISOR, ADMIN}),
    f"GET {_HOURS}/rules": frozenset({SUPERVISOR, ADMIN}),
    f"GET {_HOURS}/rules/edit": frozenset({SUPERVISOR, ADMIN}),
    f"GET {_HOURS}/shares": frozenset({SUPERVISOR, ADMIN}),
    f"POST {_HOURS}/preview": frozenset({SUPERVISOR, ADMIN}),
    f"POST {_HOURS}/save": frozenset({SUPERVISOR, ADMIN}),
    "GET /api/offices/{office}/hours": frozenset({SUPERVISOR, ADMIN}),
    "GET /api/offices/{office}/hours/history": frozenset({SUPERVISOR, ADMIN}),
    "POST /api/offices/{office}/hours/preview": frozenset({SUPERVISOR, ADMIN}),
    "POST /api/offices/{office}/hours": frozenset({SUPERVISOR, ADMIN}),
    "GET /api/offices/{office}/slots": COUNTER,
    "GET /api/offices/{office}/duplicates": COUNTER,
    "POST /api/offices/{office}/holds": COUNTER,
    "POST /api/offices/{office}/overrides": frozenset({SUPERVISOR}),
    "GET /api/offices/{office}/waitlist": frozenset({SUPERVISOR, ADMIN}),
    "POST /api/offices/{office}/closings/preview": CLOSES,
    "POST /api/offices/{office}/closings": CLOSES,
    "GET /api/offices/{office}/closings": CLOSES,
    "GET /api/offices/{office}/closings/{closing}": CLOSES,
    "POST /api/offices/{office}/closings/{closing}/appointments/{appointment}/move": CLOSES,
    "POST /api/offices/{office}/closings/{closing}/appointments/{appointment}/cancel": CLOSES,
    "GET /{language}/closings/": STAFF,
    f"GET {_CLOSINGS}": CLOSES,
    f"POST {_CLOSINGS}": CLOSES,
    f"GET {_CLOSINGS}/preview": CLOSES,
    f"GET {_CLOSINGS}/{{closing}}": CLOSES,
    f"GET {_CLOSINGS}/{{closing}}/{{appointment}}": CLOSES,
    f"POST {_CLOSINGS}/{{closing}}/{{appointment}}/take": CLOSES,
    f"POST {_CLOSINGS}/{{closing}}/{{appointment}}/cancel": CLOSES,
    "GET /{language}/finance/": BOOKS,
    "GET /{language}/finance/work": BOOKS,
    "GET /{language}/finance/search": BOOKS,
    "GET /{language}/finance/disputes": BOOKS,
    "GET /{language}/finance/disputes/{dispute}": BOOKS,
    "GET /{language}/finance/books": BOOKS,
    "GET /{language}/finance/books/account": BOOKS,
    "GET /{language}/finance/books/days": BOOKS,
    "POST /{language}/finance/books/days/{day}/close": frozenset({TREASURY}),
    "GET /{language}/finance/books/advance": BOOKS,
    "GET /{language}/finance/books/procedure": BOOKS,
    "GET /{language}/finance/books/check": frozenset({AUDITOR}),
    "GET /{language}/oversight/": frozenset({AUDITOR, ADMIN}),
    "GET /{language}/oversight/terms/{kind}": frozenset({AUDITOR, ADMIN}),
    "POST /{language}/oversight/terms/{kind}": frozenset({ADMIN}),
    "GET /{language}/oversight/access": frozenset({AUDITOR, ADMIN}),
    f"GET {_DIFFERENCES}": BOOKS,
    f"POST {_DIFFERENCES}/runs": TILL,
    f"GET {_DIFFERENCES}/days": BOOKS,
    f"GET {_DIFFERENCE}": BOOKS,
    f"POST {_DIFFERENCE}/take": TILL,
    f"POST {_DIFFERENCE}/leave": TILL,
    f"POST {_DIFFERENCE}/comments": TILL,
    f"POST {_DIFFERENCE}/explain": TILL,
    f"POST {_DIFFERENCE}/requests": TILL,
    f"POST {_DIFFERENCE}/requests/{{request}}/approve": TILL,
    f"POST {_DIFFERENCE}/requests/{{request}}/reject": TILL,
    "GET /{language}/finance/figures": BOOKS,
    "GET /{language}/finance/figures/figures.csv": BOOKS,
    "GET /{language}/finance/figures/lines": BOOKS,
    "GET /{language}/finance/figures/open": BOOKS,
    "GET /{language}/finance/figures/reserved": BOOKS,
    "GET /{language}/finance/figures/reserved.csv": BOOKS,
    "GET /{language}/finance/drawers/{drawer}": BOOKS,
    "GET /{language}/finance/payouts": BOOKS,
    "GET /{language}/finance/payouts/{payout}": BOOKS,
    f"GET {_BATCHES}/{{batch}}/items": BOOKS,
    "GET /{language}/finance/figures/figures.xlsx": BOOKS,
    f"GET {_JOURNAL}": BOOKS,
    f"POST {_JOURNAL}/reversals": TILL,
    f"POST {_JOURNAL}/reversals/{{reversal}}/approve": TILL,
    f"POST {_JOURNAL}/reversals/{{reversal}}/reject": TILL,
    f"GET {_BATCHES}": BOOKS,
    f"POST {_BATCHES}/days/{{day}}": TILL,
    f"GET {_BATCHES}/{{batch}}": BOOKS,
    f"GET {_BATCHES}/{{batch}}/files/{{format}}": BOOKS,
    f"POST {_BATCHES}/{{batch}}/acknowledge": frozenset({TREASURY}),
    "GET /api/finance/batches": BOOKS,
    "POST /api/finance/batches": TILL,
    "GET /api/finance/batches/{batch}": BOOKS,
    "GET /api/finance/batches/{batch}/files/{format}": BOOKS,
    "POST /api/finance/batches/{batch}/acknowledgement": frozenset({TREASURY}),
    f"GET {_PAYMENT}": BOOKS,
    "GET /api/appointments/{appointment}/receipts": CITIZEN,
    f"GET {_CASE}/receipts/{{payment}}": CITIZEN,
    f"GET {_CASE}/receipts/{{payment}}/receipt.pdf": CITIZEN,
    # Taking money is a cashier's
    "GET /{language}/till/": STAFF,
    f"GET {_TILL}": CASHES,
    f"POST {_TILL}/tills": CASHES,
    f"GET {_TILL}/drawers/{{drawer}}": CASHES,
    f"POST {_TILL}/drawers/{{drawer}}/close": CASHES,
    f"GET {_TILL}/{{till}}": CASHES,
    f"POST {_TILL}/{{till}}/drawer": CASHES,
    f"POST {_TILL}/{{till}}/appointments/{{appointment}}": CASHES,
    f"GET {_TILL}/{{till}}/payments/{{payment}}": CASHES,
    f"POST {_TILL}/{{till}}/payments/{{payment}}/take": CASHES,
    f"GET {_TILL}/{{till}}/payments/{{payment}}/receipt": CASHES,
    f"GET {_TILL}/{{till}}/payments/{{payment}}/receipt.pdf": CASHES,
    f"POST {_TILL}/{{till}}/payments/{{payment}}/refunds/{{refund}}/give": CASHES,
    f"POST {_TILL}/{{till}}/payments/{{payment}}/refunds/{{refund}}/transfer": CASHES,
    **dict.fromkeys(
        (
            f"GET {_OFFICE_API}/tills",
            f"POST {_OFFICE_API}/tills",
            f"GET {_OFFICE_API}/drawers",
            f"GET {_OFFICE_API}/drawers/{{drawer}}",
            f"POST {_OFFICE_API}/drawers/{{drawer}}/close",
            f"POST {_OFFICE_API}/tills/{{till}}/drawer",
            f"GET {_OFFICE_API}/tills/{{till}}/payments",
            f"POST {_OFFICE_API}/tills/{{till}}/appointments/{{appointment}}",
            f"POST {_OFFICE_API}/tills/{{till}}/payments/{{payment}}/take",
            f"POST {_OFFICE_API}/tills/{{till}}/refunds/{{refund}}/give",
            f"POST {_OFFICE_API}/tills/{{till}}/refunds/{{refund}}/transfer",
        ),
        CASHES,
    ),
    f"POST {_OFFICE_API}/kiosks/{{till}}/payments": KIOSKS,
    f"POST {_OFFICE_API}/kiosks/{{till}}/payments/{{payment}}/taken": KIOSKS,
    "GET /{language}/bank/": TILL,
    "POST /{language}/bank/": TILL,
    "GET /{language}/bank/search": TILL,
    "GET /{language}/bank/statements/{statement}": TILL,
    "POST /api/bank/files": TILL,
    "GET /api/bank/statements": TILL,
    "GET /api/bank/statements/{statement}": TILL,
    "GET /{language}/charge/{token}": EVERYBODY,
    "GET /{language}/charges/{charge}": CITIZEN,
    "POST /{language}/charges/{charge}/pay": CITIZEN,
    "GET /{language}/charges/{charge}/paid": CITIZEN,
    "GET /{language}/charges/{charge}/receipt": CITIZEN,
    "GET /{language}/charges/{charge}/receipt.pdf": CITIZEN,
    "GET /api/charges/{charge}": CITIZEN,
    "POST /api/charges/{charge}/checkout": CITIZEN,
    "GET /api/offices/{office}/tickets/{ticket}/charges": COUNTER,
    "POST /api/offices/{office}/tickets/{ticket}/charges": COUNTER,
    "POST /api/offices/{office}/charges/{charge}/withdraw": COUNTER,
    f"POST {_COUNTER}/tickets/{{ticket}}/charges": COUNTER,
    f"POST {_COUNTER}/charges/{{charge}}/withdraw": COUNTER,
    f"POST {_TILL}/{{till}}/charges/{{charge}}": CASHES,
    "POST /api/offices/{office}/tickets/{ticket}/charges/reduction": COUNTER,
    "POST /api/offices/{office}/charges/{charge}/send": COUNTER,
    "GET /api/offices/{office}/tills/{till}/charges": CASHES,
    "POST /api/offices/{office}/tills/{till}/charges/{charge}": CASHES,
    f"POST {_COUNTER}/tickets/{{ticket}}/charges/reduction": COUNTER,
    f"POST {_COUNTER}/tickets/{{ticket}}/finish-unpaid": COUNTER,
    f"POST {_COUNTER}/charges/{{charge}}/send": COUNTER,
    "GET /{language}/finance/open-fees": BOOKS,
    "GET /{language}/refunds/link/{token}": EVERYBODY,
    "GET /{language}/refund": EVERYBODY,
    "POST /{language}/refund": EVERYBODY,
    "GET /api/provider-prices": BOOKS,
    "POST /api/provider-prices": TILL,
    "GET /{language}/finance/at-bank": BOOKS,
    "GET /{language}/finance/prices": BOOKS,
    "POST /{language}/finance/prices": TILL,
    "GET /{language}/refunds/{transfer}": CITIZEN,
    "POST /{language}/refunds/{transfer}": CITIZEN,
    "GET /api/refunds/{transfer}": CITIZEN,
    "POST /api/refunds/{transfer}/account": CITIZEN,
    "GET /{language}/transfers/": BOOKS,
    "GET /{language}/transfers/files": BOOKS,
    "POST /{language}/transfers/files": SENDS,
    "GET /{language}/transfers/files/{file}": BOOKS,
    "POST /{language}/transfers/files/{file}/content": SENDS,
    f"GET {_TRANSFER}": BOOKS,
    f"POST {_TRANSFER}/account": ASSESSES,
    f"POST {_TRANSFER}/assess": ASSESSES,
    f"POST {_TRANSFER}/approve": TILL,
    f"POST {_TRANSFER}/ask-again": ASSESSES,
    f"POST {_TRANSFER}/cancel": TILL,
    f"POST {_TRANSFER}/returned": SENDS,
    f"POST {_TRANSFER}/waivers": ASSESSES,
    f"POST {_TRANSFER}/waivers/{{waiver}}/approve": TILL,
    f"POST {_TRANSFER}/waivers/{{waiver}}/reject": TILL,
    "GET /api/transfers": BOOKS,
    f"GET {_TRANSFER_API}": BOOKS,
    f"POST {_TRANSFER_API}/account": ASSESSES,
    f"POST {_TRANSFER_API}/assess": ASSESSES,
    f"POST {_TRANSFER_API}/approve": TILL,
    f"POST {_TRANSFER_API}/ask-again": ASSESSES,
    f"POST {_TRANSFER_API}/cancel": TILL,
    f"POST {_TRANSFER_API}/returned": SENDS,
    f"POST {_TRANSFER_API}/waivers": ASSESSES,
    f"POST {_TRANSFER_API}/waivers/{{waiver}}/approve": TILL,
    f"POST {_TRANSFER_API}/waivers/{{waiver}}/reject": TILL,
    "POST /api/transfer-files": SENDS,
    "GET /api/transfer-files": BOOKS,
    "GET /api/transfer-files/{file}": BOOKS,
    "GET /api/transfer-files/{file}/content": SENDS,
    f"POST {_PAYMENT}/settle": TILL,
    f"POST {_PAYMENT}/refunds": TILL,
    f"POST {_PAYMENT}/refunds/{{refund}}/approve": TILL,
    f"POST {_PAYMENT}/refunds/{{refund}}/reject": TILL,
    f"POST {_PAYMENT}/refunds/{{refund}}/again": TILL,
}
_ROUTES = {f"{endpoint.method} {endpoint.path}": endpoint for endpoint in ENDPOINTS}
_REFUSED = {"unauthenticated", "not_signed_in", "forbidden"}


@dataclass
class Cast:
    """The callers, each with the headers that are theirs, and true ids for the paths."""

    town: Town
    http: aiohttp.ClientSession  # keeps no cookie
    ids: dict[str, str]
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)  # caller -> kind of token -> bearer

    async def comes_through(self, endpoint: Endpoint, caller: str) -> bool:
        path = endpoint.path.format(**self.ids)
        headers = {**self.headers.get(caller, {}), "Accept": "text/event-stream" if _is_live(endpoint) else "*/*"}
        if token := self.tokens.get(caller, {}).get(endpoint.who.kind):
            headers["Authorization"] = f"Bearer {token}"
        async with self.http.request(
            endpoint.method, self.town.origin + path, headers=headers, allow_redirects=False, data=_body(endpoint)
        ) as response:
            assert response.status < 500, (endpoint.path, caller, response.status)
            if response.status == 303 and "/staff/sign-in" in response.headers["Location"]:
                return endpoint.path.endswith("/sign-out")  # which leads there itself
            if response.status in (401, 403):
                code = (await response.json())["code"]
                # a handler that asks for a token itself answers 401 too, but the guard has let everybody come to it
                assert code in _REFUSED or endpoint.who.kind in ("anyone", "vendor"), (endpoint.path, caller, code)
                return endpoint.who.kind in ("anyone", "vendor")
            return True


def _is_live(endpoint: Endpoint) -> bool:
    return endpoint.media == "text/event-stream"


def _body(endpoint: Endpoint) -> Any:
    """Something that no handler can carry out: the guard is asked, and nothing happens behind it."""
    if endpoint.method == "GET":
        return None
    return {"nothing": ""} if endpoint.page else b"{}"


@pytest.fixture
async def people(city_dsn: str, clock: SettableClock) -> AsyncIterator[Callable[[], Any]]:
    async with contextlib.AsyncExitStack() as stack:
        town = await stack.enter_async_context(open_town(city_dsn, clock))

        async def make() -> Cast:
            return await _cast(town, stack)

        yield make


async def _call(town: Town) -> Invitation:
    """A citizen's link into the room of a confirmed video consultation."""
    made = await town.appointment("Wohnsitz abmelden", channel="video")
    await town.checkout(made)
    invitation = await town.worker.appointments.invitation(UUID(made["id"]))
    assert invitation is not None
    return invitation


async def _request(town: Town, name: str) -> tuple[UUID, str]:
    """For an appointment given out by need, of a service that nobody else here wants; with the token of its link."""
    allocation, service = town.worker.allocation, (await town.service("Führungszeugnis"))["id"]
    await town.rows("INSERT INTO allocation_service (service_id) VALUES ($1) ON CONFLICT DO NOTHING", service)
    contact = Contact(name=name, email=f"{name}@example.org", language="de")
    asked = Asked(service_id=service, contact=contact, birth_date=date(1990, 1, 1))
    ident = await allocation.ask(asked, uuid4())
    return ident, town.worker.sealer.mac(f"allocation-request:{ident}")


async def _list(town: Town, key: str) -> tuple[UUID, str]:
    """One's appointments, opened by the link of a mail."""
    overviews = town.worker.overviews
    await overviews.ask(Reach.EMAIL, KIM["email"], "de", key, "127.0.0.1")
    await town.work()
    [link] = re.findall(r"/my-appointments/link/(\S+)", town.mail.messages[-1].part("text/plain") or "")
    ident, opened = await overviews.open(link, key)
    return ident, opened.token


async def _invited(town: Town, name: str) -> tuple[UUID, str]:
    """To a service that nobody else here wants; with the token of its link."""
    [office] = await town.rows("SELECT id FROM office WHERE key = 'buergerbuero-mitte'")
    today = town.clock().date()
    terms = Terms(
        office_id=office["id"],
        service_id=(await town.service("Wohnsitz abmelden"))["id"],
        channel="onsite",
        first_day=today,
        last_day=today + timedelta(days=9),
        answer_by=today + timedelta(days=9),
    )
    by = await hire(town, f"maker-of-{name}", "admin")
    contact = Contact(name=name, email=f"{name}@example.org", language="de")
    invitations = town.app[INVITATIONS]
    made = await invitations.make(terms, Invited(contact), by, name)
    return made.id, town.worker.sealer.mac(f"invitation:{made.id}")


async def _charged(town: Town, office: int, number: int) -> tuple[UUID, str]:
    """A further fee of somebody who is served without an appointment; with the token of its link."""
    sql = """
        INSERT INTO ticket (id, office_id, day, number, service_id, channel, status, counter_id, arrived_at, called_at, calls, changed_at)
        SELECT gen_random_uuid(), c.office_id, $3, $2::int, (SELECT min(id) FROM service), 'onsite', 'serving', c.id, $4, $4, 1, $4
          FROM counter c WHERE c.office_id = $1 ORDER BY c.id OFFSET $2 LIMIT 1 RETURNING id"""
    [ticket] = await town.rows(sql, office, number, town.clock().date(), town.clock())
    by, charges = await hire(town, f"asks-{number}", "clerk"), town.worker.charges
    fee = (await charges.prices(ticket["id"]))[0].fee_id
    made = await charges.ask(office, ticket["id"], fee, quantity=1, text="", by=by, key=UUID(int=20 + number))
    return made.id, charges.link(made).rsplit("/", 1)[1]


async def _cast(town: Town, stack: contextlib.AsyncExitStack) -> Cast:
    mine, others = await town.appointment("Wohnsitzanmeldung"), await town.appointment("Wohnsitzanmeldung")
    hold, other_hold = await town.hold(mine["service"]), await town.hold(mine["service"])
    own_call, other_call = await _call(town), await _call(town)
    own_request, other_request = await _request(town, "kim"), await _request(town, "alex")
    own_list, other_list = await _list(town, "own key of 16"), await _list(town, "other key of 16")
    own_invitation, other_invitation = await _invited(town, "kim"), await _invited(town, "alex")
    [office] = await town.rows("SELECT id, key FROM office WHERE key = 'buergerbuero-mitte'")
    own_charge, other_charge = await _charged(town, office["id"], 1), await _charged(town, office["id"], 2)
    cast = Cast(
        town,
        await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())),
        {
            "language": "de",
            "service": str(mine["service"]),
            "office": str(office["id"]),
            "allowance": "4711",
            "appointment": mine["id"],
            "hold": hold["id"],
            "token": "x" * 43,
            "number": "0" * 12,
            "call": "7",
            "document": str(UUID(int=13)),
            "ticket": str(UUID(int=7)),
            "step": "start",
            "payment": str(UUID(int=8)),
            "dispute": str(UUID(int=8)),
            "till": "1",
            "drawer": str(UUID(int=10)),
            "refund": str(UUID(int=9)),
            "transfer": str(UUID(int=14)),
            "waiver": str(UUID(int=15)),
            "charge": str(own_charge[0]),
            "file": "7",
            "room": str(own_call.room_id),
            "run": str(UUID(int=10)),
            "closing": str(UUID(int=11)),
            "print": str(UUID(int=12)),
            "upload": str(UUID(int=13)),
            "statement": "7",
            "batch": "7",
            "kind": "books",
            "journal": "7",
            "difference": "7",
            "payout": "po_7",
            "reversal": str(UUID(int=14)),
            "format": "manifest",
            "day": "2026-11-30",
            "request": str(own_request[0]),
            "overview": str(own_list[0]),
            "invitation": str(own_invitation[0]),
            "offer": str(UUID(int=11)),
            "answer": "accept",
        },
    )
    cast.tokens[OWNER] = {
        "case": mine["token"],
        "hold": hold["token"],
        "room": own_call.token,
        "request": own_request[1],
        "overview": own_list[1],
        "invitation": own_invitation[1],
        "transfer": town.worker.sealer.mac(f"transfer:{UUID(int=14)}"),
        "charge": own_charge[1],
    }
    cast.tokens[OTHER] = {
        "case": others["token"],
        "hold": other_hold["token"],
        "room": other_call.token,
        "request": other_request[1],
        "overview": other_list[1],
        "invitation": other_invitation[1],
        "transfer": town.worker.sealer.mac(f"transfer:{UUID(int=15)}"),
        "charge": other_charge[1],
    }
    for caller, role, scope in (
        (CLERK, "clerk", office["key"]),
        (AWAY, "clerk", "buergerbuero-west"),
        (SUPERVISOR, "supervisor", office["key"]),
        (CASHIER, "cashier", office["key"]),
        (KIOSK, "kiosk", office["key"]),
        (ALLOCATION, "allocation", None),
        (FINANCE, "finance", None),
        (ASSESSOR, "assessor", None),
        (TREASURY, "treasury", None),
        (AUDITOR, "auditor", None),
        (ADMIN, "admin", None),
    ):
        login = caller.replace(" ", "-")
        await hire(town, login, role, scope)
        browser = await stack.enter_async_context(await sign_in(town, login))
        cast.headers[caller] = {"Cookie": f"staff={browser.cookies['staff']}"}
    return cast


def test_every_route_has_its_line_and_every_line_its_route() -> None:
    assert set(EXPECTED) == set(_ROUTES)


async def test_everybody_comes_exactly_as_far_as_written(people: Callable[[], Any]) -> None:
    cast: Cast = await people()
    wrong = []
    ends_sessions = "POST /{language}/staff/sign-out"
    for route, endpoint in sorted(_ROUTES.items(), key=lambda pair: pair[0] == ends_sessions):
        for caller in CALLERS:
            if caller == OWNER:
                continue  # comes last: what the owner gives back is nobody's any more
            if await cast.comes_through(endpoint, caller) != (caller in EXPECTED[route]):
                wrong.append((route, caller))
    last = {"DELETE": 2, "POST": 1, "GET": 0}
    for route, endpoint in sorted(_ROUTES.items(), key=lambda pair: last[pair[1].method]):
        if await cast.comes_through(endpoint, OWNER) != (OWNER in EXPECTED[route]):
            wrong.append((route, OWNER))
    assert wrong == []


async def test_a_role_of_another_office_or_none_opens_no_office(people: Callable[[], Any]) -> None:
    """The scope is asked of the path: the other office's clerk is let in there, and only there."""
    cast: Cast = await people()
    [west] = await cast.town.rows("SELECT id FROM office WHERE key = 'buergerbuero-west'")
    cast.ids["office"] = str(west["id"])
    endpoint = _ROUTES[f"GET {_COUNTER}"]
    seen = {caller for caller in CALLERS if await cast.comes_through(endpoint, caller)}
    assert seen == {AWAY}
    cast.ids["office"] = "4711"
    assert not [caller for caller in CALLERS if await cast.comes_through(endpoint, caller)]


async def test_the_document_says_what_the_tables_say(db: Database) -> None:
    """`docs/access.md`, printed from the endpoint table and the roles that the migrations make; `GOLDEN=1` writes it anew."""
    async with db.connection() as conn:
        roles = await roles_of(conn)
    check_golden(ACCESS, INTRODUCTION + markdown(actions(ENDPOINTS, roles), roles))

"""The roof of the web process: endpoint tables joined, middlewares in order, life cycles entered and left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from aiohttp.typedefs import Middleware

import frontend
from base import openapi as openapi_document
from base.clock import Clock, utcnow
from base.config import Settings
from base.metrics import METRICS, Metrics
from base.templates import Assets, Templates
from base.web import (
    ACCESS,
    CLOCK,
    DATABASE,
    DRAINING,
    ERROR_PAGE,
    FEED,
    IDENTITY,
    SEALER,
    SEAT_CHECK,
    SETTINGS,
    STOPPING,
    TEMPLATES,
    TRANSLATIONS,
    Endpoint,
)
from base.web.compress import compressed
from base.web.guard import Access, same_origin, security_headers
from base.web.kept import Kept
from base.web.live import Fragments
from base.web.problems import problems
from booking.allocation import desk_endpoints as desk
from booking.allocation import documents_endpoints as need_documents
from booking.allocation import endpoints as allocation
from booking.allocation import marking_endpoints as marking
from booking.allocation import runs_endpoints as runs
from booking.allocation import words_endpoints as words
from booking.appointments import desk_endpoints as desk_of_till
from booking.appointments import endpoints as appointments
from booking.appointments import kiosk_endpoints as kiosk
from booking.appointments import receipt_endpoints as receipts
from booking.appointments import reduction_endpoints as reductions
from booking.appointments import staff_endpoints as staff_appointments
from booking.appointments import till_endpoints as till_holds
from booking.availability import endpoints as availability
from booking.catalogue import endpoints as catalogue
from booking.catalogue import hours_endpoints as hours
from booking.catalogue import uploads_endpoints as catalogue_uploads
from booking.charges import endpoints as charges
from booking.charges import walk_in_endpoints as walk_ins
from booking.guard import endpoints as guard
from booking.guard import rules_endpoints as guard_rules
from booking.holds import endpoints as holds
from booking.holds import staff_endpoints as staff_holds
from booking.invitations import endpoints as invitations
from booking.invitations import letters_endpoints as letters
from booking.overview import endpoints as overview
from booking.rebooking import endpoints as rebooking
from booking.refunds import endpoints as refunds
from booking.waitlist import endpoints as waitlist
from booking.waitlist import staff_endpoints as staff_waitlist
from frontend.allocation import pages as allocation_pages
from frontend.bank import pages as bank_pages
from frontend.board import pages as board
from frontend.bookings import pages as bookings_pages
from frontend.catalogue import pages as catalogue_pages
from frontend.charges import pages as charges_pages
from frontend.citizen import find_pages, pages
from frontend.closing import pages as closing_pages
from frontend.counter import pages as counter
from frontend.counter.keys import FRAGMENTS, QUEUE, QUEUE_SOURCE
from frontend.finance import pages as finance
from frontend.guard import pages as guard_pages
from frontend.hours import pages as hours_pages
from frontend.invitations import pages as invitations_pages
from frontend.oversight import pages as oversight_pages
from frontend.oversight.access import ENDPOINT_TABLE
from frontend.receipts import pages as receipts_pages
from frontend.room import pages as room_pages
from frontend.staff import pages as staff
from frontend.staff.errors import error_page
from frontend.till import pages as till_pages
from frontend.transfers import pages as transfers_pages
from frontend.waitlist import pages as waitlist_pages
from notifications import endpoints as notifications
from payment import endpoints as payment
from payment.bank import endpoints as bank
from payment.exports import endpoints as exports
from payment.figures.endpoints import FIGURES
from payment.matching import endpoints as prices
from payment.payouts.endpoints import PAYOUTS
from payment.retention.endpoints import RETENTION
from payment.till import endpoints as tills
from payment.transfers import endpoints as transfers
from server import documents, health
from server.calls import seat_check, signalling
from server.product import Product, open_product
from video.signalling import endpoints as sockets

ENDPOINTS: Sequence[Endpoint] = (
    *catalogue.ENDPOINTS,
    *catalogue_uploads.ENDPOINTS,
    *hours.ENDPOINTS,
    *availability.ENDPOINTS,
    *holds.ENDPOINTS,
    *staff_holds.ENDPOINTS,
    *appointments.ENDPOINTS,
    *receipts.ENDPOINTS,
    *reductions.ENDPOINTS,
    *till_holds.ENDPOINTS,
    *tills.ENDPOINTS,
    *desk_of_till.ENDPOINTS,
    *kiosk.ENDPOINTS,
    *charges.ENDPOINTS,
    *walk_ins.ENDPOINTS,
    *staff_appointments.ENDPOINTS,
    *allocation.ENDPOINTS,
    *marking.ENDPOINTS,
    *desk.ENDPOINTS,
    *runs.ENDPOINTS,
    *words.ENDPOINTS,
    *need_documents.ENDPOINTS,
    *invitations.ENDPOINTS,
    *letters.ENDPOINTS,
    *overview.ENDPOINTS,
    *guard.ENDPOINTS,
    *guard_rules.ENDPOINTS,
    *waitlist.ENDPOINTS,
    *staff_waitlist.ENDPOINTS,
    *rebooking.ENDPOINTS,
    *payment.ENDPOINTS,
    *bank.ENDPOINTS,
    *exports.ENDPOINTS,
    *transfers.ENDPOINTS,
    *refunds.ENDPOINTS,
    *prices.ENDPOINTS,
    *notifications.ENDPOINTS,
    *documents.ENDPOINTS,
    *health.ENDPOINTS,
    *pages.ENDPOINTS,
    *staff.ENDPOINTS,
    *finance.ENDPOINTS,
    *bank_pages.ENDPOINTS,
    *till_pages.ENDPOINTS,
    *transfers_pages.ENDPOINTS,
    *counter.ENDPOINTS,
    *allocation_pages.ENDPOINTS,
    *bookings_pages.ENDPOINTS,
    *hours_pages.ENDPOINTS,
    *invitations_pages.ENDPOINTS,
    *guard_pages.ENDPOINTS,
    *catalogue_pages.ENDPOINTS,
    *waitlist_pages.ENDPOINTS,
    *closing_pages.ENDPOINTS,
    *board.ENDPOINTS,
    *sockets.ENDPOINTS,
    *receipts_pages.ENDPOINTS,
    *charges_pages.ENDPOINTS,
    *room_pages.ENDPOINTS,
    *oversight_pages.ENDPOINTS,
)
_FRONTEND = Path(frontend.__file__).parent
_LARGEST_BODY_BYTES = 256 * 1024  # forms and JSON; who takes a file says how large (base.web.upload)


def build(settings: Settings, clock: Clock = utcnow) -> web.Application:
    metrics = Metrics()
    guard = Access({(endpoint.method, endpoint.path): endpoint for endpoint in ENDPOINTS})
    middlewares = [metrics.middleware(), problems, same_origin, guard.middleware(), compressed]
    app = web.Application(middlewares=cast("list[Middleware]", middlewares), client_max_size=_LARGEST_BODY_BYTES)
    assets = Assets(_FRONTEND / "static")
    app[SETTINGS] = settings
    app[CLOCK] = clock
    app[METRICS] = metrics
    app[DRAINING] = asyncio.Event()
    app[STOPPING] = asyncio.Event()
    app[ERROR_PAGE] = error_page
    app.add_routes([web.route(endpoint.method, endpoint.path, endpoint.handler) for endpoint in ENDPOINTS])
    if assets.built:
        app.router.add_static("/static", assets.folder)
    app.on_response_prepare.append(_headers(settings))
    app.cleanup_ctx.append(_running(assets))
    return app


def openapi() -> dict[str, Any]:
    return openapi_document.document(ENDPOINTS, _version())


def _running(assets: Assets) -> Any:
    @asynccontextmanager
    async def running(app: web.Application) -> AsyncIterator[None]:
        async with open_product(app[SETTINGS], app[CLOCK]) as product:
            _install(app, product, assets)
            await product.feed.start()
            await product.batcher.start()
            await product.owners.start(product.holds.answer)
            await product.figures.start()
            try:
                async with signalling(product) as app[sockets.SOCKETS]:
                    yield
            finally:
                await product.owners.stop()
                await product.figures.stop()
                await product.batcher.stop()
                await product.feed.stop()

    return running


def _install(app: web.Application, product: Product, assets: Assets) -> None:
    app[DATABASE] = product.db
    app[SEALER] = product.sealer
    app[TRANSLATIONS] = product.translations
    app[TEMPLATES] = Templates([_FRONTEND / "templates"], product.translations, assets)
    app[IDENTITY] = product.identity
    app[ACCESS] = {
        "hold": product.holds.authorise,
        "case": product.appointments.authorise,
        "room": product.rooms.authorise,
        "request": product.allocation.authorise,
        "overview": product.overviews.authorise,
        "invitation": product.invitations.authorise,
        "transfer": product.transfers.authorise,
        "charge": product.charges.authorise,
    }
    app[SEAT_CHECK] = seat_check(product)
    app[room_pages.ROOMS] = product.rooms
    app[catalogue.CATALOGUE] = product.catalogue
    app[catalogue_uploads.UPLOADS] = product.uploads
    app[hours.HOURS] = product.hours
    app[availability.AVAILABILITY] = product.availability
    app[availability.KNOWN] = Kept()
    app[find_pages.KNOWN_TIMES] = Kept()
    app[holds.HOLDS] = product.holds
    app[appointments.BY_NAME] = product.by_name
    app[appointments.APPOINTMENTS] = product.appointments
    app[reductions.REDUCTIONS] = product.reductions
    app[appointments.TILL_HOLDS] = product.till_holds
    app[charges.CHARGES] = product.charges
    app[allocation.ALLOCATION] = product.allocation
    app[invitations.INVITATIONS] = product.invitations
    app[letters.PRINTING] = product.printing
    app[overview.OVERVIEWS] = product.overviews
    app[need_documents.DOCUMENTS] = product.need_documents
    app[words.WORDS] = product.need_words
    app[guard.GUARD] = product.guard
    app[guard_rules.RULES] = product.guard_rules
    app[marking.MARKING] = product.marking
    app[allocation.RUNS] = product.runs
    app[allocation.NEED_SOURCE] = product.need_source
    app[waitlist.WAITLIST] = product.waitlist
    app[rebooking.REBOOKINGS] = product.rebookings
    app[payment.PAYMENTS] = product.payments
    app[payment.TILLS] = product.tills
    app[notifications.NOTIFICATIONS] = product.notifications
    app[payment.RECONCILIATION] = product.reconciliation
    app[payment.RECEIPTS] = product.receipts
    app[bank.BANK] = product.bank
    app[transfers.TRANSFERS] = product.transfers
    app[refunds.REFUNDS] = product.refunds
    app[walk_ins.WALK_INS] = product.walk_ins
    app[refunds.REFUND_LETTERS] = product.refund_letters
    app[transfers.TRANSFER_FILES] = product.transfer_files
    app[payment.LEDGERS] = product.ledgers
    app[payment.REVERSALS] = product.reversals
    app[payment.MATCHING] = product.matching
    app[payment.DIFFERENCES] = product.differences
    app[prices.PRICING] = product.pricing
    app[exports.EXPORTS] = product.exports
    app[ENDPOINT_TABLE] = tuple(ENDPOINTS)
    app[FIGURES] = product.figure_book
    app[PAYOUTS] = product.payouts
    app[RETENTION] = product.retention
    app[FEED] = product.feed
    app[QUEUE] = product.queue
    app[QUEUE_SOURCE] = product.queue_source
    app[FRAGMENTS] = Fragments()


def _headers(settings: Settings) -> Any:
    fixed: Mapping[str, str] = security_headers(settings)

    async def secure(request: web.Request, response: web.StreamResponse) -> None:
        """A signal reaches streams and errors as well, a middleware does not."""
        own = response.headers.get("Permissions-Policy")  # a page that needs the camera says so
        response.headers.update(fixed)
        if own is not None:
            response.headers["Permissions-Policy"] = own
        response.headers.pop("Server", None)
        if request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"

    return secure


def _version() -> str:
    try:
        return version("schalter")
    except PackageNotFoundError:
        return "0.1.0"  # run from a checkout; pyproject.toml says the same, and a test compares

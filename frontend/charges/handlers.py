"""Handlers of a further fee for its payer; the link becomes a cookie, as everywhere."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from aiohttp import web

from base.errors import Conflict, NotFound, Unauthenticated, Unavailable
from base.web import SETTINGS, form, path_id, set_token_cookie
from booking.catalogue.endpoints import CATALOGUE
from booking.charges.endpoints import CHARGES, return_url
from booking.charges.model import ChargeStatus
from frontend.charges.composing import charge_page
from frontend.citizen.frame import frame
from frontend.citizen.refund_pages import refund_url
from frontend.citizen.rendering import key_of, new_key, page, see, words_of
from frontend.receipts.composing import charge_sheet
from frontend.receipts.handlers import file_answer, receipt_answer
from frontend.receipts.views import ReceiptPage, Sheet
from payment.endpoints import RECEIPTS
from payment.receipts.model import Receipt
from payment.transfers.endpoints import TRANSFERS

log = logging.getLogger(__name__)


async def arrive(request: web.Request) -> web.Response:
    """The token leaves the address at once and goes on as a cookie; nothing else changes."""
    words, token = words_of(request), request.match_info["token"]
    ident = await request.app[CHARGES].find_by_token(token)
    if ident is None:
        raise Unauthenticated
    response = see(f"/{words.language}/charges/{ident}")
    set_token_cookie(request, response, "charge", ident, token)
    return response


async def show(request: web.Request) -> web.Response:
    return await _show(request)


async def pay(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "charge")
    key_of(await form(request))
    charges = request.app[CHARGES]
    try:
        url = await charges.pay(ident, return_url(request.app[SETTINGS].public_url, await charges.get(ident)))
    except Conflict:
        return await _show(request)  # withdrawn meanwhile, and the page says so
    except Unavailable:
        log.warning("pay.not_opened", extra={"charge": str(ident)})
        problem = words._(
            "Our payment provider does not answer. Nothing was charged: please try again, or pay at a till."
        )
        return await _show(request, problem)
    return see(url or f"/{words.language}/charges/{ident}")


async def name_account(request: web.Request) -> web.Response:
    """On to the page of a transfer of this fee's money: whoever has the fee's link is its payee."""
    ident, wanted = path_id(request, "charge"), path_id(request, "transfer")
    orders = await request.app[TRANSFERS].of_references([ident])
    order = next((one for one in orders if one.id == wanted), None)
    if order is None:
        raise NotFound
    return see(refund_url(request, order))


async def paid(request: web.Request) -> web.Response:
    """Back from the provider, whatever it says in the address: the truth is asked for, not believed."""
    words, ident = words_of(request), path_id(request, "charge")
    try:
        await request.app[CHARGES].settle(ident)
    except Unavailable:
        log.warning("paid.not_settled", extra={"charge": str(ident)})  # webhook or poller will
    return see(f"/{words.language}/charges/{ident}")


async def show_receipt(request: web.Request) -> web.Response:
    words, ident = words_of(request), path_id(request, "charge")
    _receipt, sheet = await _sheet(request)
    path = f"/charges/{ident}"
    view = ReceiptPage(
        frame=frame(words, sheet.title, f"{path}/receipt"),
        sheet=sheet,
        pdf_url=f"/{words.language}{path}/receipt.pdf",
        case_url=f"/{words.language}{path}",
        back=words._("Back to the fee"),
    )
    return receipt_answer(request, words, view)


async def receipt_file(request: web.Request) -> web.Response:
    receipt, sheet = await _sheet(request)
    return await file_answer(sheet, receipt)


async def _show(request: web.Request, problem: str = "") -> web.Response:
    charges, ident = request.app[CHARGES], path_id(request, "charge")
    charge, payment = await charges.get(ident), await charges.payment(ident)
    view = charge_page(
        words_of(request),
        charge,
        payment,
        new_key(),
        only_at_till=charges.only_at_till,
        problem=problem,
        refunds=await charges.refunds(payment.id) if payment is not None else (),
        is_disputed=payment is not None and await charges.is_disputed(payment.id),
        transfers=await request.app[TRANSFERS].of_references([ident]),
    )
    return page(request, "charge", view, status=503 if problem else 200)


async def _sheet(request: web.Request) -> tuple[Receipt, Sheet]:
    """Raises NotFound where it is not paid."""
    charges, ident = request.app[CHARGES], path_id(request, "charge")
    charge, payment = await charges.get(ident), await charges.payment(ident)
    office = (await request.app[CATALOGUE].snapshot()).offices.get(charge.office_id)
    if charge.status is not ChargeStatus.PAID or payment is None or office is None:
        raise NotFound
    receipt = await request.app[RECEIPTS].of(payment.id)
    code = await charges.code(ident)
    return receipt, charge_sheet(words_of(request), receipt, charge, office, code=code, site=code_site(request))


def code_site(request: web.Request) -> str:
    """Where the code of a receipt is typed in, as it is printed."""
    return f"{urlsplit(request.app[SETTINGS].public_url).netloc}/{words_of(request).language}/refund"

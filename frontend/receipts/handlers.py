"""Handlers of receipts: the page, and the same as PDF. Only of payments of the case whose token was shown."""

from __future__ import annotations

import asyncio

from aiohttp import web

from base.errors import NotFound
from base.web import TEMPLATES, path_id
from booking.appointments.endpoints import APPOINTMENTS
from booking.appointments.model import Case
from frontend.citizen.rendering import PRIVATE, chosen, words_of
from frontend.citizen.words import Words
from frontend.receipts.composing import receipt_page, receipt_sheet
from frontend.receipts.pdf import receipt_pdf
from frontend.receipts.views import ReceiptPage, Sheet
from payment.endpoints import RECEIPTS
from payment.receipts.model import Receipt


async def show_receipt(request: web.Request) -> web.Response:
    words = words_of(request)
    case, receipt, sheet = await _found(request)
    view = receipt_page(words, sheet, case, receipt)
    return receipt_answer(request, words, view)


async def receipt_file(request: web.Request) -> web.Response:
    _, receipt, sheet = await _found(request)
    return await file_answer(sheet, receipt)


def receipt_answer(request: web.Request, words: Words, view: ReceiptPage) -> web.Response:
    text = request.app[TEMPLATES].render("receipts/receipt.html", words.language, page=view)
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": PRIVATE})


async def file_answer(sheet: Sheet, receipt: Receipt) -> web.Response:
    """As PDF, which is made outside the event loop."""
    made = await asyncio.to_thread(receipt_pdf, sheet, receipt.issued_at)
    headers = {
        "Cache-Control": PRIVATE,
        "Content-Disposition": f'attachment; filename="{receipt.label}.pdf"',
    }
    return web.Response(body=made, content_type="application/pdf", headers=headers)


async def _found(request: web.Request) -> tuple[Case, Receipt, Sheet]:
    """Raises NotFound for a payment of another case, or one that did not come."""
    words, payment_id = words_of(request), path_id(request, "payment")
    case = await request.app[APPOINTMENTS].case(path_id(request, "appointment"))
    if payment_id not in {one.id for one in case.paid}:
        raise NotFound
    receipt = await request.app[RECEIPTS].of(payment_id)
    return case, receipt, receipt_sheet(words, receipt, case, await chosen(request, case))

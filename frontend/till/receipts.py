"""The receipt that a cashier prints: the same sheet as the payer's own page, without a name."""

from __future__ import annotations

from aiohttp import web

from base.errors import NotFound
from base.web import path_id, path_number
from booking.appointments.endpoints import APPOINTMENTS
from booking.catalogue.endpoints import CATALOGUE
from booking.charges.endpoints import CHARGES
from frontend.charges.handlers import code_site
from frontend.citizen.rendering import chosen, words_of
from frontend.citizen.words import Words
from frontend.finance.views import Link
from frontend.receipts.composing import charge_sheet, receipt_sheet
from frontend.receipts.views import Sheet
from frontend.staff.frame import staff_frame, staff_page
from frontend.till.views import TillReceiptPage
from payment.endpoints import RECEIPTS, TILLS
from payment.receipts.model import Receipt


async def _sheet(request: web.Request, words: Words, receipt: Receipt) -> Sheet:
    charge = await request.app[CHARGES].find(receipt.reference)
    if charge is not None:
        office = (await request.app[CATALOGUE].snapshot()).offices.get(charge.office_id)
        if office is None:
            raise NotFound
        code = await request.app[CHARGES].code(charge.id)
        return charge_sheet(words, receipt, charge, office, code=code, site=code_site(request))
    brief = (await request.app[APPOINTMENTS].briefs([receipt.reference])).get(receipt.reference)
    if brief is None:
        raise NotFound
    case = await request.app[APPOINTMENTS].case(brief.id)
    return receipt_sheet(words, receipt, case, await chosen(request, case), with_name=False)


async def show_receipt(request: web.Request) -> web.Response:
    words, payment_id = words_of(request), path_id(request, "payment")
    office, till = path_number(request, "office"), path_number(request, "till")
    await request.app[TILLS].till(office, till)
    receipt = await request.app[RECEIPTS].of(payment_id)
    sheet = await _sheet(request, words, receipt)
    view = TillReceiptPage(
        frame=staff_frame(request, words, sheet.title),
        back=Link(
            label=words._("Back to the payment"), url=f"/{words.language}/till/{office}/{till}/payments/{payment_id}"
        ),
        sheet=sheet,
    )
    return staff_page(request, "till/receipt", view)

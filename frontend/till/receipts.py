"""The receipt that a cashier prints: the same sheet as the payer's own page, without a name."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from base.errors import NotFound
from base.i18n import LANGUAGES
from base.web import path_id, path_number
from booking.appointments.endpoints import APPOINTMENTS
from booking.catalogue.endpoints import CATALOGUE
from booking.charges.endpoints import CHARGES
from frontend.charges.handlers import code_site
from frontend.citizen.rendering import chosen, words_of
from frontend.citizen.words import Words
from frontend.finance.views import Link
from frontend.receipts.composing import charge_sheet, receipt_sheet
from frontend.receipts.handlers import file_answer
from frontend.receipts.views import Sheet
from frontend.staff.frame import staff_frame, staff_page
from frontend.till.views import TillReceiptPage
from payment.endpoints import RECEIPTS, TILLS
from payment.receipts.model import Receipt


async def show_receipt(request: web.Request) -> web.Response:
    words, payment_id = words_of(request), path_id(request, "payment")
    office, till = path_number(request, "office"), path_number(request, "till")
    _receipt, sheet = await _found(request)
    here = f"/{words.language}/till/{office}/{till}/payments/{payment_id}"
    view = TillReceiptPage(
        frame=staff_frame(request, words, sheet.title),
        back=Link(label=words._("Back to the payment"), url=here),
        sheet=sheet,
        pdf_url=f"{here}/receipt.pdf?language={sheet.language}",
        languages=tuple(
            Link(label=name, url="" if language == sheet.language else f"{here}/receipt?language={language}")
            for language, name in LANGUAGES.items()
        ),
    )
    return staff_page(request, "till/receipt", view)


async def receipt_file(request: web.Request) -> web.Response:
    receipt, sheet = await _found(request)
    return await file_answer(sheet, receipt)


async def _found(request: web.Request) -> tuple[Receipt, Sheet]:
    """In the payer's language, or the one that the cashier has chosen. Raises NotFound."""
    await request.app[TILLS].till(path_number(request, "office"), path_number(request, "till"))
    receipt = await request.app[RECEIPTS].of(path_id(request, "payment"))
    return receipt, await _sheet(request, receipt, request.query.get("language", ""))


async def _sheet(request: web.Request, receipt: Receipt, asked: str) -> Sheet:
    charge = await request.app[CHARGES].find(receipt.reference)
    if charge is not None:
        known = await request.app[CATALOGUE].snapshot()
        office = known.offices.get(charge.office_id)
        if office is None:
            raise NotFound
        code = await request.app[CHARGES].code(charge.id)
        words = _words(request, asked, charge.language)
        return charge_sheet(words, receipt, charge, office, code=code, site=code_site(request))
    brief = (await request.app[APPOINTMENTS].briefs([receipt.reference])).get(receipt.reference)
    if brief is None:
        raise NotFound
    case = await request.app[APPOINTMENTS].case(brief.id)
    words = _words(request, asked, case.language)
    return receipt_sheet(words, receipt, case, await chosen(request, case), with_name=False)


def _words(request: web.Request, *languages: str) -> Words:
    """In the first of these that we have, else as the page is read."""
    words = words_of(request)
    return replace(words, language=next((one for one in languages if one in LANGUAGES), words.language))

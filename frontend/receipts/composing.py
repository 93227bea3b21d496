"""From a receipt and its case to a sheet. Pure. What is on it: section 368 BGB, and what a treasury asks for (number, Kassenzeichen)."""

from __future__ import annotations

from booking.appointments.model import Case
from frontend.citizen.frame import frame
from frontend.citizen.holding import Chosen
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from frontend.receipts.views import ReceiptPage, Sheet
from payment.receipts.kassenzeichen import spaced
from payment.receipts.model import Receipt


def receipt_sheet(words: Words, receipt: Receipt, case: Case, chosen: Chosen) -> Sheet:
    """Of an erased case without a name: nobody knows it any more."""
    office, is_difference = chosen.office, receipt.reference != case.id
    city = words._("City of {city}", city=words.pick(words.city.name)) if words.city else ""
    rows = (
        Row(label=words._("Receipt number"), value=receipt.label),
        Row(label="Kassenzeichen", value=spaced(receipt.kassenzeichen)),
        Row(label=words._("Issued"), value=words.when(receipt.issued_at, office.time_zone)),
        Row(label=words._("Paid by"), value="" if case.is_erased else case.contact.name),
        Row(label=words._("How paid"), value=words._("Online")),
        Row(label=words._("Appointment"), value=case.number),
        Row(label=words._("Legal basis"), value=words.pick(chosen.legal_basis)),
        Row(
            label=words._("Given back"),
            value=words.fee(receipt.refunded) if receipt.refunded else "",
        ),
    )
    services = [item.named(words.pick(service.name)) for item, service in chosen.services]
    what = (
        [words._("Difference for moving the appointment: {services}", services=", ".join(services))]
        if is_difference
        else services
    )
    first, *others = what
    return Sheet(
        language=words.language,
        title=words._("Receipt {number}", number=receipt.label),
        issuer=tuple(line for line in (city, words.pick(office.name), words.address(office)) if line),
        rows=tuple(row for row in rows if row.value),
        items_title=words._("What was paid"),
        items=(Row(label=first, value=words.fee(receipt.amount), lines=tuple(others)),),
        total=Row(label=words._("Sum"), value=words.fee(receipt.amount)),
        notes=(
            words._("The fee is charged by public authority and is not subject to value added tax (section 2b UStG)."),
            words._("Made by machine and valid without a signature."),
        ),
    )


def receipt_page(words: Words, sheet: Sheet, case: Case, receipt: Receipt) -> ReceiptPage:
    case_url = f"/{words.language}/appointments/{case.id}"
    path = f"/appointments/{case.id}/receipts/{receipt.payment_id}"
    return ReceiptPage(
        frame=frame(words, sheet.title, path),
        sheet=sheet,
        pdf_url=f"/{words.language}{path}/receipt.pdf",
        case_url=case_url,
    )

"""From a receipt and its case to a sheet. Pure. What is on it: section 368 BGB, and what a treasury asks for (number, Kassenzeichen)."""

from __future__ import annotations

from collections.abc import Sequence

from base.i18n import Text
from base.i18n import mark as _
from base.money import Money
from booking.appointments.model import Case
from booking.catalogue.model import Office
from booking.charges.model import Charge
from frontend.citizen.frame import frame
from frontend.citizen.holding import Chosen, bases
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from frontend.receipts.methods import ONLINE
from frontend.receipts.views import ReceiptPage, Sheet
from payment.model import Line
from payment.receipts.kassenzeichen import spaced
from payment.receipts.model import Receipt

_METHODS = {"cash": _("In cash"), "terminal": _("By card at the counter"), **ONLINE}


def receipt_sheet(words: Words, receipt: Receipt, case: Case, chosen: Chosen, *, with_name: bool = True) -> Sheet:
    """Of an erased case without a name: nobody knows it any more."""
    is_difference = receipt.reference != case.id
    if not is_difference and all(line.label for line in receipt.lines):
        names = [service.name for _wanted, service in chosen.services] + [one.name for one in case.reductions]
        items = tuple(_item(words, line, receipt.currency, names) for line in receipt.lines)
    else:
        items = (_whole(words, receipt, chosen, is_difference),)
    return _sheet(
        words,
        receipt,
        chosen.office,
        items,
        name="" if case.is_erased or not with_name else case.contact.name,
        about=Row(label=words._("Appointment"), value=case.number),
        legal_bases=bases(words, chosen),
    )


def charge_sheet(
    words: Words, receipt: Receipt, charge: Charge, office: Office, *, code: str = "", site: str = ""
) -> Sheet:
    """Of a further fee; without a name: of whoever came without an appointment none is known. `code`, typed in at `site`: they find
    their fee again, as nobody can write to them."""
    about = Row(label=words._("Queue number"), value=f"{charge.number:03d}")
    if charge.appointment_number is not None:
        about = Row(label=words._("Appointment"), value=charge.appointment_number)
    items = tuple(_item(words, line, receipt.currency) for line in receipt.lines)
    back = (
        words._(
            "If money goes back to you, this is where you see it and name your bank account: {site}, code {code}. "
            "Do not show the code to others.",
            site=site,
            code=code.replace("-", "\u2011"),  # it is read sign by sign, so it stands on one line
        )
        if code and charge.appointment_id is None
        else ""
    )
    return _sheet(
        words,
        receipt,
        office,
        items,
        about=about,
        legal_bases=(words.pick(charge.legal_basis),),
        notes=(back,) if back else (),
    )


def _sheet(
    words: Words,
    receipt: Receipt,
    office: Office,
    items: tuple[Row, ...],
    *,
    about: Row,
    legal_bases: tuple[str, ...],
    name: str = "",
    notes: tuple[str, ...] = (),
) -> Sheet:
    city = words._("City of {city}", city=words.pick(words.city.name)) if words.city else ""
    rows = (
        Row(label=words._("Receipt number"), value=receipt.label),
        Row(label="Kassenzeichen", value=spaced(receipt.kassenzeichen)),
        Row(label=words._("Issued"), value=words.when(receipt.issued_at, office.time_zone)),
        Row(label=words._("Paid by"), value=name),
        Row(label=words._("How paid"), value=words._(_METHODS.get(receipt.method or "", _("Online")))),
        about,
        Row(label=words._("Legal basis"), value="".join(legal_bases[:1]), lines=legal_bases[1:]),
        Row(
            label=words._("Given back"),
            value=words.fee(receipt.refunded) if receipt.refunded else "",
        ),
    )
    return Sheet(
        language=words.language,
        title=words._("Receipt {number}", number=receipt.label),
        issuer=tuple(line for line in (city, words.pick(office.name), words.address(office)) if line),
        rows=tuple(row for row in rows if row.value),
        items_title=words._("What was paid"),
        items=items,
        total=Row(label=words._("Sum"), value=words.fee(receipt.amount)),
        notes=(*notes, *_taxes(words, receipt), words._("Made by machine and valid without a signature.")),
    )


def _item(words: Words, line: Line, currency: str, names: Sequence[Text] = ()) -> Row:
    """With the whole fee and what a reduction took off before, where one did. `names`: what the labels may be, in any language."""
    said = _said(words, line.label, names)
    label = f"{line.quantity} × {said}" if line.quantity > 1 else said
    paid, off = Money(line.amount_cents, currency), Money(line.reduced_cents, currency)
    if not off:
        return Row(label=label, value=words.fee(paid))
    lines = (
        words._("Fee {amount}", amount=words.fee(paid + off)),
        words._("less {amount}: {reduction}", amount=words.fee(off), reduction=_said(words, line.reduction, names)),
    )
    return Row(label=label, value=words.fee(paid), lines=lines)


def _said(words: Words, label: str, names: Sequence[Text]) -> str:
    """As the reader calls it, where it is a name of the catalogue; what was booked otherwise stays as it was booked."""
    return next((words.pick(name) for name in names if label in name.values()), label)


def _taxes(words: Words, receipt: Receipt) -> tuple[str, ...]:
    """Mostly none: what public authority charges is not taxable."""
    percents = sorted({line.tax_percent for line in receipt.lines})
    notes = [
        words._(
            "Contains {percent} % value added tax: {amount}.", percent=percent, amount=words.fee(_tax(receipt, percent))
        )
        for percent in percents
        if percent
    ]
    if 0 in percents:
        notes.append(
            words._("The fee is charged by public authority and is not subject to value added tax (section 2b UStG).")
        )
    return tuple(notes)


def _tax(receipt: Receipt, percent: int) -> Money:
    """Of gross amounts, rounded half up to the cent."""
    gross = sum(line.amount_cents for line in receipt.lines if line.tax_percent == percent)
    return Money((2 * gross * percent + 100 + percent) // (2 * (100 + percent)), receipt.currency)


def _whole(words: Words, receipt: Receipt, chosen: Chosen, is_difference: bool) -> Row:
    services = [item.named(words.pick(service.name)) for item, service in chosen.services]
    what = (
        [words._("Difference for moving the appointment: {services}", services=", ".join(services))]
        if is_difference
        else services
    )
    first, *others = what
    return Row(label=first, value=words.fee(receipt.amount), lines=tuple(others))


def receipt_page(words: Words, sheet: Sheet, case: Case, receipt: Receipt) -> ReceiptPage:
    case_url = f"/{words.language}/appointments/{case.id}"
    path = f"/appointments/{case.id}/receipts/{receipt.payment_id}"
    return ReceiptPage(
        frame=frame(words, sheet.title, path),
        sheet=sheet,
        pdf_url=f"/{words.language}{path}/receipt.pdf",
        case_url=case_url,
    )

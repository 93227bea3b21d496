"""A letter that asks a payee for the account of a refund: by link, by code, or on its slip (templates/letter.typ sets it)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from base.i18n import format_date
from base.i18n import mark as _


class Say(Protocol):
    """A text in the letter's language."""

    def __call__(self, text: str, **fields: object) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLetter:
    """Texts are in the letter's language already. `site`: where the code is typed in, without "https://"."""

    language: str
    written_on: date
    recipient: tuple[str, ...]  # name and address
    city: str
    office: str
    address: str
    phone: str
    number: str  # of the appointment
    service: str
    amount: str
    purpose: str  # as on the bank statement
    link: str
    site: str
    code: str


def refund_letter(letter: RefundLetter, say: Say, square: str) -> dict[str, Any]:
    """What the template shows; `square`: the link as SVG."""
    city = say(_("City of {city}"), city=letter.city)
    return {
        "language": letter.language,
        "sender": " · ".join((city, letter.office, letter.address)),
        "recipient": letter.recipient,
        "info": [
            (say(_("Our reference")), letter.purpose),
            (say(_("Date")), format_date(letter.written_on, letter.language, style="long")),
            (say(_("Telephone")), letter.phone),
        ],
        "subject": say(_("Please name your bank account: refund of {amount}"), amount=letter.amount),
        "opening": [
            say(_("Hello {name},"), name=letter.recipient[0]),
            say(_("we could not return your money the way you paid. So we transfer it to your bank account.")),
        ],
        "terms": [
            (say(_("Appointment")), letter.number),
            (say(_("Service")), letter.service),
            (say(_("Amount")), letter.amount),
        ],
        "how": [
            say(_("Open this address and type in the code, or take a picture of the square with your telephone:")),
        ],
        "site": letter.site,
        "code_label": say(_("Code:")),
        "code": letter.code,
        "picture": square,
        "picture_says": say(_("QR code with the address of your refund")),
        "closing": [
            say(_("The code is yours alone. We need the account for this refund only, and delete it afterwards.")),
            say(_("You have a question? Call us: {phone}."), phone=letter.phone),
            say(_("Kind regards")),
            f"{city}, {letter.office}",
        ],
        "slip": {
            "heading": say(_("Or send this part back by post, or bring it to us")),
            "to": f"{city}, {letter.office}, {letter.address}",
            "lines": [
                (say(_("Our reference")), letter.purpose),
                (say(_("Account holder")), ""),
                ("IBAN", ""),
                (say(_("Date, signature")), ""),
            ],
        },
    }

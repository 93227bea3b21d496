"""Refunds for the office of their case, and the code of a letter, in every state that a page can be in."""

from __future__ import annotations

from dataclasses import replace

from frontend.bookings.refund_views import LettersPage, OrderPart, RefundsPage
from frontend.bookings.walk_ins import UnaskedPage, WalkInPage
from frontend.bookings.walk_ins import table as walk_ins_table
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from frontend.finance.views import Fact, Link
from frontend.staff.views import PrintRun, StaffFrame

KEY = "3f8f1c9e-5f4e-4e8e-9a3e-2f0d3c1b7a10"


def refund_pages(words: Words, frame: StaffFrame) -> dict[str, tuple[str, object]]:
    """`frame`: with the field `iban` told as wrong."""
    asked = OrderPart(
        id="a",
        title="Überweisung von 13,00 €",
        line="Wir konnten 13,00 € nicht auf dem Weg zurückgeben, auf dem bezahlt wurde.",
        kind="warning",
        reach="Keine Nachricht erreicht die Person: Rufen Sie an oder schreiben Sie einen Brief.",
        remind_url="/remind",
        print_url="/letter",
        enter_url="/account",
        values={"holder": "Kim", "iban": "DE88"},
        messages={"iban": "Diese IBAN stimmt nicht."},
    )
    done = OrderPart(
        id="b", title="Überweisung von 5,00 €", line="Überwiesen.", kind="info", reach="", remind_url="", print_url="", enter_url=""
    )  # fmt: skip
    refunds = RefundsPage(
        frame=frame,
        case_url="/case",
        letters_url="/letters",
        notice="",
        told="Der Link ist unterwegs.",
        rows=(Row(label="13,00 €", value="Fehlgeschlagen"), Row(label="5,00 €", value="Fehlgeschlagen")),
        orders=(asked, done),
        request_key=KEY,
    )
    letters = LettersPage(
        frame=frame,
        office="Bürgerbüro Mitte",
        problem="",
        print_label="3 Briefe drucken",
        print_action="/print",
        request_key=KEY,
        runs=(PrintRun(id="r", when="Dienstag, 1. Dezember 2026, 10:00 Uhr", letters="2", url="/letters.pdf"),),
    )
    back = Link(label="Bürgerbüro Mitte", url="/back")
    row = (
        Link(label="007, 23. November 2026", url="/one"),
        Link(label="Führungszeugnis"),
        Link(label="24.11.2026, 10:00"),
    )
    waiting = UnaskedPage(
        frame=frame,
        back=back,
        found=walk_ins_table(words, ((*row, Link(label="RF18 SCH0 0000 0001"), Link(label="13,00 €")),)),
        letters_url="/letters",
    )
    walk_in = WalkInPage(
        frame=frame,
        back=back,
        notice="Das geht nicht mehr.",
        line="Wir konnten 13,00 € nicht auf dem Weg zurückgeben, auf dem bezahlt wurde.",
        facts=(Fact(label="Nummer", value="007"),),
        enter_url="/account",
        request_key=KEY,
        values={"holder": "Kim", "iban": "DE88"},
        messages={"iban": "Diese IBAN stimmt nicht."},
    )
    return {
        "desk-unasked": ("bookings/unasked.html", waiting),
        "desk-unasked-none": ("bookings/unasked.html", replace(waiting, found=walk_ins_table(words, ()))),
        "desk-walk-in": ("bookings/walk_in.html", walk_in),
        "desk-walk-in-named": ("bookings/walk_in.html", replace(walk_in, enter_url="", notice="")),
        "desk-refunds": ("bookings/refunds.html", refunds),
        "desk-refund-letters": ("bookings/refund_letters.html", letters),
    }

"""The cashier's pages in their states, made by the real builders."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from booking.appointments.model import AppointmentStatus, Brief
from frontend.citizen.views import Row, ShownError
from frontend.citizen.words import Words
from frontend.finance.views import Fact, Link
from frontend.receipts.views import Sheet
from frontend.staff.views import StaffFrame
from frontend.till import wording
from frontend.till.views import Begins, DeskPage, DrawerPage, Form, Giving, OfficePage, Piece, TakePage, TillReceiptPage
from payment.model import Payment, PaymentStatus
from payment.till.model import (
    DENOMINATIONS,
    CounterPayment,
    CounterStatus,
    Drawer,
    DrawerProtocol,
    Method,
    Move,
    Till,
)
from payment.till.refusals import ChangeUnlikely
from payment.till.usecases import Taking, TillState

_AT = datetime(2026, 11, 25, 8, tzinfo=UTC)
_TILL = Till(id=1, office_id=1, key="buergerbuero-mitte-1", name="Kasse 1, Erdgeschoss")
_DRAWER = Drawer(
    id=UUID(int=1), till_id=1, opened_by=1, opened_name="Mika Beispiel", opened_at=_AT, float_cents=10000,
    brought_cents=10000, left_cents=0,
)  # fmt: skip
_CLOSED = replace(
    _DRAWER, left_cents=200, opening_note="Rolle verzählt",
    closed_by=1, closed_name="Mika Beispiel", closed_at=_AT, counted_cents=11250, expected_cents=11300,
    deposit_cents=1250, note="Beim Wechseln verzählt",
)  # fmt: skip
_MOVES = tuple(
    Move(
        drawer_id=_DRAWER.id,
        at=_AT,
        method=method,
        cents=cents,
        kassenzeichen="RF18SCH000000001",
        payment_id=UUID(int=2),
        receipt=receipt,
        slip=slip,
    )
    for method, cents, receipt, slip in (
        (Method.CASH, 1300, "2026-000001", ""),
        (Method.TERMINAL, 4600, "2026-000002", "0042 17"),
        (Method.CASH, -1300, "", ""),
    )
)
_PAYMENT = Payment(
    id=UUID(int=2), reference=UUID(int=3), provider="counter", amount_cents=1300, currency="EUR", description="Termin",
    language="de", return_url="/", attempt_at=_AT, created_at=_AT, status=PaymentStatus.OPEN, kassenzeichen="RF18SCH000000001",
)  # fmt: skip
_SESSION = CounterPayment(
    id="counter_2", payment_id=_PAYMENT.id, amount_cents=1300, currency="EUR", status=CounterStatus.OPEN, pay_url="/",
    created_at=_AT,
)  # fmt: skip
_TAKEN = replace(
    _SESSION, status=CounterStatus.PAID, method=Method.CASH, given_cents=2000, taken_at=_AT, drawer_id=_DRAWER.id,
    till_key=_TILL.key,
)  # fmt: skip


def till_pages(words: Words, frame: StaffFrame) -> dict[str, tuple[str, object]]:
    brief = Brief(
        id=UUID(int=3), number="1234 5678", status=AppointmentStatus.HELD, service={"de": "Führungszeugnis"},
        office={"de": "Bürgerbüro Mitte"}, starts_at=_AT, time_zone="Europe/Berlin",
    )  # fmt: skip
    briefs, form = {brief.id: brief}, Form(action="/till", request_key="key")
    states = (TillState(_TILL, _DRAWER), TillState(replace(_TILL, id=2, name="Kasse 2"), None))
    protocol = DrawerProtocol(till=_TILL, drawer=_DRAWER, moves=_MOVES)
    closed = replace(protocol, drawer=_CLOSED)
    back = Link(label="Kasse 1", url="/back")
    languages = (Link(label="Deutsch", url=""), Link(label="English", url="/en"))
    text = words._("This is less than the fee.")
    wrong = replace(form, values={"given": "12"}, messages={"given": text})
    due, done = (
        Taking(_SESSION, _PAYMENT),
        Taking(_TAKEN, replace(_PAYMENT, status=PaymentStatus.PAID, captured_cents=1300)),
    )
    take = TakePage(
        frame=frame, back=back, notice="", done=(), facts=wording.taking_facts(words, due, briefs), cash=form, unlikely=None, terminal=form,
        switch=None, givings=(), receipt_url="",
    )  # fmt: skip
    desk = DeskPage(
        frame=frame, back=back, notice="", facts=(Fact(label="Stand", value=wording.state(words, states[0])),), open_form=None,
        search_url="/till", asked="1234 5678", found=wording.found(words, "/till", [due], briefs),
        begins=(Begins(text="Gebucht, ohne bezahlt zu sein: 13,00 €.", form=form),),
        drawer=Link(label=words._("Protocol and closing of the drawer"), url="/drawer"),
    )  # fmt: skip
    pieces = tuple(
        Piece(name=f"pieces-{cents}", label=wording.euros(words, cents), value="2", error="" if cents > 1 else text)
        for cents in DENOMINATIONS
    )
    drawer = DrawerPage(
        frame=frame, back=back, notice="", facts=wording.drawer_facts(words, protocol), moves=wording.moves(words, protocol),
        close=form, pieces=pieces,
    )  # fmt: skip
    sheet = Sheet(
        language=words.language, title="Quittung 2026-000001", issuer=("Stadt Stuttgart",),
        rows=(Row(label="Kassenzeichen", value="RF18 SCH0 0000 0001"),), items_title="Was bezahlt wurde",
        items=(Row(label="Führungszeugnis", value="13,00 €"),), total=Row(label="Summe", value="13,00 €"), notes=("…",),
    )  # fmt: skip
    return {
        "till-office": (
            "till/office.html",
            OfficePage(
                frame=frame,
                tills=wording.tills(words, "/till", states),
                drawers=wording.drawers(words, "/till", (protocol, closed)),
                set_up=form,
            ),
        ),
        "till-open": (
            "till/desk.html",
            replace(desk, open_form=form, found=None, begins=(), notice="Die Lade ist zu."),
        ),
        "till-found": ("till/desk.html", desk),
        "till-take": ("till/payment.html", take),
        "till-take-wrong": (
            "till/payment.html",
            replace(take, frame=replace(frame, errors=(ShownError(field="given", message=text),)), cash=wrong),
        ),
        "till-take-unlikely": (
            "till/payment.html",
            replace(
                take,
                notice=words._(ChangeUnlikely.message),
                cash=replace(form, values={"given": "1300"}),
                unlikely=wording.unlikely(words, due, ChangeUnlikely(change_cents=128_700), {"given": "1300"}),
            ),
        ),
        "till-taken": (
            "till/payment.html",
            replace(
                take,
                facts=wording.taking_facts(words, done, briefs),
                done=wording.change(words, done),
                cash=None,
                terminal=None,
                switch=form,
                givings=(Giving(amount="13,00 €", form=form, transfer=form),),
                receipt_url="/receipt",
                visit=Link(label=words._("All fees of number {number}", number="007"), url="/till?q=007"),
            ),
        ),
        "till-drawer": ("till/drawer.html", drawer),
        "till-drawer-closed": (
            "till/drawer.html",
            replace(drawer, facts=wording.drawer_facts(words, closed), close=None),
        ),
        "till-receipt": (
            "till/receipt.html",
            TillReceiptPage(
                frame=frame,
                back=back,
                sheet=sheet,
                pdf_url="/receipt.pdf",
                languages=languages,
            ),
        ),
    }

"""Pages of further fees in every state: their payer's, a clerk's card, and what is open for finance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from base.money import Money
from booking.charges.model import Charge, ChargeKind, ChargeStatus, OpenItem
from booking.queue.model import OpenReason
from frontend.charges.composing import charge_page
from frontend.charges.open_page import OpenFeesPage, table
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from frontend.counter.charging import drawn
from frontend.counter.day import open_reason
from frontend.counter.saying import FeeWrong
from frontend.counter.views import DayPage, Further, Lists, Mine, Step, Typed
from frontend.finance.views import Link
from frontend.staff.views import StaffFrame
from payment.model import Line

_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
CHARGE = Charge(
    id=UUID(int=31),
    office_id=1,
    ticket_id=UUID(int=32),
    appointment_id=None,
    kind=ChargeKind.FEE,
    quantity=2,
    amount_cents=2600,
    currency="EUR",
    lines=(Line(product="fees", amount_cents=2600),),
    legal_basis={"de": "Städtische Verwaltungsgebührensatzung"},
    label="Führungszeugnis (für zwei Kinder)",
    language="de",
    day=date(2026, 11, 23),
    status=ChargeStatus.OPEN,
    requested_at=_AT,
    withdraw_reason=None,
    token_sealed=b"",
    number=7,
    appointment_number=None,
)
_LINK = f"https://termine.example/de/charge/{'A' * 43}"


def charge_pages(words: Words, key: str) -> dict[str, tuple[str, Callable[[], object]]]:
    """Of its payer."""

    def shown(status: ChargeStatus, *, at_till: bool = False, problem: str = "") -> Callable[[], object]:
        charge = replace(CHARGE, status=status)
        return lambda: charge_page(words, charge, None, key, only_at_till=at_till, problem=problem)

    return {
        "charge": ("charge", shown(ChargeStatus.OPEN)),
        "charge-at-till": ("charge", shown(ChargeStatus.OPEN, at_till=True)),
        "charge-paid": ("charge", shown(ChargeStatus.PAID)),
        "charge-withdrawn": ("charge", shown(ChargeStatus.WITHDRAWN)),
        "charge-asks": (
            "charge",
            lambda: replace(charge_page(words, CHARGE, None, key, only_at_till=True), account_urls=("/account",)),
        ),
        "charge-silent": ("charge", shown(ChargeStatus.OPEN, problem="…")),
    }


def charged_pages(words: Words, frame: StaffFrame, key: str) -> dict[str, tuple[str, object]]:
    """Of staff."""
    further = (
        Further(
            key="a",
            label=f"2 × {CHARGE.label}: {words.fee(Money(2600))}",
            state=words._("to be paid"),
            kind="warning",
            withdraw_url="/withdraw",
            link=_LINK,
            code=drawn(_LINK),
            send_url="/send",
        ),
        Further(key="b", label=f"Beglaubigung: {words.fee(Money(500))}", state=words._("paid"), kind="success"),
    )
    mine = Mine(
        counter="Schalter 3",
        number="007",
        rows=(Row(label=words._("Service"), value="Meldebescheinigung"),),
        state=words._("being served"),
        steps=(Step(url="/finish", label=words._("Finish"), kind="primary"),),
        proof_due=words._("Proof was not shown, so {amount} is to be paid.", amount=words.fee(Money(1850))),
        proof_due_url="/reduction",
        owed=words._(
            "The fee of the booking is not paid yet: {amount}. A till takes it.", amount=words.fee(Money(1300))
        ),
        further=further,
        further_url="/charges",
        prices=(("1", f"Führungszeugnis, {words.fee(Money(1300))}"), ("2", f"Beglaubigung, {words.fee(Money(500))}")),
        request_key=key,
        unpaid_url="/finish-unpaid",
        reasons=tuple((one.value, open_reason(words, one)) for one in OpenReason),
    )
    day = DayPage(
        frame=frame,
        office="Bürgerbüro Mitte",
        date="23. November 2026",
        board_url="/board",
        live_url="/live",
        lists=Lists(waiting=(), called=(), expected=(), over=(), waiting_text=""),
        mine=mine,
        check_in_url="/check-in",
        walk_in_url="/walk-in",
        services=(),
        request_key=key,
    )
    item = OpenItem(
        since=_AT,
        office={"de": "Bürgerbüro Mitte"},
        time_zone="Europe/Berlin",
        number="K7F-3QM",
        label=CHARGE.label,
        amount_cents=2600,
        currency="EUR",
        is_over=True,
        reason=OpenReason.OTHER.value,
        note="kommt morgen wieder",
    )
    found = [item, replace(item, number="007", reason=None, note=None), replace(item, is_over=False, reason=None)]
    back = Link(label="Kasse", url="/work")
    return {
        "counter-further": ("counter/day.html", day),
        "counter-further-refused": (
            "counter/day.html",
            replace(
                day,
                notice=words._(FeeWrong.message),
                is_answer=True,
                mine=replace(
                    mine, typed=Typed(at="further", values={"fee": "2", "quantity": "0", "text": "für <zwei>"})
                ),
            ),
        ),
        "open-fees": ("finance/open_fees.html", OpenFeesPage(frame=frame, back=back, found=table(words, found))),
        "open-fees-none": ("finance/open_fees.html", OpenFeesPage(frame=frame, back=back, found=table(words, []))),
    }

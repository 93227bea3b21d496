"""The bank of the city: takes the provider's payouts, closes the day, gives its files. Pure and deterministic.

The faults of payouts strike on the day of arrival, those of tills on the day on which they send, those of files on the statement's day; a
day that has no payout or nothing from a till, or is no business day, lets its fault pass without a label.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sandbox.bank.account import Account, is_business_day, next_business_day
from sandbox.bank.camt import Version, written
from sandbox.bank.faults import Fault, Label
from sandbox.bank.model import Booking, Carried, File, Payment, Sheet

STRIPE_NAME = "STRIPE TECHNOLOGY EUROPE LTD"
STRIPE_IBAN = "DE34501109007020070009"
OPERATOR = "Kartenservice Süd GmbH"
LATE_AFTER = 4  # business days
STRANGER = Payment(
    amount_cents=4711, name="Unbekannt GmbH", iban="DE89370400440532013000", remittance="Rechnung 2026-11"
)


class Bank:
    def __init__(
        self, account: Account | None = None, *, version: Version = "08", faults: Iterable[Fault] = ()
    ) -> None:
        self.account = account or Account()
        self.labels: list[Label] = []
        self._version: Version = version
        self._faults = {(fault.kind, fault.on) for fault in faults}
        self._credited: dict[str, int] = {}
        self._carried: set[str] = set()
        self._returned: set[str] = set()

    def take_payouts(self, payouts: Iterable[Mapping[str, Any]]) -> None:
        """Stripe's payout objects, as often as one likes: each that is paid is credited once on its day of arrival; one that
        fails after its credit goes back the next business day."""
        for payout in payouts:
            day = datetime.fromtimestamp(payout["arrival_date"], UTC).date()
            if payout["status"] == "paid" and payout["id"] not in self._credited:
                self._credited[payout["id"]] = payout["amount"]
                self._credit(payout, day)
            elif payout["status"] == "failed" and payout["id"] in self._credited.keys() - self._returned:
                self._returned.add(payout["id"])
                part = _part(payout, -payout["amount"])
                self.account.book(next_business_day(day), Booking(payments=(part,), info="RUECKUEBERWEISUNG"))

    def _credit(self, payout: Mapping[str, Any], day: date) -> None:
        amount, booked_on = payout["amount"], day
        if self._strikes("credit_late", day, payout["id"]):
            booked_on = next_business_day(day)
        if self._strikes("cent_off", day, payout["id"]):
            amount -= 1
        parts = [amount]
        if amount > 1 and self._strikes("payout_split", day, payout["id"]):
            parts = [amount // 3, amount - amount // 3]
        for cents in parts:
            self.account.book(booked_on, Booking(payments=(_part(payout, cents),), info="GUTSCHR. UEBERWEISUNG"))

    def take_from_tills(self, carried: Iterable[Carried]) -> None:
        """As often as one likes: each is booked once, on the business day after it was sent; change on that day itself, or before."""
        new = [one for one in carried if one.id not in self._carried]
        self._carried |= {one.id for one in new}
        for day in sorted({one.day for one in new}):
            of_day = [one for one in new if one.day == day]
            for one in of_day:
                if one.kind == "change":
                    self.account.book(day, _counted(one.cents, "BARGELDAUSZAHLUNG", "Wechselgeld"))
                if one.kind == "terminal":
                    self._terminal(one)
            self._bags(day, [one for one in of_day if one.kind == "deposit"])

    def _terminal(self, one: Carried) -> None:
        text, cents = f"Kartenzahlungen vom {one.day:%d.%m.%Y} TID {one.reference}".strip(), one.cents
        kept = cents * 15 // 1000
        if cents > 0 and self._strikes("terminal_fee", one.day, sent=one.id, text=text, cents=cents - kept):
            cents -= kept
        part = Payment(amount_cents=cents, name=OPERATOR, remittance=text)
        self.account.book(next_business_day(one.day), Booking(payments=(part,), info="GUTSCHR. UEBERWEISUNG"))

    def _bags(self, day: date, bags: list[Carried]) -> None:
        booked_on, nameless = next_business_day(day), "Bargeldeinzahlung"
        if len(bags) > 1 and self._strikes("deposits_together", day, sent=",".join(one.id for one in bags)):
            self.account.book(booked_on, _counted(sum(one.cents for one in bags), "EINZAHLUNG", nameless))
            return
        is_alike = len(bags) > 1 and self._strikes("deposits_alike", day, text=nameless)
        for one in bags:
            text, cents, on = nameless if is_alike else f"{nameless} {one.reference}".strip(), one.cents, booked_on
            if self._strikes("deposit_lost", day, sent=one.id):
                continue
            if self._strikes("deposit_late", day, sent=one.id):
                for _day in range(LATE_AFTER - 1):
                    on = next_business_day(on)
            if cents > 2_000 and self._strikes("deposit_short", day, sent=one.id, text=text, cents=cents - 1_000):
                cents -= 1_000
            self.account.book(on, _counted(cents, "EINZAHLUNG", text))

    def _strikes(
        self, kind: Any, day: date, payout: str = "", *, sent: str = "", text: str = "", cents: int = 0
    ) -> bool:
        if (kind, day) not in self._faults:
            return False
        self._faults.discard((kind, day))
        self.labels.append(Label(kind, day, payout, sent, text, cents))
        return True

    def close(self, day: date) -> list[File]:
        """The day's files: one as a rule, none at the weekend."""
        if is_business_day(day) and self._strikes("unknown_credit", day):
            self.account.book(day, Booking(payments=(STRANGER,), info="GUTSCHR. UEBERWEISUNG"))
        sheet = self.account.close(day)
        if sheet is None or self._strikes("statement_missing", day):
            return []
        if self._strikes("wrong_balance", day):
            sheet = replace(sheet, stated_closing_cents=sheet.stated_closing_cents + 1)
        file = File(_name(sheet), written(sheet, self._version))
        return [file, File("again_" + file.name, file.content)] if self._strikes("file_twice", day) else [file]

    def close_into(self, folder: Path, day: date) -> list[Path]:
        """The same, written; a file appears whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for file in self.close(day):
            new = folder / f".{file.name}.new"
            new.write_bytes(file.content)
            paths.append(new.rename(folder / file.name))
        return paths


def _part(payout: Mapping[str, Any], cents: int) -> Payment:
    """The descriptor as text, the trace id as end-to-end id (docs.stripe.com/payouts/trace-id)."""
    trace = payout["trace_id"] or {}
    return Payment(
        amount_cents=cents,
        name=STRIPE_NAME,
        iban=STRIPE_IBAN,
        remittance=payout["statement_descriptor"] or "STRIPE",
        end_to_end_id=trace.get("value") or "",
    )


def _counted(cents: int, info: str, text: str) -> Booking:
    return Booking(payments=(Payment(amount_cents=cents, remittance=text),), info=info)


def _name(sheet: Sheet) -> str:
    return f"{sheet.day:%Y-%m-%d}_C53_{sheet.iban}_{sheet.sequence:05}.xml"

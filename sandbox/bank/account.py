"""The account: bookings wait for their day, each business day is closed once, with running balance and sequence number."""

from dataclasses import replace
from datetime import date, timedelta

from sandbox.bank.model import Booking, Line, Payment, Sheet

IBAN = "DE02600501010002034304"
BIC = "SOLADEST600"
OWNER = "Landeshauptstadt Stuttgart, Stadtkasse"


def is_business_day(day: date) -> bool:
    """Monday to Friday; bank holidays are left out, as in the Stripe sandbox."""
    return day.weekday() < 5


def next_business_day(day: date) -> date:
    day += timedelta(days=1)
    while not is_business_day(day):
        day += timedelta(days=1)
    return day


class Account:
    def __init__(self, *, iban: str = IBAN, owner: str = OWNER, bic: str = BIC, opening_cents: int = 0) -> None:
        self.iban, self.owner, self.bic = iban, owner, bic
        self.balance_cents = opening_cents
        self.closed_on: date | None = None
        self._sequence = 0
        self._waiting: list[tuple[date, Booking]] = []

    def book(self, day: date, booking: Booking) -> None:
        """From this day on; where it is closed or no business day, on the next that is closed."""
        self._waiting.append((day, booking))

    def transfer(self, day: date, *orders: Payment, message_id: str = "", payment_information_id: str = "") -> None:
        """The city pays out: several orders make one batch. The orders' amounts are positive, as in a pain.001."""
        payments = tuple(replace(order, amount_cents=-order.amount_cents) for order in orders)
        self.book(
            day,
            Booking(
                payments=payments,
                info="SAMMLER-UEBERWEISUNG" if len(orders) > 1 else "ONLINE-UEBERWEISUNG",
                message_id=message_id,
                payment_information_id=payment_information_id,
            ),
        )

    def give_back(self, day: date, order: Payment, reason: str = "AC04") -> None:
        """A transfer that could not be paid comes back; AC04: the account is closed."""
        self.book(day, Booking(payments=(replace(order, return_reason=reason),), info="RETOURE"))

    def close(self, day: date) -> Sheet | None:
        """The day's statement, None at the weekend. Raises ValueError for a day that is closed already."""
        if self.closed_on is not None and day <= self.closed_on:
            raise ValueError(f"{day} is closed")
        self.closed_on = day
        if not is_business_day(day):
            return None
        due = [booking for on, booking in self._waiting if on <= day]
        self._waiting = [(on, booking) for on, booking in self._waiting if on > day]
        self._sequence += 1
        lines = tuple(
            Line(reference=f"{day:%Y%m%d}{number:06}", booking=booking) for number, booking in enumerate(due, start=1)
        )
        opening = self.balance_cents
        self.balance_cents += sum(booking.amount_cents for booking in due)
        return Sheet(
            iban=self.iban,
            owner=self.owner,
            bic=self.bic,
            day=day,
            sequence=self._sequence,
            opening_cents=opening,
            stated_closing_cents=self.balance_cents,
            lines=lines,
        )

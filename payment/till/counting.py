"""What a drawer is counted as, and how that is booked. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from payment.ledger import CASH_DIFFERENCE, CASH_IN_TRANSIT, Entry, moved
from payment.till.model import Drawer, Till


def sum_of(count: Mapping[str, int]) -> int:
    """Of how many there are of each note and coin, by their cents."""
    return sum(int(cents) * pieces for cents, pieces in count.items())


def opening_entries(till: Till, drawer: Drawer) -> tuple[Entry, ...]:
    """Change that came from the bank, and what was counted more or less than the books say was left in it."""
    brought, difference = drawer.brought_cents, drawer.opening_difference_cents
    return (
        *(moved(brought, debit=till.account, credit=CASH_IN_TRANSIT) if brought else ()),
        *(moved(difference, debit=till.account, credit=CASH_DIFFERENCE) if difference else ()),
    )


def closing_entries(till: Till, drawer: Drawer) -> tuple[Entry, ...]:
    """What was counted more or less than the books say, and what goes to the bank; the rest stays for the next day."""
    deposit, difference = drawer.deposit_cents or 0, drawer.difference_cents
    return (
        *(moved(difference, debit=till.account, credit=CASH_DIFFERENCE) if difference else ()),
        *(moved(deposit, debit=CASH_IN_TRANSIT, credit=till.account) if deposit else ()),
    )

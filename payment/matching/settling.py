"""What is booked when two persons settle a difference. Pure."""

from __future__ import annotations

from payment.ledger import BANK, BANK_IN_TRANSIT, PSP_CLEARING, PSP_FEES, UNASSIGNED, WRITE_OFF, Entry, moved
from payment.matching.model import Cause, Difference, Proposal


class NothingToBook(ValueError):
    """This difference has no journal: it goes by itself, or is noted."""


def entries_of(difference: Difference) -> tuple[Entry, ...]:
    """Raises NothingToBook."""
    here, there = difference.here_cents or 0, difference.there_cents or 0
    match difference.proposal:
        case Proposal.WRITE_OFF:  # afterwards our books say of it what the provider says
            if here == there:
                raise NothingToBook
            against = PSP_FEES if difference.cause is Cause.FEE else WRITE_OFF
            return moved(there - here, debit=PSP_CLEARING, credit=against)
        case Proposal.ASSIGN:  # the bank has what came; what is missing of the payout, or too much, is written off
            rest = here - there
            return (
                Entry(BANK, there),
                *((Entry(WRITE_OFF, rest),) if rest else ()),
                Entry(BANK_IN_TRANSIT, -here),
            )
        case Proposal.KEEP_UNASSIGNED:
            return moved(there, debit=BANK, credit=UNASSIGNED)
        case _:
            raise NothingToBook

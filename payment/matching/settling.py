"""What is booked when two persons settle a difference, and when what tills have sent stands on the bank's statement. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from payment.ledger import (
    BANK,
    BANK_IN_TRANSIT,
    CASH_IN_TRANSIT,
    PSP_CLEARING,
    PSP_FEES,
    TERMINAL_CLEARING,
    UNASSIGNED,
    WRITE_OFF,
    Entry,
    moved,
)
from payment.matching.model import Cause, Choice, Difference, Proposal, Sent, SentKind


class NothingToBook(ValueError):
    """This difference has no journal: it goes by itself, or is noted."""


def entries_of(
    difference: Difference, proposal: Proposal | None = None, choice: Choice | None = None
) -> tuple[Entry, ...]:
    """As it is proposed, or as people want it otherwise; `choice` where the line is to be what tills have sent. Raises NothingToBook."""
    here, there = difference.here_cents or 0, difference.there_cents or 0
    match proposal or difference.proposal:
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
        case Proposal.CLEAR if choice is not None:
            rest = choice.cents - there
            return (
                Entry(BANK, there),
                *((Entry(choice.rest, rest),) if rest else ()),
                Entry(_account(choice.kind), -choice.cents),
            )
        case _:
            raise NothingToBook


def entries_of_cleared(cents: int, sent: Iterable[Sent]) -> tuple[Entry, ...]:
    """Never cash and cards in one."""
    (kind,) = {_account(one.kind) for one in sent}
    return moved(cents, debit=BANK, credit=kind)


def _account(kind: SentKind) -> str:
    return TERMINAL_CLEARING if kind is SentKind.TERMINAL else CASH_IN_TRANSIT

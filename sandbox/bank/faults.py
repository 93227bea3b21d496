"""What goes wrong between provider, bank and city, planned by day; each fault that took place leaves a label to score against."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

TillKind = Literal[  # of what tills send, on the day on which they send it
    "deposit_short",  # ten euros were missing when the bank counted the day's first bag
    "deposits_together",  # all bags of the day in one line, which names none of them
    "deposits_alike",  # each in its line, which names no bag
    "deposit_late",  # the day's first bag is counted a business day after the third
    "deposit_lost",  # ... never
    "terminal_fee",  # the operator keeps 1.5 per cent of the day's first terminal
]
Kind = Literal[
    "credit_late",  # the day's first payout is booked a business day later
    "cent_off",  # ... with one cent less
    "payout_split",  # ... as two credits
    "unknown_credit",  # money of somebody nobody knows
    "statement_missing",  # the day's file never comes; sequence and balance go on
    "file_twice",  # the same bytes again under another name
    "wrong_balance",  # the closing balance is a cent more than the sum
    TillKind,
]
TILL_KINDS: tuple[str, ...] = get_args(TillKind)
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    on: date


@dataclass(frozen=True, slots=True)
class Label:
    """`payout`: the id of the one it struck, "" for none; so `sent`, of a till's, with the text and cents of its line, if it has one."""

    kind: Kind
    on: date
    payout: str = ""
    sent: str = ""
    text: str = ""
    cents: int = 0

"""What goes wrong between provider, bank and city, planned by day; each fault that took place leaves a label to score against."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

Kind = Literal[
    "credit_late",  # the day's first payout is booked a business day later
    "cent_off",  # ... with one cent less
    "payout_split",  # ... as two credits
    "unknown_credit",  # money of somebody nobody knows
    "statement_missing",  # the day's file never comes; sequence and balance go on
    "file_twice",  # the same bytes again under another name
    "wrong_balance",  # the closing balance is a cent more than the sum
]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    on: date


@dataclass(frozen=True, slots=True)
class Label:
    """`payout`: the id of the one it struck, "" for none."""

    kind: Kind
    on: date
    payout: str = ""

"""What the graphs of payments, refunds, disputes and transfer orders have in common: an edge that is not there is an error."""

from __future__ import annotations

from enum import StrEnum


class IllegalTransition(Exception):
    """The graph has no such edge."""

    def __init__(self, status: StrEnum, event: StrEnum) -> None:
        super().__init__(f"{status.value} does not take {event.value!r}")

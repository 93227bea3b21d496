"""Which statement comes right after which. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar


class Numbered(Protocol):
    @property
    def year(self) -> int: ...
    @property
    def sequence(self) -> int: ...


One = TypeVar("One", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that nobody has sent, of the year of the statement after it; `None` where the year before may have had more."""

    first: int | None
    last: int


def is_next(before: Numbered, after: Numbered) -> bool:
    """Banks begin anew with each year, or count on."""
    if after.year == before.year:
        return after.sequence == before.sequence + 1
    return after.year == before.year + 1 and after.sequence in (1, before.sequence + 1)


def gap(before: Numbered, after: Numbered) -> Gap | None:
    """What is missing between two that follow each other in the list."""
    if is_next(before, after):
        return None
    return Gap(before.sequence + 1 if before.year == after.year else None, after.sequence - 1)


def in_order(statements: Sequence[One]) -> list[One]:
    return sorted(statements, key=lambda one: (one.year, one.sequence))

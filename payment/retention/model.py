"""Terms and runs. A term is whole months: from the end of the record's year, or from the record itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A row of `retention_term`; `setter`: None where it came with the product. `until`: records of days before it are over their term."""

    id: int
    kind: str
    months: int
    from_year_end: bool
    legal_basis: str
    reason: str | None
    setter: str | None
    set_at: datetime
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A row of `retention_run`."""

    kind: str
    until_day: date
    rows: int
    is_counted: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A term that other code keeps, by which rule or setting; `days`: 0 where it is not counted in days."""

    kind: str
    rule: str
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`terms`: those in force, by kind. `history`: earlier ones and those in force, `runs`: both the youngest first."""

    terms: tuple[Term, ...]
    history: tuple[Term, ...]
    runs: tuple[Run, ...]
    elsewhere: tuple[Elsewhere, ...]

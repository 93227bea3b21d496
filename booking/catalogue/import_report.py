"""What an import did, or why it did nothing, as text for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta

from base.errors import DomainError
from booking.catalogue.draft import LineError
from booking.catalogue.import_diff import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    total: int  # in the folder
    added: int = 0
    changed: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InTheWay:
    """A counter that would be closed while it has appointments, by its office's clock."""

    counter: str
    times: tuple[str, ...]  # the first ones
    more: int

    def __str__(self) -> str:
        more = f" and {self.more} more" if self.more else ""
        return f"Counter {self.counter} would be closed while it has appointments: {', '.join(self.times)}{more}."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    counts: Mapping[str, Counts] = field(hash=False)  # "offices", "counters", "services", "fees"
    open_from: date
    open_days: int
    # Of a dry run:
    difference: tuple[Change, ...] | None = None
    in_the_way: tuple[InTheWay, ...] = ()
    base_sha256: bytes = b""  # of the catalogue that was compared with

    def __str__(self) -> str:
        return render_report(self)


class ImportRefused(DomainError):
    """The catalogue stays as it was."""

    code = "import_refused"
    status = 422
    message = "The import was refused. Nothing was changed."

    def __init__(self, errors: Sequence[LineError]) -> None:
        super().__init__(lines=[asdict(error) for error in errors])
        self.errors = errors

    def __str__(self) -> str:
        return render_errors(self.errors)


def render_report(report: ImportReport) -> str:
    lines = [
        f"{name:<9} {counts.total:>5}   {counts.added} new, {counts.changed} changed, {counts.withdrawn} withdrawn"
        for name, counts in report.counts.items()
    ]
    if report.difference is not None:
        said = [*map(str, report.difference), *(f"! {one}" for one in report.in_the_way)]
        return "\n".join([*said, *lines, "A dry run: nothing was changed."])
    last = report.open_from + timedelta(days=report.open_days - 1)
    return "\n".join([*lines, f"Hours are released from {report.open_from} to {last}."])


def render_errors(errors: Sequence[LineError]) -> str:
    """One line each, as compilers write them, so that editors can jump there."""
    lines = []
    for error in errors:
        place = f"{error.file}:{error.line}" if error.line else error.file
        column = f" [{error.column}]" if error.column else ""
        lines.append(f"{place}:{column} {error.message} ({error.code})")
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    return "\n".join([*lines, f"{count}. Nothing was imported."])

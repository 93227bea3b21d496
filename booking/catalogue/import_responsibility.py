"""What the import format says of responsibility: read line by line, and checked against the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from booking.catalogue.draft import DraftCounter, DraftResponsibility, DraftService, LineError
from booking.catalogue.responsibility import Lines, nobodys, read_postcode, read_range
from booking.catalogue.rows import Row

_FILE = "responsibility.csv"


def read_responsibility(row: Row) -> DraftResponsibility:
    letters, kind = row.optional("letters"), row.key("kind") if row.optional("kind") else ""
    first, last = ("", "")
    if letters:
        found = read_range(letters)
        if found is None:
            row.wrong("letters", "bad_letters", f"'{letters}': like A-K, L-Sch or Z, up to three letters each.")
        else:
            first, last = found
    postcodes = frozenset(map(read_postcode, row.optional("postcodes").split()))
    if not (letters or postcodes or kind):
        row.wrong("letters", "says_nothing", "Letters, postcodes or a kind: without any, leave the line out.")
    if "" in postcodes:
        row.wrong("postcodes", "bad_postcode", "Postcodes with spaces between them: 70173 70174.")
    return DraftResponsibility(
        line=row.line,
        service=row.key("service"),
        office=row.key("office"),
        counters=tuple(dict.fromkeys(row.text("counters").split())),
        lines=Lines(first, last, postcodes, kind),
        kind_name=row.both("kind") if kind else {},
    )


def check_responsibility(
    lines: Sequence[DraftResponsibility],
    counters: Sequence[DraftCounter],
    services: Sequence[DraftService],
    whole: frozenset[str],
) -> list[LineError]:
    if not {"counters.csv", "services.csv", _FILE} <= whole:
        return []
    known = {service.key: service for service in services}
    by_key = {(counter.office, counter.key): counter for counter in counters}
    errors = []
    for line in lines:
        if line.service not in known:
            errors.append(LineError.unknown(_FILE, line.line, "service", line.service, "services.csv"))
            continue
        for key in line.counters:
            counter = by_key.get((line.office, key))
            if counter is None:
                where = "counters.csv for this office, with its number"
                errors.append(LineError.unknown(_FILE, line.line, "counters", key, where))
            elif not counter.serves(known[line.service]):
                message = f"'{key}' does not serve '{line.service}'."
                errors.append(_error(line, "counters", "serves_not", message))
    return errors or [*_kinds_differ(lines), *_uncovered(lines, counters, known)]


def _uncovered(
    lines: Sequence[DraftResponsibility], counters: Sequence[DraftCounter], known: dict[str, DraftService]
) -> Iterator[LineError]:
    """Nobody may be left whom no counter of the service serves."""
    for key in dict.fromkeys(line.service for line in lines):
        mine = [line for line in lines if line.service == key]
        named = {(line.office, counter) for line in mine for counter in line.counters}
        if any(one.serves(known[key]) and (one.office, one.key) not in named for one in counters):
            continue
        if all(line.lines.postcodes for line in mine):
            message = "Every line names postcodes: who lives elsewhere is served by nobody."
            yield _error(mine[0], "postcodes", "leaves_somebody", message)
        for letters in nobodys([line.lines for line in mine]):
            message = f"Nobody serves names that begin with '{letters.capitalize()}'."
            yield _error(mine[-1], "letters", "leaves_somebody", message)


def _kinds_differ(lines: Sequence[DraftResponsibility]) -> Iterator[LineError]:
    """A kind is called the same wherever it stands, and where there are kinds each line of the service has one."""
    names: dict[tuple[str, str], DraftResponsibility] = {}
    for line in lines:
        before = names.setdefault((line.service, line.lines.kind), line)
        if before.kind_name != line.kind_name:
            yield _error(line, "kind_de", "kind_differs", f"This kind is called otherwise in line {before.line}.")


def _error(line: DraftResponsibility, column: str, code: str, message: str) -> LineError:
    return LineError(_FILE, line.line, column, code, message)

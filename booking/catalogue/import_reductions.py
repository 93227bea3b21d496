"""reductions.csv: who pays less, or nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from booking.catalogue.draft import DraftReduction, DraftService, LineError
from booking.catalogue.import_checks import same_days
from booking.catalogue.reductions import Per, ReductionKind
from booking.catalogue.rows import Row

FILE = "reductions.csv"
COLUMNS = (
    ("key", "name_de", "kind", "per", "proof_de", "legal_basis_de", "source"),
    ("name_en", "value", "services", "groups", "proof_en", "legal_basis_en", "valid_from", "valid_until", "rank"),
)
_MAX_CENTS = 10_000_000
_MAX_RANK = 1000


def read_reduction(row: Row) -> DraftReduction:
    kind, per = row.text("kind"), row.text("per")
    if kind and kind not in list(ReductionKind):
        row.wrong("kind", "reduction_kind", f"'{kind}': known are {', '.join(ReductionKind)}.")
    if per and per not in list(Per):
        row.wrong("per", "reduction_per", f"'{per}': known are {', '.join(Per)}.")
    services, groups = row.optional("services").split(), row.optional("groups").split()
    if not services and not groups:
        row.wrong("services", "reduction_for_nothing", "Name services, groups of services, or both.")
    valid_from, valid_until = row.day("valid_from"), row.day("valid_until")
    if valid_from and valid_until and valid_until < valid_from:
        row.wrong("valid_until", "ends_before_start", "The last day comes before the first.")
        valid_until = None
    return DraftReduction(
        line=row.line,
        key=row.key("key"),
        name=row.both("name"),
        kind=ReductionKind(kind) if kind in list(ReductionKind) else ReductionKind.EXEMPT,
        value=_value(row, kind),
        per=Per(per) if per in list(Per) else Per.PERSON,
        rank=_rank(row),
        services=tuple(dict.fromkeys(services)),
        groups=tuple(dict.fromkeys(groups)),
        proof=row.both("proof"),
        legal_basis=row.both("legal_basis"),
        valid_from=valid_from,
        valid_until=valid_until,
        source=row.text("source"),
    )


def _value(row: Row, kind: str) -> int:
    if kind == ReductionKind.EXEMPT:
        if row.optional("value"):
            row.wrong("value", "exempt_with_value", "Whoever is exempt pays nothing: this stays empty.")
        return 0
    if not row.optional("value"):
        row.wrong("value", "missing", "This cell is empty: per cent, or cents that are taken off.")
        return 1
    return row.whole("value", 1, 99 if kind == ReductionKind.PERCENT else _MAX_CENTS) or 1


def _rank(row: Row) -> int:
    return row.whole("rank", 1, _MAX_RANK) or _MAX_RANK


def check_reductions(
    reductions: Sequence[DraftReduction], services: Sequence[DraftService], whole: frozenset[str]
) -> Iterable[LineError]:
    keys, groups = {one.key for one in services}, {one.group for one in services}
    for one in reductions:
        if "services.csv" not in whole:
            continue
        for key in one.services:
            if key not in keys:
                yield LineError.unknown(FILE, one.line, "services", key, "services.csv")
        for group in one.groups:
            if group not in groups:
                yield LineError.unknown(FILE, one.line, "groups", group, "column group of services.csv")
    for earlier, later in combinations(reductions, 2):
        if later.key and earlier.key == later.key and same_days(earlier, later):
            message = f"Line {earlier.line} holds on some of these days."
            yield LineError(FILE, later.line, "valid_from", "overlap", message)

"""The lines of reductions.csv become versions: one keeps its terms, because claims point at it, and only its days may move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from base.db import Connection
from base.i18n import Text
from booking.catalogue import reductions_store as store
from booking.catalogue.draft import Draft, DraftReduction
from booking.catalogue.reductions_store import StoredReduction


async def write_reductions(conn: Connection, draft: Draft, services: Mapping[str, int]) -> None:
    if draft.reductions is None:
        return
    known = {_terms_of_stored(one): one for one in await store.stored(conn)}
    moved: list[tuple[int, DraftReduction]] = []
    new: list[tuple[DraftReduction, list[int]]] = []
    for one in draft.reductions:
        reached = _services_of(draft, one, services)
        old = known.pop(_terms_of(one, reached), None)
        if old is None:
            new.append((one, reached))
        elif old.valid_until != one.valid_until:
            moved.append((old.id, one))
    # First out of each other's way, then to their places: a constraint forbids two versions of one rule on one day.
    await store.withdraw(conn, [*(one.id for one in known.values()), *(ident for ident, _ in moved)])
    await store.set_validity(
        conn, [i for i, _ in moved], [one.valid_from for _, one in moved], [one.valid_until for _, one in moved]
    )
    await store.add(conn, [_row(one, reached) for one, reached in new])


def _services_of(draft: Draft, one: DraftReduction, services: Mapping[str, int]) -> list[int]:
    """Groups are resolved here, so that a version says for good what it is for."""
    return sorted(services[s.key] for s in draft.services if s.key in one.services or s.group in one.groups)


_Terms = tuple[object, ...]


def _same(text: Text) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(text.items()))


def _terms_of(one: DraftReduction, services: Sequence[int]) -> _Terms:
    """What a version never changes."""
    words = _same(one.name), _same(one.proof), _same(one.legal_basis)
    return one.key, one.valid_from, one.kind.value, one.value, one.per.value, one.rank, tuple(services), *words


def _terms_of_stored(one: StoredReduction) -> _Terms:
    words = _same(one.name), _same(one.proof), _same(one.legal_basis)
    return one.key, one.valid_from, one.kind, one.value, one.per, one.rank, tuple(sorted(one.services)), *words


def _row(one: DraftReduction, services: Sequence[int]) -> dict[str, Any]:
    return {
        "key": one.key,
        "name": one.name,
        "kind": one.kind,
        "value": one.value,
        "per": one.per,
        "rank": one.rank,
        "services": services,
        "proof": one.proof,
        "legal_basis": one.legal_basis,
        "valid_from": one.valid_from and one.valid_from.isoformat(),
        "valid_until": one.valid_until and one.valid_until.isoformat(),
    }

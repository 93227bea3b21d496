"""Search without a database: whole words, their beginnings and parts of compounds, in memory. Pure.

Coarser than store.found_services, as nothing forgives typing errors; it answers while PostgreSQL is away.
"""

from __future__ import annotations

from collections.abc import Sequence

from booking.catalogue.model import Service
from booking.catalogue.words import fold

_SHORT = 3  # up to here a term is first of all a word of its own
_ENOUGH = 0.5  # of the best score


def matches(services: Sequence[Service], terms: Sequence[str]) -> list[int]:
    """Ids, best first, equal ones in the order given. A service counts in the language that fits best."""
    scored = [(score, service.id) for service in services if (score := _score(service, terms))]
    best = max((score for score, _ in scored), default=0.0)
    kept = [pair for pair in scored if pair[0] >= _ENOUGH * best]
    return [ident for _, ident in sorted(kept, key=lambda pair: -pair[0])]


def _score(service: Service, terms: Sequence[str]) -> float:
    return max(
        (
            sum(_place(term, fold(name), fold(" ".join(service.search_words.get(language, ())))) for term in terms)
            for language, name in service.name.items()
        ),
        default=0.0,
    )


def _place(term: str, name: str, words: str) -> float:
    """How well a term stands there, by the same order of places as in store.found_services."""
    if name == term:
        return 1.0
    is_short = len(term) <= _SHORT
    places = [
        (f" {term} ", name, 0.92),
        (f" {term}", name, 0.6 if is_short else 0.88),
        (f" {term} ", words, 0.85),
        (f" {term}", words, 0.5 if is_short else 0.75),
    ]
    if not is_short:
        places += [(term, name, 0.65), (term, words, 0.6)]
    return max(score if part in f" {text} " else 0.0 for part, text, score in places)

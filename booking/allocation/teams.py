"""The teams of a service, as its lines of responsibility make them: what a request by need is asked, and which times may be its. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from booking.availability.model import ANYBODY, Who
from booking.availability.offering import NobodyResponsible, WhoNeeded
from booking.catalogue.responsibility import Lines, asked

Teams = Mapping[int, frozenset[Lines]]  # by counter; no lines: it serves everybody


def asked_by(teams: Teams) -> tuple[str, ...]:
    return asked(line for lines in teams.values() for line in lines)


def checked(teams: Teams, who: Who) -> Who:
    """What of it is asked. Raises WhoNeeded, NobodyResponsible."""
    needed = asked_by(teams)
    if missing := who.missing(needed):
        raise WhoNeeded(missing)
    said = who.only(needed)
    if teams and not any(not lines or said.is_covered_by(lines) for lines in teams.values()):
        raise NobodyResponsible
    return said


def numbered(teams: Teams) -> Mapping[frozenset[Lines], str]:
    """By what they are published: a number says which team a time is of, and nothing more."""
    found = {lines for lines in teams.values() if lines}
    return {lines: str(number) for number, lines in enumerate(sorted(found, key=_key), 1)}


def serving(teams: Teams, who: Who) -> tuple[str, ...]:
    """The numbers of those that may serve somebody; of whom nobody has said who it is (the lines came later), all."""
    return tuple(number for lines, number in numbered(teams).items() if who == ANYBODY or who.is_covered_by(lines))


def _key(lines: frozenset[Lines]) -> list[tuple[str, str, str, list[str]]]:
    return sorted((line.first, line.last, line.kind, sorted(line.postcodes)) for line in lines)

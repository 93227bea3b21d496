"""Who is served by which counters of a service: first letters of the surname, postcode, what it is about. Pure (docs/adr/0041)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from string import ascii_lowercase

from booking.catalogue.words import fold

MOST_LETTERS = 3
MOST_OF_POSTCODE = 10
_DASH = re.compile("[-\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}]")  # spreadsheets make one of another
# Left out in front of a name, as in a list of names (DIN 5007).
_PARTICLES = frozenset(
    {"von", "van", "vom", "zu", "zum", "zur", "de", "der", "den", "del", "della", "di", "da", "do", "dos", "du"}
    | {"la", "le", "el", "al", "ter", "ten"}
)


@dataclass(frozen=True, slots=True)
class Lines:
    """What a line says of whom it is for. Empty: of anybody."""

    first: str = ""
    last: str = ""
    postcodes: frozenset[str] = frozenset()
    kind: str = ""

    def covers(self, letters: str, postcode: str, kind: str) -> bool:
        """Letters as initials() gives them. What a line asks and nobody has said is not covered."""
        if self.first and not (
            letters and self.first <= letters[: len(self.first)] and letters[: len(self.last)] <= self.last
        ):
            return False
        if self.postcodes and postcode not in self.postcodes:
            return False
        return not self.kind or kind == self.kind


def asked(lines: Iterable[Lines]) -> tuple[str, ...]:
    """What somebody is asked where these lines are."""
    known = list(lines)
    fields = (
        ("letters", any(one.first for one in known)),
        ("postcode", any(one.postcodes for one in known)),
        ("kind", any(one.kind for one in known)),
    )
    return tuple(name for name, is_asked in fields if is_asked)


def initials(surname: str) -> str:
    """The letters by which a name is sorted: "von Ähre" is "aeh", "O'Neil" is "one". Empty: none of our letters."""
    words = fold(surname).split()
    while len(words) > 1 and words[0] in _PARTICLES:
        words = words[1:]
    return "".join(letter for letter in "".join(words) if letter in ascii_lowercase)[:MOST_LETTERS]


def read_range(text: str) -> tuple[str, str] | None:
    """ "A-Kr" as ("a", "kr"), "L" as ("l", "l"). None: not a range, or not in order."""
    parts = [part.strip() for part in _DASH.split(text)]
    if len(parts) > 2 or not all(part.isalpha() and len(fold(part)) <= MOST_LETTERS for part in parts):
        return None
    first, last = (initials(parts[0]), initials(parts[-1]))
    if not first or not last or first > last.ljust(MOST_LETTERS, "z"):
        return None
    return first, last


def read_postcode(text: str) -> str:
    """ "70 173" and "D-70173" are "70173". Empty: no postcode, so that it is asked for again instead of being taken for another place."""
    plain = "".join(text.split()).upper().removeprefix("DE-").removeprefix("D-")
    fits = plain.isascii() and plain.replace("-", "").isalnum() and any(letter.isdigit() for letter in plain)
    return plain if fits and 3 <= len(plain) <= MOST_OF_POSTCODE else ""


def nobodys(lines: Sequence[Lines]) -> Iterator[str]:
    """Beginnings of names for which no line is there, whatever the postcode; for each kind by itself."""
    for kind in sorted({line.kind for line in lines}) or [""]:
        mine = [line for line in lines if line.kind in ("", kind)]
        if any(not line.first for line in mine):
            continue
        for letters in map("".join, product(ascii_lowercase, repeat=MOST_LETTERS)):
            if not any(
                line.first <= letters[: len(line.first)] and letters[: len(line.last)] <= line.last for line in mine
            ):
                yield letters
                break

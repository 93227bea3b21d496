"""How people's words are compared: one folding for what is stored and for what is typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

# Letters that Unicode does not decompose, or that German decomposes in its own way.
_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)

# Said around the words that count; they would only find everything.
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        "ich wir mein meine meinen meiner mich mir der die das den dem des ein eine einen einem einer und oder fuer in "
        "im am an auf zu zum zur von vom mit bei will moechte muss brauche wie wo kann habe hat ist neu neue neuen neuer neues "
        "i my me the a of to for and or on at with need want how where can do is get have new "
        "bitte hallo unser unsere unseren termin buchen we our us you your please hello it am like would appointment book",
    )
)


def fold(text: str) -> str:
    """Lower case, ä as ae, ß as ss, no accents; words of letters and digits with one space between."""
    # Unicode may need a second round ("İ" lowers to two code points), so the steps are in this order.
    small = unicodedata.normalize("NFC", text.casefold()).translate(_LETTERS)
    plain = "".join(c for c in unicodedata.normalize("NFKD", small) if not unicodedata.combining(c)).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in plain.translate(_LETTERS)).split())


def by_name(names: Mapping[int, str]) -> dict[int, str]:
    """In the order of a register: "Änderung" stands with A, "eID-Karte" with E."""
    return dict(sorted(names.items(), key=lambda pair: fold(pair[1])))


def terms(text: str) -> list[str]:
    """The words of a question that count, folded, each once, at most eight; all if only small words were typed."""
    words = list(dict.fromkeys(fold(text[:200]).split()))
    return ([word for word in words if word not in _EMPTY_WORDS] or words)[:8]

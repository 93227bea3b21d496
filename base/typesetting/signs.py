"""What our fonts can show of a text. A sign that none of them has would make the whole file fail: PDF/UA wants a glyph for each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from base.typesetting.coverage import signs_of

FONTS = Path(__file__).parent / "fonts"
SUBSTITUTE = "\u25a1"  # an empty square: something stood here
_UNSEEN = "\u200c\u200d"  # they join and part letters of Persian, Hindi, Sinhala; no glyph needed
_JOINER = "\u200d"


def settable(text: str) -> str:
    """The same where a font has it all; otherwise what comes nearest, and at last a square in place of each sign."""
    return "".join(_shown(cluster) for cluster in _clusters(unicodedata.normalize("NFC", text)))


def is_settable(text: str) -> bool:
    return settable(text) == unicodedata.normalize("NFC", text)


def plain(text: str) -> str:
    """Latin letters without marks, and squares: what is set where even the settable text is refused."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(
        sign if " " <= sign <= "~" or sign in "ß€§–·" else SUBSTITUTE
        for sign in parts
        if not unicodedata.category(sign).startswith(("M", "C"))
    )


@cache
def fonts() -> tuple[frozenset[int], ...]:
    """Of each font that is shipped, what it has."""
    return tuple(signs_of(path) for path in sorted(FONTS.glob("*.ttf")))


def _shown(cluster: str) -> str:
    kind = unicodedata.category(cluster[0])
    if kind in ("Cc", "Zl", "Zp"):
        return " "
    if kind == "Cf" and cluster[0] not in _UNSEEN:
        return ""  # also what turns the direction of the text round
    for one in (cluster, unicodedata.normalize("NFKC", cluster), cluster[0]):
        if _has(one):
            return one
    return SUBSTITUTE


def _has(cluster: str) -> bool:
    """One font has it whole: two cannot share a letter and its marks."""
    needed = {ord(sign) for sign in cluster if sign not in _UNSEEN}
    return any(needed <= signs for signs in fonts())


def _clusters(text: str) -> Iterator[str]:
    """A sign with the marks on it; pictures that are joined to one count as one."""
    begun = ""
    for sign in text:
        kind = unicodedata.category(sign)
        is_joined = begun.endswith(_JOINER) and kind == "So"
        if begun and (kind.startswith("M") or sign in _UNSEEN or "\U0001f3fb" <= sign <= "\U0001f3ff" or is_joined):
            begun += sign
            continue
        if begun:
            yield begun
        begun = sign
    if begun:
        yield begun

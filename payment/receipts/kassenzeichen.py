"""The Kassenzeichen as people type and read it: an RF Creditor Reference (ISO 11649), checked by ISO 7064 MOD 97-10.

The database makes it (0069_receipt.sql) and refuses a wrong one; here one that was typed is understood, before anything is looked up.
"""

from __future__ import annotations

import re

LONGEST = 27  # characters, that XBezahldienste allows and treasuries take
_FORM = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")


def understood(typed: str) -> str | None:
    """As stored, of whatever blanks and small letters it was typed with; None where it is none or a digit is wrong."""
    text = "".join(typed.split()).upper()
    return text if _FORM.fullmatch(text) and _remainder(text) == 1 else None


def made(prefix: str, number: int) -> str:
    """As the database makes it."""
    body = f"{prefix}{number:09d}"
    return f"RF{98 - _remainder(f'RF00{body}'):02d}{body}"


def spaced(kassenzeichen: str) -> str:
    """In groups of four, as ISO 11649 prints it on paper."""
    return " ".join(kassenzeichen[n : n + 4] for n in range(0, len(kassenzeichen), 4))


def _remainder(text: str) -> int:
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97

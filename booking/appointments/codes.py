"""The code that is typed in from a letter: "K7FM-3QPD-XW9C". 52 random bits: nobody guesses one within a year of trying."""

from __future__ import annotations

import hashlib

from booking.appointments.number import ALPHABET

_GROUPS, _EACH = 3, 4
_LENGTH = _GROUPS * _EACH


def code_of(secret: str) -> str:
    """The same for the same secret: it can be printed again, and is stored nowhere."""
    number = int.from_bytes(hashlib.sha256(secret.encode()).digest())
    letters = ""
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters += ALPHABET[rest]
    return "-".join(letters[start : start + _EACH] for start in range(0, _LENGTH, _EACH))


def normal_code(typed: str) -> str | None:
    """However it was typed; None where it cannot be one."""
    plain = "".join(letter for letter in typed.upper() if letter.isalnum())
    if len(plain) != _LENGTH or not set(plain) <= set(ALPHABET):
        return None
    return "-".join(plain[start : start + _EACH] for start in range(0, _LENGTH, _EACH))

"""The number that a citizen reads out: "K7F-3QM". It finds a case at the counter and authorises nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

# Without what is mistaken for something else (0 O, 1 I L, 2 Z, 5 S, 8 B, U V), and without A and E, so that no words come out.
ALPHABET = "CDFGHJKMNPQRTWXY34679"
_HALF = 3
LENGTH = 2 * _HALF


def new_number(choice: Callable[[Sequence[str]], str] = secrets.choice) -> str:
    """One of 85 million; the schema forbids a second use, so the caller tries again."""
    return "-".join("".join(choice(ALPHABET) for _ in range(_HALF)) for _ in range(2))


def normal_number(typed: str) -> str | None:
    """The number as it is stored, however it was typed; None where it cannot be one."""
    plain = "".join(letter for letter in typed.upper() if letter.isalnum())
    if len(plain) != LENGTH or not set(plain) <= set(ALPHABET):
        return None
    return f"{plain[:_HALF]}-{plain[_HALF:]}"

"""What an import would change, field by field, from the state before and after it in one transaction that is then rolled back. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

State = Mapping[str, Mapping[str, Mapping[str, Any]]]  # kind -> key -> field -> value

_MOST_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Change:
    """A thing is added (+), withdrawn (-), or one of its fields changes (~)."""

    sign: str
    kind: str
    key: str
    field: str = ""
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        what = f"{self.sign} {self.kind} {self.key}"
        return f"{what} {self.field}: {self.before} -> {self.after}" if self.field else what


def fingerprint(found: State) -> bytes:
    """SHA-256: whether the catalogue is still what it was."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).digest()


def difference(before: State, after: State) -> list[Change]:
    changes = []
    for kind, new in after.items():
        old = before[kind]
        changes += [Change("+", kind, key) for key in sorted(new.keys() - old.keys())]
        changes += [Change("-", kind, key) for key in sorted(old.keys() - new.keys())]
        for key in sorted(old.keys() & new.keys()):
            fields = sorted(old[key].keys() | new[key].keys())
            changes += [
                Change("~", kind, key, name, _short(old[key].get(name)), _short(new[key].get(name)))
                for name in fields
                if old[key].get(name) != new[key].get(name)
            ]
    return changes


def _short(value: object) -> str:
    if isinstance(value, dict):
        text = ", ".join(f"{name}: {one}" for name, one in value.items())
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"

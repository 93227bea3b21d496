"""What goes wrong with the next API calls; each fault is used up by the calls it fits, `times` times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

Kind = Literal["drop_before", "drop_after", "error_before", "error_after", "silent", "garble", "forbid"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Fault:
    """`before` and `after` mean the effect. drop: the connection is cut. error: 500. silent: no answer, ever. garble: the answer is cut in
    two. forbid: 401, as with a token that has run out. `method`: only calls with it."""

    kind: Kind
    times: int = 1
    method: str = ""


class Faults:
    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def plan(self, *faults: Fault) -> None:
        """Replaces what was planned."""
        self.planned = list(faults)

    def take(self, method: str) -> Kind | None:
        for number, fault in enumerate(self.planned):
            if fault.method in ("", method):
                left = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                self.planned[number : number + 1] = left
                return fault.kind
        return None


def from_json(given: Any) -> list[Fault]:
    """`[{"kind": "silent", "times": 2, "method": "GET"}]`; ValueError says what is wrong."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise ValueError("expected a list of objects")
    for one in given:
        if one.get("kind") not in KINDS or not set(one) <= {"kind", "times", "method"}:
            raise ValueError(f"kind: one of {', '.join(KINDS)}; beside it times, method")
    return [Fault(**one) for one in given]

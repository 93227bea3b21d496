"""What goes wrong with the next calls that make a message; each fault is used up by the calls it fits, `times` times."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

Kind = Literal["429", "500", "503", "error_after", "drop_before", "drop_after", "silent_before", "silent_after"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Fault:
    """429, 500, 503: refused with that status. `before` and `after` mean the effect: drop cuts the connection without an
    answer, silent never answers, error_after says 500 although the message was taken. `to`: only numbers with this in them."""

    kind: Kind
    times: int = 1
    to: str = ""


class Faults:
    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def plan(self, *faults: Fault) -> None:
        """Replaces what was planned."""
        self.planned = list(faults)

    def take(self, to: str) -> Kind | None:
        for number, fault in enumerate(self.planned):
            if fault.to in to:
                left = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                self.planned[number : number + 1] = left
                return fault.kind
        return None

    def as_json(self) -> dict[str, Any]:
        return {"faults": [asdict(fault) for fault in self.planned]}


def from_json(given: Any) -> list[Fault]:
    """`{"faults": [{"kind": "429", "times": 2, "to": ""}]}`; ValueError says what is wrong."""
    if not isinstance(given, dict) or not isinstance(given.get("faults"), list):
        raise ValueError('expected {"faults": [...]}')
    return [_fault(item) for item in given["faults"]]


def _fault(given: Any) -> Fault:
    known = {item.name for item in fields(Fault)}
    if not isinstance(given, dict) or not set(given) <= known:
        raise ValueError(f"a fault has the fields {', '.join(sorted(known))}")
    if given.get("kind") not in KINDS:
        raise ValueError(f"kind: one of {', '.join(KINDS)}")
    times = given.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise ValueError("times: a number from 1 on")
    if not isinstance(given.get("to", ""), str):
        raise ValueError("to: a text")
    return Fault(**given)

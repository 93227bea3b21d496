"""What goes wrong with the next mails; each fault is used up by the recipients or mails it fits, `times` times."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

Kind = Literal["421", "451", "550", "drop_before", "drop_after"]
Stage = Literal["rcpt", "data"]
REPLIES = {  # RFC 5321, 4.2.3; RFC 3463
    "421": "421 4.3.2 Service not available, closing transmission channel",
    "451": "451 4.7.1 Requested action aborted: try again later",
    "550": "550 5.1.1 Requested action not taken: mailbox unavailable",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A reply code, at RCPT or after DATA; 421 closes the connection too. drop: the connection is cut after DATA without a
    reply, before or after the mail was kept. `to`: only mails to addresses that contain this."""

    kind: Kind
    times: int = 1
    stage: Stage = "rcpt"
    to: str = ""

    def fits(self, stage: Stage, recipients: list[str]) -> bool:
        at = "data" if self.kind.startswith("drop") else self.stage
        return at == stage and any(self.to in recipient for recipient in recipients)


class Faults:
    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def plan(self, *faults: Fault) -> None:
        """Replaces what was planned."""
        self.planned = list(faults)

    def take(self, stage: Stage, recipients: list[str]) -> Kind | None:
        for number, fault in enumerate(self.planned):
            if fault.fits(stage, recipients):
                left = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                self.planned[number : number + 1] = left
                return fault.kind
        return None

    def as_json(self) -> dict[str, Any]:
        return {"faults": [asdict(fault) for fault in self.planned]}


def from_json(given: Any) -> list[Fault]:
    """`{"faults": [{"kind": "451", "times": 2, "stage": "rcpt", "to": ""}]}`; ValueError says what is wrong."""
    if not isinstance(given, dict) or not isinstance(given.get("faults"), list):
        raise ValueError('expected {"faults": [...]}')
    return [_fault(item) for item in given["faults"]]


def _fault(given: Any) -> Fault:
    known = {item.name for item in fields(Fault)}
    if not isinstance(given, dict) or not set(given) <= known:
        raise ValueError(f"a fault has the fields {', '.join(sorted(known))}")
    if given.get("kind") not in get_args(Kind):
        raise ValueError(f"kind: one of {', '.join(get_args(Kind))}")
    if given.get("stage", "rcpt") not in get_args(Stage):
        raise ValueError(f"stage: one of {', '.join(get_args(Stage))}")
    times = given.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise ValueError("times: a number from 1 on")
    if not isinstance(given.get("to", ""), str):
        raise ValueError("to: a text")
    return Fault(**given)

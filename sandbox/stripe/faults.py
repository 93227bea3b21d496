"""Faults of API calls, planned by the control plane: each is used up by the calls it fits, `times` times."""

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from sandbox.stripe.errors import Json
from sandbox.stripe.state import State

Kind = Literal["drop_before", "drop_after", "error_before", "error_after", "delay_before", "delay_after"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Fault:
    """`before` and `after` mean the effect. drop: the connection is cut without an answer. error: HTTP 500, kept under the
    idempotency key as Stripe does. delay: `delay_s` seconds pass, then all goes on. `path` is the beginning of the path."""

    kind: Kind
    method: str = ""
    path: str = "/v1/"
    times: int = 1
    delay_s: float = 0.0

    def fits(self, method: str, path: str) -> bool:
        return path.startswith(self.path) and self.method in ("", method)


class Faults:
    def __init__(self, state: State) -> None:
        self._state = state

    def planned(self) -> list[Fault]:
        return [Fault(**row) for row in self._state.rows("faults")]

    def plan(self, faults: list[Fault]) -> None:
        """Replaces what was planned."""
        for row_id, _ in self._state.items("faults"):
            self._state.remove("faults", row_id)
        for number, fault in enumerate(faults):
            self._state.put("faults", str(number), asdict(fault))

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that fits this call, used up by one."""
        for row_id, row in self._state.items("faults"):
            fault = Fault(**row)
            if not fault.fits(method, path):
                continue
            self._use_up(row_id, row)
            return fault
        return None

    def _use_up(self, row_id: str, row: Json) -> None:
        if row["times"] > 1:
            self._state.change("faults", row_id, times=row["times"] - 1)
        else:
            self._state.remove("faults", row_id)

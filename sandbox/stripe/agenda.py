"""What happens by itself at its time: a session expires, a payout arrives, evidence is overdue. In order of time.

A step runs with the clock at its own time, so that a machine asked once a day tells the same as one asked each second.
"""

import heapq
import itertools
from collections.abc import Callable, Mapping

from sandbox.stripe.core import Core

Steps = Mapping[str, Callable[[Core, str], object]]
"""Name of a step -> what to do with the object of this id. A step whose object has moved on meanwhile does nothing."""


class Agenda:
    def __init__(self, core: Core, steps: Steps) -> None:
        self._core, self._steps = core, steps
        self._ages = itertools.count()
        self._heap: list[tuple[int, int, str]] = []
        core.schedule = self.set
        for key, row in core.state.items("agenda"):
            self._push(row["at"], key)

    def set(self, at: int, step: str, object_id: str) -> None:
        """At `at` (Unix seconds) do `step` with the object; replaces an earlier time for the same."""
        key = f"{step}:{object_id}"
        self._core.state.remove("agenda", key)
        self._core.state.put("agenda", key, {"at": at, "step": step, "id": object_id})
        self._push(at, key)

    def _push(self, at: int, key: str) -> None:
        heapq.heappush(self._heap, (at, next(self._ages), key))

    def run_due(self) -> int:
        """Do what is due by now; gives the number of steps that did something."""
        done, now, core = 0, self._core.now(), self._core
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            row = core.state.find("agenda", key)
            if row is None or row["at"] != at:  # replaced by another time
                continue
            core.state.remove("agenda", key)
            with core.at(at):
                done += bool(self._steps[row["step"]](core, row["id"]))
        return done

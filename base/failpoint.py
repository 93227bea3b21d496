"""Marked steps of the product, so that tests can stop the process at each of them.

`reached = point("hold.inserted")` at module level enters the step in POINTS; calling `reached()` marks it. Normally that costs one
look at a variable. `FAILPOINT=name:n` in the environment ends the process with SIGKILL at the n-th time (n = 1 by default).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

Handler = Callable[[str], None]

POINTS: set[str] = set()
_handler: Handler | None = None


def point(name: str) -> Callable[[], None]:
    """Enter a step in the registry and return the function that marks it."""
    POINTS.add(name)

    def reached() -> None:
        if _handler is not None:
            _handler(name)

    return reached


def arm(handler: Handler | None) -> None:
    """Let `handler(name)` be called at each step; None disarms."""
    global _handler
    _handler = handler


def killer(spec: str) -> Handler:
    """A handler for FAILPOINT's "name" or "name:n"."""
    name, _, nth = spec.partition(":")
    left = int(nth or 1)

    def handler(reached: str) -> None:
        nonlocal left
        if reached == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return handler

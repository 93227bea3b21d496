"""One thing after the other: what fails does not keep the others from their turn."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Thing = TypeVar("Thing")


async def each(
    things: Iterable[Thing],
    work: Callable[[Thing], Awaitable[int]],
    *,
    log: logging.Logger,
    failed: str,
    named: Callable[[Thing], dict[str, str]],
) -> int:
    """The sum of what `work` gives (True is 1). What raises is told in the log as the event `failed`, under the name that it has there."""
    done = 0
    for thing in things:
        try:
            done += await work(thing)
        except Exception:  # whatever it is: the next round tries it again
            log.exception(failed, extra=named(thing))
    return done

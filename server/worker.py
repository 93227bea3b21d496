"""The worker: what is done after the fact and by the clock. Several may run; rows are claimed, never assumed."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from base.config import Settings
from server.product import Product, open_product

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to look after: `run` does what is due and returns how much that was. A queue's rows have their own back-off,
    so a queue that is not empty is looked at again at once; a sweep may find the same things and waits its time."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[int]]
    is_queue: bool = False


def duties(product: Product) -> Sequence[Duty]:
    return (
        Duty("messages", 0.5, product.notifications.send_due, is_queue=True),
        Duty("jobs", 0.5, product.jobs.run_due, is_queue=True),
        Duty("expiry", 2, product.appointments.expire_due),
        Duty("payments", 5, product.payments.sweep),
        Duty("hours", 600, product.catalogue.roll_hours),
    )


async def work(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; what is under way is finished."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with open_product(settings) as product, asyncio.TaskGroup() as group:
        log.info("worker.started")
        for duty in duties(product):
            group.create_task(_look_after(duty, stop), name=duty.name)
    log.info("worker.stopped")


async def drain(product: Product, *, rounds: int = 50) -> None:
    """Do everything that is due, until a whole round finds nothing."""
    for _ in range(rounds):
        if not sum([await duty.run() for duty in duties(product)]):
            return


async def _look_after(duty: Duty, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            busy = await duty.run()
        except Exception as error:  # one duty's trouble is not the others'; it is tried again
            log.exception("worker.duty-failed", extra={"duty": duty.name, "error": type(error).__name__})
            busy = 0
        if not (busy and duty.is_queue):
            try:
                await asyncio.wait_for(stop.wait(), duty.every_s)
            except TimeoutError:
                continue

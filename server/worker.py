"""The worker: what is done after the fact and by the clock. Several may run; rows are claimed, never assumed."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from base.config import Settings
from server.product import Product, open_product
from server.tidy import Tidy

log = logging.getLogger(__name__)
_LAST_RUN_S = 20.0  # a service manager kills after 30 s or more
_CUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to look after: `run` does what is due and returns how much that was. A queue's rows have their own back-off,
    so a queue that is not empty is looked at again at once; a sweep may find the same things and waits its time."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[int]]
    is_queue: bool = False


def duties(product: Product) -> Sequence[Duty]:
    tidy = Tidy(
        product.db,
        product.clock,
        product.identity,
        product.queue,
        product.appointments,
        product.allocation,
        product.overviews,
        product.invitations,
        product.guard,
        product.uploads,
        product.till_holds,
    )
    return (
        Duty("messages", 0.5, product.notifications.send_due, is_queue=True),
        Duty("overviews", 0.5, product.overviews.answer_due, is_queue=True),
        Duty("jobs", 0.5, product.jobs.run_due, is_queue=True),
        Duty("holds", 2, product.appointments.expire_bare, is_queue=True),
        Duty("waitlist", 2, product.passing_on.pass_on),
        Duty("expiry", 2, product.appointments.expire_due),
        Duty("rooms", 2, product.rooms.sweep),
        Duty("payments", 5, product.payments.sweep),
        Duty("charging", 60, lambda: product.payments.charge_due(product.today()), is_queue=True),
        Duty("further fees", 20, product.charges.withdraw_due),
        Duty("earning", 300, lambda: product.payments.earn_due(product.today()), is_queue=True),
        Duty("transfers", 60, product.transfers.arise_due, is_queue=True),
        Duty("receipts", 1, product.receipts.issue_due, is_queue=True),
        Duty("sealing", 1, product.ledgers.seal_due, is_queue=True),
        Duty("bank", 20, product.bank_folder.run),
        Duty("matching", 300, product.matching.by_night),
        Duty("untold", 60, product.appointments.tell_otherwise),
        Duty("invitations", 60, product.invitations.remind_due),
        Duty("till-reminders", 60, product.till_holds.remind_due),
        Duty("reconfirm", 60, product.appointments.reconfirm_due),
        Duty("allocation", 5, product.runs.close_due),
        Duty("words", 5, product.need_words.mail_due),
        Duty("marking", 5, product.marking.keep_up),
        Duty("rebooking", 2, product.rebooker.run),
        Duty("hours", 600, product.catalogue.roll_hours),
        Duty("release", 20, product.catalogue.release_due),
        Duty("tidy", 3600, tidy.run),
        Duty("retention", 3600, product.retention.run),
    )


async def work(settings: Settings) -> None:
    """Until SIGTERM or SIGINT; what is under way is finished, or cut where it takes long."""
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
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            busy = await _run(duty, stopping)
            if not (busy and duty.is_queue):
                await asyncio.wait({stopping}, timeout=duty.every_s)
    finally:
        stopping.cancel()


async def _run(duty: Duty, stopping: asyncio.Task[bool]) -> int:
    """One run. After the signal it has a little time left, then it is cut: a process may be killed at any step of it (each is a
    failpoint that the crash tests stop at), and what is left undone is due again."""
    running = asyncio.ensure_future(duty.run())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=_LAST_RUN_S)
        if not running.done():
            log.warning("worker.duty-cut", extra={"duty": duty.name})
            running.cancel()
            await asyncio.wait({running}, timeout=_CUT_S)
            return 0
        return running.result()
    except Exception as error:  # one duty's trouble is not the others'; it is tried again
        log.exception("worker.duty-failed", extra={"duty": duty.name, "error": type(error).__name__})
        return 0
    finally:
        running.cancel()

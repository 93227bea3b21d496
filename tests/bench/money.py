"""A month of trade reconciled: how long it takes, how that grows, and what of it is right.

The provider is the sandbox's machine behind the port, so the time of its answers is not in it; reading, storing, booking, matching and the
worklist are. The tenth is the same month with a tenth of its payments: how the time grows from one to the other is reported. `GROWTH=10`
plays one of ten times as many, too, and reports how it grows from the month to that; playing takes far longer than reconciling.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Mapping

import asyncpg

from base.db import Database
from base.migrate import migrate
from tests.payment.matching.month import FIRST, LAST, Month, Size, score

MONTH = Size()
TENTH = Size(payments=1000, refunds=60, disputes=2, faults=2)


def shortfall(figures: Mapping[str, float]) -> str | None:
    """What was missed or reported wrongly is no figure among others: the run has failed."""
    low = {name: value for name, value in figures.items() if name.endswith(("_precision", "_recall")) and value < 1}
    return f"not all that was planted is reported, or more than that: {low}" if low else None


async def measure(url: str) -> dict[str, list[float]]:
    tenth = await _month(url, "tenth", TENTH)
    whole = await _month(url, "month", MONTH)
    times = int(os.environ.get("GROWTH") or 1)
    return await _grown(url, times, whole["seconds"]) | {
        "reconcile_month_s": [whole["seconds"]],
        "reconcile_again_s": [whole["again"]],
        "reconcile_tenth_s": [tenth["seconds"]],
        "reconcile_growth": [whole["seconds"] / tenth["seconds"]],
        "reconcile_precision": [whole["precision"]],
        "reconcile_recall": [whole["recall"]],
        "reconcile_faults": [whole["faults"]],
    }


async def _grown(url: str, times: int, month_s: float) -> dict[str, list[float]]:
    if times <= 1:
        return {}
    size = Size(payments=MONTH.payments * times, refunds=MONTH.refunds * times, disputes=MONTH.disputes * times)
    grown = await _month(url, "grown", size)
    return {
        f"reconcile_month_times_{times}_s": [grown["seconds"]],
        f"reconcile_growth_times_{times}": [grown["seconds"] / month_s],
        f"reconcile_times_{times}_precision": [grown["precision"]],
        f"reconcile_times_{times}_recall": [grown["recall"]],
    }


async def _month(url: str, name: str, size: Size) -> dict[str, float]:
    """In a database of its own."""
    other = url.replace("/schalter?", f"/schalter_{name}?")
    conn = await asyncpg.connect(url)
    await conn.execute(f"DROP DATABASE IF EXISTS schalter_{name}")
    await conn.execute(f"CREATE DATABASE schalter_{name}")
    await conn.close()
    await migrate(other)
    async with Database(other, size=4) as db:
        month = Month(db, size)
        await month.play()
        await month.close_all()
        await month.label_bank()
        gc.freeze()  # the sandbox's month lies in this process, too: its objects are not to be looked through again and again
        began = time.perf_counter()
        await month.matching.run(FIRST, LAST, by=month.staff)
        seconds = time.perf_counter() - began
        await month.change_prices()
        began = time.perf_counter()
        await month.matching.run(FIRST, LAST, by=month.staff)
        again = time.perf_counter() - began
        found = score(await month.reported(), month.labels)
        made = await month.made_again()
        if any(kept != anew for kept, anew in made.values()):
            raise RuntimeError("a batch is not what its books give")
    if found.missed or found.wrong:
        print(f"{name}: missed {sorted(found.missed)[:5]}, wrong {sorted(found.wrong)[:5]}")
    return {
        "seconds": seconds, "again": again, "precision": found.precision, "recall": found.recall,
        "faults": float(len(month.labels)),
    }  # fmt: skip

"""What cancelling gives back: the steps stored at booking, and what a late move has left of them. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Step:
    hours: int  # before the start; until then, and in that very moment, it holds
    percent: int  # of the fee

    def until(self, starts_at: datetime) -> datetime:
        return starts_at - timedelta(hours=self.hours)


@dataclass(frozen=True, slots=True)
class Terms:
    """`steps`: the earliest first, after the last one nothing is given back. `most_percent`: see Moving."""

    steps: tuple[Step, ...]
    most_percent: int = 100

    @classmethod
    def of(cls, share_percent: int, hours: Sequence[int], percents: Sequence[int], most_percent: int = 100) -> Terms:
        """As they are stored: without steps one share holds until the start."""
        steps = tuple(Step(*step) for step in zip(hours, percents, strict=True))
        return cls(steps or ((Step(0, share_percent),) if share_percent else ()), most_percent)

    def percent(self, starts_at: datetime, now: datetime) -> int:
        of_step = next((step.percent for step in self.steps if now <= step.until(starts_at)), 0)
        return min(of_step, self.most_percent)

    def ends(self, starts_at: datetime) -> list[tuple[datetime, int]]:
        """Until when how many per cent are given back; where a late move has levelled several steps, they are one."""
        levelled = {min(step.percent, self.most_percent): step.until(starts_at) for step in self.steps}
        return [(until, percent) for percent, until in levelled.items() if percent]


NOTHING_BACK = Terms(())
ALL_BACK = Terms((Step(0, 100),))  # until the start: the city has closed the counter

"""The people and the traders of the simulation: who needs an appointment, who pays for one, and when a trader gives up.

Nothing here says who wins: that follows from how appointments are given out (simulating.py) and from what is assumed below.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """A foreigners' authority with a little less time than people; sums in euros. Change them and see."""

    weeks: int = 40
    settling_weeks: int = 12  # not counted: queue and market have to find their level
    slots_per_day: int = 20
    people_per_day: float = 21.0
    urgent_share: float = 0.35
    urgent_days: tuple[int, int] = (7, 28)  # until the residence title runs out, for the urgent
    other_days: tuple[int, int] = (60, 180)
    patience_days: int = 90  # then people go elsewhere: by lawyer, by mail, or without
    # First click
    lead_days: int = 7  # an appointment is opened so long before
    online_share: float = 0.4  # of those still searching, who sit ready when times are opened
    person_s: tuple[float, float] = (8.0, 60.0)  # until somebody has clicked
    bot_s: tuple[float, float] = (0.3, 1.5)
    captcha_person_s: tuple[float, float] = (5.0, 15.0)
    captcha_bot_s: tuple[float, float] = (4.0, 12.0)  # services that solve them for cents
    captcha_bot_success: float = 0.9
    # Traders: price as in Munich and Berlin (20 to 100 euros)
    pays_share: float = 0.3  # of people, who would pay
    pays_after_days: tuple[int, int] = (2, 10)  # of own search, urgent and not
    price: float = 50.0
    contact_cost: float = 0.5  # an address or number that receives a code, and lives for one try
    forgery_cost: float = 10.0  # a document that is to look right
    stock_per_day: float = 15.0  # tries for appointments without a buyer, at most
    probe_per_week: float = 1.0  # below this a trader does not go: the next change of the rules may pay again
    traders_give_up: bool = True
    # Staff look at each request's document before it takes part
    accepts_false: float = 0.02  # false documents that pass
    refuses_right: float = 0.02  # right documents that are asked for once more


@dataclass(slots=True, eq=False)
class Person:
    id: str
    arrived: int  # days are counted through, weekends too
    deadline: int
    is_urgent: bool
    pays: bool
    made: int  # since when the request waits
    is_checked: bool = False
    bought: str = ""  # how a trader tries for this person
    is_invented: bool = False
    claimed: int | None = None  # a false deadline that has passed the check
    got: int | None = None


@dataclass(slots=True)
class Trader:
    """Does more of what pays and less of what does not. Buyers hear whether others were better off with a trader than alone."""

    assumptions: Assumptions
    stock_tries: float = 0.0  # a day
    belief: dict[str, float] = field(default_factory=lambda: {"real name": 1.0, "false deadline": 1.0})
    income: float = 0.0  # of the stock, this week

    def __post_init__(self) -> None:
        self.stock_tries = self.assumptions.stock_per_day

    def end_week(self) -> None:
        given = self.assumptions
        if given.traders_give_up:
            grown = self.stock_tries * (1.5 if self.income > 0 else 0.5)
            self.stock_tries = min(given.stock_per_day, max(given.probe_per_week / 5, grown))
        self.income = 0.0

    def tell(self, kind: str, pending: Iterable[Person], day: int) -> None:
        """How many more got something with the trader than alone, among people of one urgency who have searched as long."""
        given = self.assumptions
        if not given.traders_give_up:
            return
        gains: list[float] = []
        for urgent, searched in zip((True, False), given.pays_after_days, strict=True):
            alike = [p for p in pending if p.is_urgent is urgent and day - p.arrived >= searched]
            alone = [p.got is not None for p in alike if not p.bought]
            usual = sum(alone) / len(alone) if alone else 0.0
            gains += [(p.got is not None) - usual for p in alike if p.bought == kind]
        if gains:
            advantage = min(1.0, max(0.0, sum(gains) / len(gains)))
            self.belief[kind] = 0.5 * self.belief[kind] + 0.5 * advantage


class City:
    """Who is searching, by the same dice in every way of giving out."""

    def __init__(self, assumptions: Assumptions, seed: int) -> None:
        self.assumptions = assumptions
        self.arriving = random.Random(f"arriving {seed}")  # noqa: S311 a simulation is to be repeated, not secret
        self.dice = random.Random(f"dice {seed}")  # noqa: S311
        self.people: list[Person] = []
        self.searching: list[Person] = []

    def arrive(self, day: int) -> None:
        given = self.assumptions
        for _ in range(sum(self.arriving.random() < given.people_per_day / 100 for _ in range(100))):
            urgent = self.arriving.random() < given.urgent_share
            left = self.arriving.randint(*(given.urgent_days if urgent else given.other_days))
            pays = self.arriving.random() < given.pays_share
            person = Person(f"P{len(self.people):06}", day, day + left, urgent, pays, made=day)
            self.people.append(person)
            self.searching.append(person)

    def leave(self, day: int) -> None:
        """Served, or out of patience."""
        patience = self.assumptions.patience_days
        self.searching = [p for p in self.searching if p.got is None and day - p.arrived < patience]

    def order(self, day: int, trader: Trader, kinds: Iterable[str]) -> None:
        """People go to a trader as far as they believe that it helps."""
        urgent_days, other_days = self.assumptions.pays_after_days
        for person in self.searching:
            searched = day - person.arrived
            if person.pays and not person.bought and searched >= (urgent_days if person.is_urgent else other_days):
                kind = max(kinds, key=lambda k: (trader.belief[k], self.dice.random()))
                if self.dice.random() < trader.belief[kind]:
                    person.bought = kind
                else:
                    person.pays = self.dice.random() < 0.9  # not today; some never

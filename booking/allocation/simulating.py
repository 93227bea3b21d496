"""The same weeks at a foreigners' authority, given out in three ways: by the first click, with captcha and limits, and by need.

By need is the rule itself (ranking.py), week by week, with its closed list and a draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from booking.allocation.market import Assumptions, City, Person, Trader
from booking.allocation.model import Request, Slot, Terms
from booking.allocation.ranking import close, rank

_FIRST = date(2027, 1, 4)  # a Monday
_CLASS_DAYS = (7, 21, 42)


@dataclass(slots=True)
class Tally:
    """What was given out in the counted weeks."""

    given: int = 0
    to_bots: int = 0  # to invented people, or to a buyer ahead of people whom the rule would have served
    paid_in_vain: int = 0  # to a buyer who would have had the same alone
    unused: int = 0  # nobody came: the trader found no buyer, or the person does not exist
    waits: list[int] = field(default_factory=list)
    urgent_in_time: int = 0
    urgent: int = 0
    unserved: int = 0
    people: int = 0

    def figures(self) -> Mapping[str, float]:
        """Shares, and waiting in days from need to appointment."""
        waits = sorted(self.waits)
        percentile = {f"wait_p{p}": float(waits[min(len(waits) - 1, len(waits) * p // 100)]) for p in (50, 90, 95)}
        return {
            "bot_share": round(self.to_bots / self.given, 4),
            "unused_share": round(self.unused / self.given, 4),
            "paid_in_vain_share": round(self.paid_in_vain / self.given, 4),
            "urgent_in_time": round(self.urgent_in_time / self.urgent, 4),
            "unserved_share": round(self.unserved / self.people, 4),
            **percentile,
        }


def first_click(given: Assumptions, seed: int, *, guarded: bool = False) -> Mapping[str, float]:
    """Times open every working day; whoever clicks first has one. Guarded: captcha, a contact per appointment, names fixed."""
    city, trader, tally = City(given, seed), Trader(given), Tally()
    stock: list[int] = []  # the days of what the trader holds
    for week in range(given.weeks):
        counted = week >= given.settling_weeks
        for day in range(week * 7, week * 7 + 5):
            city.arrive(day)
            city.leave(day)
            city.order(day, trader, ["real name"])
            opened = day + given.lead_days
            winners = _race(city, trader, guarded)[: given.slots_per_day]
            trader.income -= given.contact_cost * trader.stock_tries
            tally.given += counted * len(winners)
            for winner in winners:
                if winner is None:
                    stock.append(opened)
                    tally.to_bots += counted
                else:
                    winner.got = opened
                    tally.to_bots += counted * bool(winner.bought)
            trader.income += given.price * _sell(city, stock, fixed_names=guarded)
            tally.unused += counted * sum(held <= day for held in stock)
            stock = [held for held in stock if held > day]
        trader.tell("real name", city.searching, week * 7 + 4)
        trader.end_week()
    return _end(city, tally)


def _race(city: City, trader: Trader, guarded: bool) -> list[Person | None]:
    """Everybody who clicks, in the order of the moment; None is a try of the trader's without a buyer."""
    given, dice = city.assumptions, city.dice
    tries = int(trader.stock_tries) + (dice.random() < trader.stock_tries % 1)
    clicks: list[tuple[float, int, Person | None]] = []
    for bot in [*([None] * tries), *(p for p in city.searching if p.bought)]:
        moment = dice.uniform(*given.bot_s)
        if guarded:
            moment += dice.uniform(*given.captcha_bot_s)
            if dice.random() > given.captcha_bot_success:
                continue
        clicks.append((moment, len(clicks), bot))
    for person in city.searching:
        if not person.bought and dice.random() < given.online_share:
            moment = dice.uniform(*given.person_s) + (dice.uniform(*given.captcha_person_s) if guarded else 0.0)
            clicks.append((moment, len(clicks), person))
    return [who for _moment, _n, who in sorted(clicks, key=lambda click: click[:2])]


def _sell(city: City, stock: list[int], *, fixed_names: bool) -> int:
    """A held time goes to a buyer under the buyer's name; where names are fixed it cannot."""
    sold = 0
    for person in city.searching:
        if fixed_names or not stock:
            break
        if person.bought and person.got is None:
            person.got = stock.pop(0)
            sold += 1
    return sold


def by_need(given: Assumptions, seed: int) -> Mapping[str, float]:
    """Requests all week; on Friday the list closes, and next week's times are given out by the rule."""
    city, trader, tally = City(given, seed), Trader(given), Tally()
    invented: list[Person] = []
    for week in range(given.weeks):
        counted = week >= given.settling_weeks
        for day in range(week * 7, week * 7 + 5):
            city.arrive(day)
        friday = week * 7 + 4
        city.leave(friday)
        city.order(friday, trader, ["real name", "false deadline"])
        tries = round(trader.stock_tries * 5)
        trader.income -= (given.contact_cost + given.forgery_cost) * tries
        invented = [p for p in invented if p.got is None and friday - p.made < given.patience_days]
        invented += [_invent(city, friday, f"F{week:03}{n:04}") for n in range(tries)]
        for person in city.searching:
            _check(city, person, friday)
        asking = [p for p in [*city.searching, *invented] if p.is_checked]
        for person in _allot(given, seed, week, friday, asking):
            tally.given += counted
            tally.unused += counted * person.is_invented  # nobody can take the place of who does not exist
            tally.to_bots += counted * (person.is_invented or person.claimed is not None)
            tally.paid_in_vain += counted * (bool(person.bought) and person.claimed is None)
        for kind in trader.belief:
            trader.tell(kind, city.searching, friday)
        trader.end_week()
    return _end(city, tally)


def _invent(city: City, day: int, ident: str) -> Person:
    """A person who does not exist, with papers that say it is urgent."""
    passes = city.dice.random() < city.assumptions.accepts_false
    return Person(ident, day, day, True, False, made=day, is_checked=passes, is_invented=True, claimed=day)


def _check(city: City, person: Person, day: int) -> None:
    """Staff compare with the document. Who is caught with a false one begins again, alone and at the end."""
    given, dice = city.assumptions, city.dice
    if person.bought == "false deadline" and person.claimed is None and person.pays:
        person.pays = False
        if dice.random() < given.accepts_false:
            person.claimed, person.is_checked = day, True
        else:
            person.made, person.is_checked = day + 1, False
    elif not person.is_checked and day >= person.made:
        person.is_checked = dice.random() >= given.refuses_right


def _allot(given: Assumptions, seed: int, week: int, friday: int, asking: list[Person]) -> list[Person]:
    people = {person.id: person for person in asking}
    closes_on = _FIRST + timedelta(days=friday)
    terms = Terms(
        run=f"{seed}/{week}",
        service="residence",
        closes_on=closes_on,
        class_days=_CLASS_DAYS,
        seed_source="simulated",
        seed_at=datetime.combine(closes_on, time(20), UTC),
    )
    requests = [
        Request(
            id=person.id,
            made_on=_FIRST + timedelta(days=person.made),
            deadline=_FIRST + timedelta(days=person.deadline if person.claimed is None else person.claimed),
        )
        for person in asking
    ]
    slots = {
        f"{day}-{n}": (day, n) for day in range(friday + 3, friday + 8) for n in range(given.slots_per_day)
    }  # Monday to Friday of the next week
    times = [_slot(ident, day, n) for ident, (day, n) in slots.items()]
    served = []
    for place in rank(close(terms, times, requests), f"{seed} {week}").places:
        if place.slot is not None:
            person = people[place.id]
            person.got = slots[place.slot][0]
            served.append(person)
    return served


def _slot(ident: str, day: int, n: int) -> Slot:
    starts_at = datetime.combine(_FIRST + timedelta(days=day), time(8), UTC) + timedelta(minutes=20 * n)
    return Slot(id=ident, office="only", starts_at=starts_at, ends_at=starts_at + timedelta(minutes=20))


def _end(city: City, tally: Tally) -> Mapping[str, float]:
    """Of people who came in the counted weeks, early enough to be served or to give up."""
    given = city.assumptions
    last = given.weeks * 7 - given.patience_days
    for person in city.people:
        if given.settling_weeks * 7 <= person.arrived < last:
            tally.people += 1
            tally.urgent += person.is_urgent
            if person.got is None:
                tally.unserved += 1
                continue
            tally.waits.append(person.got - person.arrived)
            tally.urgent_in_time += person.is_urgent and person.got <= person.deadline
    return tally.figures()


def compare(given: Assumptions, seeds: Sequence[int]) -> Mapping[str, Mapping[str, float]]:
    """Means over the seeds, by way of giving out."""
    ways: Mapping[str, Callable[[int], Mapping[str, float]]] = {
        "first_click": lambda seed: first_click(given, seed),
        "first_click_guarded": lambda seed: first_click(given, seed, guarded=True),
        "by_need": lambda seed: by_need(given, seed),
        "by_need_stubborn_traders": lambda seed: by_need(replace(given, traders_give_up=False), seed),
    }
    return {name: _mean([way(seed) for seed in seeds]) for name, way in ways.items()}


def _mean(runs: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    return {key: round(sum(run[key] for run in runs) / len(runs), 4) for key in runs[0]}

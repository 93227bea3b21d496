"""The rule: class of the deadline, then days waited, then the draw; slots in the order of ranks. The same input gives the same result."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date

from booking.allocation.canonical import list_bytes, sha256
from booking.allocation.model import ClosedList, Listed, Place, Request, Result, Slot, Terms

_DRAW = "schalter-allocation-draw/1"


def deadline_class(deadline: date | None, terms: Terms) -> int:
    """1 for the most urgent. A deadline that has passed is urgent, too; none is the last class."""
    if deadline is None:
        return terms.classes
    left = (deadline - terms.closes_on).days
    return next((number for number, limit in enumerate(terms.class_days, 1) if left <= limit), terms.classes)


def close(terms: Terms, slots: Iterable[Slot], requests: Iterable[Request]) -> ClosedList:
    """Sorted, each person once. From here on nothing is looked up any more."""
    listed = [
        Listed(
            id=request.id,
            deadline_class=deadline_class(request.deadline, terms),
            waited_days=max(0, (terms.closes_on - request.made_on).days),  # whole days: within one day nobody is first
            offices=request.offices,
            windows=tuple(sorted(request.windows)),
            teams=request.teams,
        )
        for request in count_once(requests)
    ]
    in_time = sorted(slots, key=lambda slot: (slot.starts_at, slot.office, slot.id))
    return ClosedList(terms, tuple(in_time), tuple(sorted(listed, key=lambda request: request.id)))


def count_once(requests: Iterable[Request]) -> list[Request]:
    """Of requests that share a person, directly or through others, the oldest: so a second one gains neither time nor a second lot."""
    oldest_first = sorted(requests, key=lambda request: (request.made_on, request.id))
    group_of: dict[bytes, set[bytes]] = {}
    for request in oldest_first:
        joined = set(request.persons).union(*(group_of.get(key, ()) for key in request.persons))
        for key in joined:
            group_of[key] = joined
    seen: set[bytes] = set()
    counted = []
    for request in oldest_first:
        if not request.persons & seen:
            counted.append(request)
        for key in request.persons:
            seen |= group_of[key]
    return counted


def draw(run: str, seed: str, request_id: str) -> str:
    """A request's lot. Of the run as well, so that one public draw serves several runs; of nothing that others could change."""
    return hashlib.sha256("\n".join((_DRAW, run, seed, request_id)).encode()).hexdigest()


def normal_seed(typed: str) -> str:
    """Words of letters and digits, small, numbers without leading zeros, one blank between: whoever types it in has no form to choose."""
    for _ in range(2):  # letters of a mathematical script become capitals only once they are normal
        typed = unicodedata.normalize("NFKC", typed.casefold())
    words = re.findall(r"[^\W_]+", typed)
    return " ".join(word.lstrip("0") or "0" if word.isdecimal() else word for word in words)


def rank(closed: ClosedList, seed: str) -> Result:
    """Everybody's rank and slot. Each takes, of what is left and fits, the earliest: whoever says the truth about wishes does best."""
    run, seed = closed.terms.run, normal_seed(seed)
    lots = {request.id: draw(run, seed, request.id) for request in closed.requests}
    ranked = sorted(closed.requests, key=lambda r: (r.deadline_class, -r.waited_days, lots[r.id], r.id))
    left = list(closed.slots)
    places = []
    for number, request in enumerate(ranked, 1):
        free, slot = len(left), best(request, left)
        if slot is not None:
            left.remove(slot)
        taken = None if slot is None else slot.id
        places.append(Place(rank=number, id=request.id, draw=lots[request.id], slot=taken, free=free))
    return Result(run, sha256(list_bytes(closed)), seed, tuple(places))


def best(request: Listed, slots: Sequence[Slot]) -> Slot | None:
    """The earliest that fits; of several at one moment that of the office wished more."""
    fitting = [slot for slot in slots if fits(request, slot)]
    order = {office: place for place, office in enumerate(request.offices)}
    return min(fitting, key=lambda s: (s.starts_at, order.get(s.office, 0), s.office, s.id), default=None)


def fits(request: Listed, slot: Slot) -> bool:
    if slot.team and slot.team not in request.teams:
        return False
    if request.offices and slot.office not in request.offices:
        return False
    return not request.windows or any(window.holds(slot.starts_at, slot.ends_at) for window in request.windows)

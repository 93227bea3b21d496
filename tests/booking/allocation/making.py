"""Requests, slots and terms with everything defaulted, and Hypothesis strategies of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from booking.allocation.model import ClosedList, Listed, Request, Slot, Terms, Window

BERLIN = ZoneInfo("Europe/Berlin")
CLOSES_ON = date(2026, 11, 27)
MORNINGS = Window((1, 2, 3, 4, 5), time(8), time(12))
OFFICES = ("auslaenderbehoerde", "servicepoint")


def terms(**changes: object) -> Terms:
    fields: dict[str, object] = {
        "run": "5f0c8a52-5b7e-4a0e-9d2f-0d7c3a1b2c3d",
        "service": "aufenthaltstitel-verlaengern",
        "closes_on": CLOSES_ON,
        "class_days": (7, 21, 42),
        "seed_source": "Lotto 6 aus 49, Ziehung am 28.11.2026",
        "seed_at": datetime(2026, 11, 28, 18, 25, tzinfo=UTC),
    }
    return Terms(**{**fields, **changes})  # type: ignore[arg-type]


def request(ident: str, *, days_left: int | None = None, waited: int = 0, **changes: object) -> Request:
    fields: dict[str, object] = {
        "made_on": CLOSES_ON - timedelta(days=waited),
        "deadline": None if days_left is None else CLOSES_ON + timedelta(days=days_left),
        "persons": frozenset({ident.encode()}),
    }
    return Request(id=ident, **{**fields, **changes})  # type: ignore[arg-type]


def slot(ident: str, day: int, hour: int, minute: int = 0, office: str = OFFICES[0]) -> Slot:
    starts_at = datetime(2026, 12, day, hour, minute, tzinfo=BERLIN)
    return Slot(id=ident, office=office, starts_at=starts_at, ends_at=starts_at + timedelta(minutes=20))


ids = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=4, max_size=4)
windows = st.builds(
    Window,
    st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days))),
    st.sampled_from((time(7), time(8, 30))),
    st.sampled_from((time(12), time(18))),
)
wishes = st.permutations(OFFICES).flatmap(lambda o: st.integers(0, len(o)).map(lambda n: tuple(o[:n])))
listed = st.builds(
    Listed,
    id=ids,
    deadline_class=st.integers(1, 4),
    waited_days=st.integers(0, 3),
    offices=wishes,
    windows=st.lists(windows, max_size=2, unique=True).map(lambda found: tuple(sorted(found))),
)
requests = st.lists(
    st.builds(
        Request,
        id=ids,
        made_on=st.dates(CLOSES_ON - timedelta(days=4), CLOSES_ON),
        deadline=st.none() | st.dates(CLOSES_ON - timedelta(days=9), CLOSES_ON + timedelta(days=60)),
        offices=wishes,
        windows=st.lists(windows, max_size=2, unique=True).map(tuple),
        persons=st.sets(st.binary(min_size=1, max_size=1), max_size=2).map(frozenset),
    ),
    max_size=12,
    unique_by=lambda made: made.id,
)
slots = st.lists(
    st.builds(slot, ids, st.integers(1, 5), st.integers(7, 17), st.sampled_from((0, 20, 40)), st.sampled_from(OFFICES)),
    max_size=6,
    unique_by=lambda made: made.id,
)
seeds = st.text(min_size=1, max_size=12)
lists = st.builds(
    lambda found, times: ClosedList(
        terms(),
        tuple(sorted(times, key=lambda s: (s.starts_at, s.office, s.id))),
        tuple(sorted(found, key=lambda r: r.id)),
    ),
    st.lists(listed, max_size=10, unique_by=lambda made: made.id),
    slots,
)

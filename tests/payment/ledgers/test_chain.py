"""The chain by property: what was made link by link holds; with any one thing changed, the first wrong link is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from payment.ledgers.chain import GENESIS, Walk, canonical, day_root, link
from payment.ledgers.model import Broken, ClosedDay, Fault, Record, Seal

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
ACCOUNTS = ("psp_clearing", "received_in_advance", "revenue:fees", "refund_payable", "bank")
CENTS = st.integers(1, 10**7)


@st.composite
def chains(draw: st.DrawFn) -> list[Seal]:
    previous, made = GENESIS, []
    for seq in range(1, draw(st.integers(1, 8)) + 1):
        cents, accounts = draw(CENTS), draw(st.lists(st.sampled_from(ACCOUNTS), min_size=2, max_size=2, unique=True))
        at = START + timedelta(hours=draw(st.integers(0, 72)), microseconds=draw(st.integers(0, 999_999)))
        record = Record(
            id=100 + seq,
            kind=draw(st.sampled_from(["fee", "refund", "earned"])),
            payment_id=draw(st.none() | st.uuids()),
            refund_id=draw(st.none() | st.uuids()),
            reverses=draw(st.none() | st.integers(1, 99)),
            at=at,
            business_day=at.date(),
            currency=draw(st.sampled_from([None, "EUR", "CHF"])),
            entries=((2 * seq, accounts[0], cents), (2 * seq + 1, accounts[1], -cents)),
        )
        made.append(
            Seal(seq=seq, journal_id=record.id, previous_sha256=previous, sha256=link(previous, record), record=record)
        )
        previous = made[-1].sha256
    return made


def walked(chain: list[Seal]) -> Broken | None:
    walk = Walk()
    return next(filter(None, map(walk.step, chain)), None)


@given(chains())
def test_what_was_linked_holds(chain: list[Seal]) -> None:
    assert walked(chain) is None


@given(chains(), st.data())
def test_one_change_is_found_where_it_is(chain: list[Seal], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(chain) - 1))
    seal = chain[place]
    record = seal.record
    assert record is not None
    (first_id, account, cents), second = record.entries
    changes = {
        "id": replace(record, id=record.id + 1),
        "kind": replace(record, kind=f"{record.kind}x"),
        "payment": replace(record, payment_id=UUID(int=7)),
        "refund": replace(record, refund_id=UUID(int=8)),
        "reverses": replace(record, reverses=(record.reverses or 0) + 100),
        "at": replace(record, at=record.at + timedelta(microseconds=1)),
        "day": replace(record, business_day=record.business_day + timedelta(days=1)),
        "currency": replace(record, currency="USD"),
        "account": replace(record, entries=((first_id, f"{account}2", cents), second)),
        "cents": replace(record, entries=((first_id, account, cents + 1), second)),
        "order": replace(record, entries=(second, record.entries[0])),
    }
    changed = changes[data.draw(st.sampled_from(sorted(changes)))]
    spoilt = [*chain[:place], replace(seal, record=changed), *chain[place + 1 :]]
    assert walked(spoilt) == Broken(fault=Fault.CHANGED, seq=seal.seq, journal_id=seal.journal_id)
    gone = [*chain[:place], replace(seal, record=None), *chain[place + 1 :]]
    assert walked(gone) == Broken(fault=Fault.JOURNAL_GONE, seq=seal.seq, journal_id=seal.journal_id)
    if place < len(chain) - 1:
        assert walked([*chain[:place], *chain[place + 1 :]]) == Broken(fault=Fault.GAP, seq=seal.seq)


def test_the_text_that_is_hashed() -> None:
    record = Record(
        id=12,
        kind="fee",
        payment_id=UUID(int=1),
        refund_id=None,
        reverses=None,
        at=datetime(2026, 12, 1, 10, 0, 0, 5, tzinfo=UTC),
        business_day=date(2026, 12, 1),
        currency="EUR",
        entries=((31, "psp_clearing", 1300), (32, "received_in_advance", -1300)),
    )
    assert canonical(record).decode() == (
        "journal\t12\tfee\t00000000-0000-0000-0000-000000000001\t-\t-\t2026-12-01T10:00:00.000005Z\t2026-12-01\tEUR\n"
        "entry\t31\tpsp_clearing\t1300\n"
        "entry\t32\treceived_in_advance\t-1300\n"
    )


@given(chains())
def test_the_root_of_a_day_hangs_on_each_of_its_seals_and_on_the_days_before(chain: list[Seal]) -> None:
    walk = Walk()
    assert not any(map(walk.step, chain))
    closed, root = [], GENESIS
    for day in sorted(walk.by_day):
        root = day_root(root, day, walk.by_day[day])
        closed.append(
            ClosedDay(
                day=day,
                closed_at=START,
                closed_by=1,
                by="",
                journals=len(walk.by_day[day]),
                last_seq=0,
                root_sha256=root,
            )
        )
    assert walk.days(closed, {}) is None
    assert walk.days(closed, {one.day: one.root_sha256 for one in closed}) is None
    last = closed[-1]
    other = [*closed[:-1], replace(last, root_sha256=bytes(32))]
    assert walk.days(other, {}) == Broken(fault=Fault.DAY, day=last.day)
    more = [*closed[:-1], replace(last, journals=last.journals + 1)]
    assert walk.days(more, {}) == Broken(fault=Fault.DAY_COUNT, day=last.day)

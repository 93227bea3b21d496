"""Reductions by rule: what they take off, what a folder may say of them, and that a version keeps its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.clock import SettableClock
from base.db import Database
from booking.catalogue.import_format import parse
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.importing import import_catalogue
from booking.catalogue.reductions import Charge, Claimed, Per, Reduction, ReductionKind, Saving, best, saved
from tests.booking.catalogue.folders import MINI, MORNING, changed, folder, raw

REDUCED: Mapping[str, str] = {
    **MINI,
    "reductions.csv": """\
key,name_de,kind,value,per,services,groups,valid_from,valid_until,rank,proof_de,legal_basis_de,source
card,Karte,percent,50,person,ausweis,,,,1,die Karte,§ 2,test
family,Familie,fixed,500,case,,citizen,,,2,die Familienkarte,§ 3,test
child,Kind,exempt,,person,ausweis,,,,3,die Geburtsurkunde,§ 4,test
""",
}
LINE = "card,Karte,percent,50,person,ausweis,,,,1,die Karte,§ 2,test"


def rule(
    ident: int, kind: ReductionKind, value: int = 0, *, per: Per = Per.PERSON, services: Sequence[int] = (1,)
) -> Reduction:
    return Reduction(
        id=ident,
        key=f"r{ident}",
        name={"de": f"R{ident}"},
        kind=kind,
        value=value,
        per=per,
        rank=ident,
        services=frozenset(services),
        proof={"de": "?"},
        legal_basis={"de": "§"},
    )


HALF, CHILD = rule(1, ReductionKind.PERCENT, 50), rule(2, ReductionKind.EXEMPT)
FIVE = rule(3, ReductionKind.FIXED, 500, per=Per.CASE, services=(1, 2))


def fee(cents: int, quantity: int = 1, service: int = 1) -> Charge:
    return Charge(service_id=service, quantity=quantity, each_cents=cents)


class TestWhatTheyTakeOff:
    @pytest.mark.parametrize(
        ("charges", "claimed", "left"),
        [
            ([fee(3701)], [Claimed(HALF)], 1850),  # half a cent goes to the citizen
            ([fee(3700)], [Claimed(CHILD)], 0),
            ([fee(3700)], [Claimed(HALF), Claimed(CHILD)], 0),  # never both: the better one
            ([fee(3700, 3)], [Claimed(HALF, 1), Claimed(CHILD, 1)], 1850 + 3700),
            ([fee(3700, 2)], [Claimed(HALF, 2), Claimed(CHILD, 1)], 1850),
            ([fee(1000), fee(700, 1, 2)], [Claimed(FIVE)], 1200),
            ([fee(300), fee(700, 1, 2)], [Claimed(FIVE)], 500),
            ([fee(300)], [Claimed(FIVE)], 0),
            ([fee(1200)], [Claimed(HALF), Claimed(FIVE)], 600),
            ([fee(800)], [Claimed(HALF), Claimed(FIVE)], 300),
            ([fee(1000)], [Claimed(HALF), Claimed(FIVE)], 500),
            ([fee(1000, 1, 2)], [Claimed(HALF)], 1000),  # not for this service
        ],
    )
    def test_examples(self, charges: list[Charge], claimed: list[Claimed], left: int) -> None:
        assert sum(one.cents for one in charges) - saved(best(charges, claimed)) == left

    def test_of_equals_the_lower_rank_counts(self) -> None:
        twin = rule(0, ReductionKind.FIXED, 500, per=Per.CASE)
        assert [one.reduction_id for one in best([fee(1000)], [Claimed(FIVE), Claimed(twin)])] == [0]


rules = st.builds(
    lambda kind, value, per, services: (kind, value if kind is ReductionKind.PERCENT else 37 * value, per, services),
    st.sampled_from(list(ReductionKind)),
    st.integers(1, 99),
    st.sampled_from(list(Per)),
    st.sets(st.integers(1, 3), min_size=1).map(sorted),
)
visits = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 4)), min_size=1, max_size=3).map(
    lambda found: [fee(cents, quantity, place + 1) for place, (cents, quantity) in enumerate(found)]
)
claims = st.lists(st.tuples(rules, st.integers(1, 4)), max_size=4).map(
    lambda found: [
        Claimed(rule(n, kind, 0 if kind is ReductionKind.EXEMPT else value, per=per, services=services), persons)
        for n, ((kind, value, per, services), persons) in enumerate(found)
    ]
)


@given(visits, claims)
def test_never_below_nothing_never_above_the_fee_and_nothing_twice(
    charges: list[Charge], claimed: list[Claimed]
) -> None:
    off = best(charges, claimed)
    for charge in charges:
        mine = [one for one in off if one.service_id == charge.service_id]
        assert 0 <= sum(one.cents for one in mine) <= charge.cents
        assert sum(one.units for one in mine) <= charge.quantity
    assert all(one.cents > 0 and one.units > 0 for one in off)
    whole = sum(one.cents for one in charges)
    lines = [charge.cents - sum(one.cents for one in off if one.service_id == charge.service_id) for charge in charges]
    assert sum(lines) == whole - saved(off)


@given(visits, claims)
def test_no_other_way_leaves_less(charges: list[Charge], claimed: list[Claimed]) -> None:
    """Every unit is given to every person's reduction in turn, or the visit to one; none of it is better."""
    single = [one for one in claimed if one.reduction.per is Per.PERSON]
    of_services = []
    for charge in charges:
        if charge.quantity > 3:
            return
        fitting = [None, *(one for one in single if charge.service_id in one.reduction.services)]
        most = 0
        for given_out in product(fitting, repeat=charge.quantity):
            if all(given_out.count(one) <= one.persons for one in fitting if one is not None):
                most = max(most, sum(one.reduction.off(charge.each_cents) for one in given_out if one is not None))
        of_services.append(most)
    ways = [sum(of_services)]
    for one in claimed:
        if one.reduction.per is Per.CASE:
            ways.append(_alone(charges, one.reduction))
    assert saved(best(charges, claimed)) == max(ways)


def _alone(charges: Sequence[Charge], one: Reduction) -> int:
    mine = [charge for charge in charges if charge.service_id in one.services]
    if one.kind is ReductionKind.FIXED:
        return min(one.value, sum(charge.cents for charge in mine))
    return sum(charge.quantity * one.off(charge.each_cents) for charge in mine)


@given(visits, claims)
def test_who_loses_a_claim_never_pays_less(charges: list[Charge], claimed: list[Claimed]) -> None:
    for n in range(len(claimed)):
        assert saved(best(charges, claimed[:n] + claimed[n + 1 :])) <= saved(best(charges, claimed))


class TestTheFile:
    def test_it_is_read(self) -> None:
        draft = parse(raw(REDUCED), MORNING)
        assert draft.reductions is not None
        assert [(one.key, one.kind, one.value, one.per) for one in draft.reductions] == [
            ("card", ReductionKind.PERCENT, 50, Per.PERSON),
            ("family", ReductionKind.FIXED, 500, Per.CASE),
            ("child", ReductionKind.EXEMPT, 0, Per.PERSON),
        ]

    @pytest.mark.parametrize(
        ("new", "column", "code"),
        [
            (LINE.replace("percent", "gift"), "kind", "reduction_kind"),
            (LINE.replace("person", "family"), "per", "reduction_per"),
            (LINE.replace("ausweis", ""), "services", "reduction_for_nothing"),
            (LINE.replace("ausweis", "segelschein"), "services", "unknown_reference"),
            (LINE.replace("ausweis,", ",boats"), "groups", "unknown_reference"),
            (LINE.replace("percent,50", "percent,"), "value", "missing"),
            (LINE.replace("percent,50", "percent,100"), "value", "bad_number"),
            (LINE.replace("percent,50", "exempt,50"), "value", "exempt_with_value"),
            (LINE.replace(",die Karte,", ",,"), "proof_de", "missing"),
            (LINE.replace(",§ 2,", ",,"), "legal_basis_de", "missing"),
            (
                LINE.replace(",,,,1,", ",,2027-02-01,2027-01-01,1,"),
                "valid_until",
                "ends_before_start",
            ),
            (LINE.replace("card", "family"), "valid_from", "overlap"),
            (LINE.replace(",1,die", ",0,die"), "rank", "bad_number"),
        ],
    )
    def test_wrong_lines(self, new: str, column: str, code: str) -> None:
        with pytest.raises(ImportRefused) as refused:
            parse(raw(changed("reductions.csv", LINE, new, REDUCED)), MORNING)
        found = [(one.column, one.code) for one in refused.value.errors if one.file == "reductions.csv"]
        assert found == [(column, code)]


async def versions(db: Database) -> list[tuple[str, int, bool]]:
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT key, value, isempty(valid) AS gone FROM reduction ORDER BY id")
    return [tuple(row) for row in rows]


async def test_a_version_keeps_its_terms(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    clock.set(MORNING)
    dry = await import_catalogue(db, folder(tmp_path, REDUCED), clock, is_dry=True)
    assert [str(one) for one in dry.difference or () if one.kind == "reduction"] == [
        "+ reduction card always",
        "+ reduction child always",
        "+ reduction family always",
    ]
    assert await versions(db) == []
    for _ in range(2):
        await import_catalogue(db, folder(tmp_path, REDUCED), clock)
        assert await versions(db) == [("card", 50, False), ("family", 500, False), ("child", 0, False)]
    dearer = changed("reductions.csv", LINE, LINE.replace(",50,", ",40,"), REDUCED)
    await import_catalogue(db, folder(tmp_path, dearer), clock)
    assert (await versions(db))[0] == ("card", 50, True)
    assert (await versions(db))[-1] == ("card", 40, False)
    ending = changed("reductions.csv", ",,,2,die Fam", ",,2026-12-31,2,die Fam", dearer)
    await import_catalogue(db, folder(tmp_path, ending), clock)
    assert len(await versions(db)) == 4
    async with db.connection() as conn:
        assert str(await conn.fetchval("SELECT upper(valid) FROM reduction WHERE key = 'family'")) == "2027-01-01"
        assert await conn.fetchval("SELECT cardinality(services) FROM reduction WHERE key = 'family'") == 2
    await import_catalogue(db, folder(tmp_path / "without", MINI), clock)
    assert [one[2] for one in await versions(db)] == [True, False, False, False]  # left out: what the city has stays
    nobody = {**MINI, "reductions.csv": REDUCED["reductions.csv"].splitlines()[0] + "\n"}
    await import_catalogue(db, folder(tmp_path, nobody), clock)
    assert {one[2] for one in await versions(db)} == {True}


def test_a_saving_says_what_it_is_for() -> None:
    assert best([fee(3700, 3)], [Claimed(HALF, 2)]) == (Saving(HALF.id, 1, 2, 3700),)

"""What a service asks: which answers fit, what a folder may say, and that it reaches the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.clock import SettableClock
from base.db import Database
from booking.catalogue.import_format import parse
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.importing import import_catalogue
from booking.catalogue.questions import Choice, Kind, Question, check
from booking.catalogue.usecases import Catalogue
from tests.booking.catalogue.folders import MINI, MORNING, changed, folder, raw

ASKING: Mapping[str, str] = {
    **MINI,
    "questions.csv": """\
service,key,text_de,text_en,kind,choices,choices_de,choices_en,required,condition,kept_days
ausweis,why,Warum?,Why?,choice,lost old,verloren|abgelaufen,lost|expired,yes,,14
ausweis,where,Wo verloren?,,text,,,,yes,why=lost,14
ausweis,photo,Haben Sie ein Foto?,,yesno,,,,no,,3
""",
}


def question(ident: int, kind: Kind, *, required: bool = False, after: tuple[str, str] | None = None) -> Question:
    return Question(
        id=ident,
        service_id=1,
        key=f"q{ident}",
        text={"de": "?"},
        kind=kind,
        choices=(Choice("a", {"de": "A"}), Choice("b", {"de": "B"})) if kind is Kind.CHOICE else (),
        is_required=required,
        condition_key=after[0] if after else None,
        condition_value=after[1] if after else None,
        kept_days=14,
    )


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.TEXT, "Straße 1", "x" * 501),
        (Kind.TEXT, "zwei\r\nZeilen", "a\u202eb"),
        (Kind.CHOICE, "b", "c"),
        (Kind.YESNO, "no", "nein"),
        (Kind.DATE, "2028-02-29", "2027-02-29"),
        (Kind.DATE, "2026-12-01", "20261201"),
        (Kind.NUMBER, "0", "-1"),
        (Kind.NUMBER, "999999999", "1.5"),
    ],
)
def test_what_fits_a_kind(kind: Kind, good: str, bad: str) -> None:
    assert check([question(1, kind)], {1: good}) == ({1: " ".join(good.split())}, {})
    answers, wrong = check([question(1, kind)], {1: bad})
    assert (answers, set(wrong)) == ({}, {1})


def test_what_must_be_answered_and_what_need_not() -> None:
    asked = [question(1, Kind.TEXT, required=True), question(2, Kind.TEXT)]
    answers, wrong = check(asked, {1: "  ", 2: ""})
    assert (answers, set(wrong)) == ({}, {1})


def test_a_condition_decides_over_those_that_follow_it() -> None:
    asked = [
        question(1, Kind.YESNO),
        question(2, Kind.CHOICE, required=True, after=("q1", "yes")),
        question(3, Kind.TEXT, required=True, after=("q2", "a")),
    ]
    assert check(asked, {1: "no", 2: "a", 3: "x"}) == ({1: "no"}, {})
    assert set(check(asked, {1: "yes"})[1]) == {2}
    assert set(check(asked, {1: "yes", 2: "a"})[1]) == {3}
    assert check(asked, {1: "yes", 2: "b", 3: "x"}) == ({1: "yes", 2: "b"}, {})


@given(
    st.dictionaries(
        st.integers(1, 5), st.text("a b\n\u0301\u202e1", max_size=12) | st.sampled_from(["a", "yes", "2026-01-01", "7"])
    )
)
def test_what_was_kept_is_right_again(said: dict[int, str]) -> None:
    asked = [question(place, kind) for place, kind in enumerate(Kind, 1)]
    answers, wrong = check(asked, said)
    assert not answers.keys() & wrong.keys()
    assert check(asked, answers) == (answers, {})


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("ausweis,photo", "pass,photo", (4, "service", "unknown_reference")),
        ("yesno", "maybe", (4, "kind", "bad_choice")),
        ("lost old", "", (2, "choices", "choices_of_choice")),
        ("lost old", "lost lost", (2, "choices", "duplicate")),
        ("verloren|abgelaufen", "verloren", (2, "choices_de", "choices_differ")),
        ("lost|expired", "lost", (2, "choices_en", "choices_differ")),
        ("why=lost", "why", (3, "condition", "bad_condition")),
        ("why=lost", "why=stolen", (3, "condition", "unknown_reference")),
        ("why=lost", "photo=yes", (3, "condition", "unknown_reference")),
        ("ausweis,photo", "ausweis,why", (4, "key", "duplicate")),
        ("no,,3", "no,,0", (4, "kept_days", "bad_number")),
        ("no,,3", "no,,", (4, "kept_days", "missing")),
    ],
)
def test_what_is_wrong_is_named_by_its_line(old: str, new: str, where: tuple[int, str, str]) -> None:
    with pytest.raises(ImportRefused) as refused:
        parse(raw(changed("questions.csv", old, new, ASKING)), MORNING)
    found = [(one.line, one.column, one.code) for one in refused.value.errors if one.file == "questions.csv"]
    assert where in found


async def test_what_is_asked_comes_and_goes_with_the_folder(db: Database, clock: SettableClock, tmp_path: Path) -> None:
    clock.set(MORNING)
    await import_catalogue(db, folder(tmp_path / "one", ASKING), clock, horizon_days=7)
    catalogue = Catalogue(db, clock, poll_s=0)

    async def asked() -> list[tuple[str, str, int]]:
        now = await catalogue.snapshot()
        [service] = [one for one in now.services.values() if one.key == "ausweis"]
        return [(one.key, one.kind, one.kept_days) for one in now.asked_for([service.id, service.id])]

    assert await asked() == [("why", "choice", 14), ("where", "text", 14), ("photo", "yesno", 3)]
    again = await import_catalogue(db, folder(tmp_path / "one", ASKING), clock, horizon_days=7, is_dry=True)
    assert again.difference == ()
    fewer = changed("questions.csv", "ausweis,photo,Haben Sie ein Foto?,,yesno,,,,no,,3\n", "", ASKING)
    plan = await import_catalogue(db, folder(tmp_path / "two", fewer), clock, horizon_days=7, is_dry=True)
    assert [str(one) for one in plan.difference or ()] == ["- question ausweis photo"]
    await import_catalogue(db, folder(tmp_path / "two", fewer), clock, horizon_days=7)
    assert [key for key, *_ in await asked()] == ["why", "where"]
    await import_catalogue(db, folder(tmp_path / "three", MINI), clock, horizon_days=7)  # without the file: as it was
    assert [key for key, *_ in await asked()] == ["why", "where"]

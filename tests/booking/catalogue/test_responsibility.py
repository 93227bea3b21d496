"""Whose name belongs to which counters, and that nobody is left out."""

from __future__ import annotations

from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking.catalogue.import_format import parse
from booking.catalogue.import_report import ImportRefused
from booking.catalogue.responsibility import Lines, initials, nobodys, read_postcode, read_range
from tests.booking.catalogue.folders import MINI, MORNING, raw

HEAD = "service,office,counters,letters,postcodes,kind,kind_de\n"


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Müller", "mue"),
        ("von Ähre", "aeh"),
        ("van der Meer", "mee"),
        ("O'Neil", "one"),
        ("ßen", "sse"),
        ("Łukasz", "luk"),
        ("Al", "al"),
        ("Xu", "xu"),
        ("山田", ""),
        ("", ""),
    ],
)
def test_the_letters_by_which_a_name_is_sorted(name: str, letters: str) -> None:
    assert initials(name) == letters


@given(st.text())
def test_whatever_is_typed(name: str) -> None:
    found = initials(name)
    assert len(found) <= 3
    assert set(found) <= set(ascii_lowercase)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("A-K", ("a", "k")),
        ("L-Sch", ("l", "sch")),
        ("Z", ("z", "z")),
        ("Ä-B", ("ae", "b")),
        ("K-A", None),
        ("-", None),
        ("A-B-C", None),
        ("Abcd", None),
        ("1-2", None),
        ("A–K", ("a", "k")),
        ("A\u2011K", ("a", "k")),
        ("A-K,L", None),
        ("A K", None),
    ],
)
def test_a_range_as_people_write_it(text: str, read: tuple[str, str] | None) -> None:
    assert read_range(text) == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("70173", "70173"),
        (" 70 173 ", "70173"),
        ("D-70173", "70173"),
        ("1011 ab", "1011AB"),
        ("7017", "7017"),
        ("Mitte", ""),
        ("<b>", ""),
        ("7", ""),
    ],
)
def test_a_postcode_as_people_type_it(typed: str, read: str) -> None:
    assert read_postcode(typed) == read


def test_a_line_covers_what_it_asks_and_nothing_that_was_not_said() -> None:
    line = Lines("l", "sch", frozenset({"70173"}), "study")
    assert line.covers("sch", "70173", "study")
    assert line.covers("mue", "70173", "study")
    assert not line.covers("se", "70173", "study")
    assert not line.covers("", "70173", "study")
    assert not line.covers("mue", "70174", "study")
    assert not line.covers("mue", "70173", "")


@given(st.text(ascii_lowercase, min_size=1, max_size=3), st.text(ascii_lowercase, min_size=1, max_size=3))
def test_who_is_left_out_is_found(first: str, last: str) -> None:
    if first > last.ljust(3, "z"):
        return
    one = Lines(first, last)
    for letters in nobodys([one]):
        assert not one.covers(letters, "", "")
    if (first, last) != ("a", "z"):
        assert (list(nobodys([one])) == []) == all(
            one.covers(f"{a}{b}{c}", "", "") for a in "az" for b in "az" for c in "az"
        )


def codes(lines: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ImportRefused) as caught:
        parse({**raw(MINI), "responsibility.csv": (HEAD + lines).encode()}, MORNING)
    return [(error.line, error.column, error.code) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ("SERVICE,rathaus,desk-1,K-A,,,\n", (2, "letters", "bad_letters")),
        ("SERVICE,rathaus,desk-1,,,,\n", (2, "letters", "says_nothing")),
        ("SERVICE,rathaus,desk-1,,7,,\n", (2, "postcodes", "bad_postcode")),
        ("nothing,rathaus,desk-1,A-Z,,,\n", (2, "service", "unknown_reference")),
        ("SERVICE,rathaus,desk-9,A-Z,,,\n", (2, "counters", "unknown_reference")),
        ("SERVICE,rathaus,desk-1 desk-2,A-K,,,\n", (2, "letters", "leaves_somebody")),
        ("SERVICE,rathaus,desk-1 desk-2,,70173,,\n", (2, "postcodes", "leaves_somebody")),
        ("SERVICE,rathaus,desk-1,,,one,Eins\nSERVICE,rathaus,desk-2,,,one,Zwei\n", (3, "kind_de", "kind_differs")),
    ],
)
def test_wrong_lines_are_named(lines: str, wrong: tuple[int, str, str]) -> None:
    draft = parse(raw(MINI), MORNING)
    desk = next(counter for counter in draft.counters if counter.key == "desk-1")
    only_desks = next(
        service.key
        for service in draft.services
        if draft.serves(desk, service) and not any(draft.serves(c, service) for c in draft.counters if c.kind != "desk")
    )
    assert wrong in codes(lines.replace("SERVICE", only_desks))

"""Kept answers: what a client unpacks is what was kept, byte for byte, and what was used longest ago goes first."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.web.kept import Answer, Kept, Stencil, accepts_gzip


@dataclass(frozen=True)
class Blob:
    size: int


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=5), st.binary(min_size=1, max_size=80))
def test_a_packed_page_is_the_plain_page(pieces: list[bytes], key: bytes) -> None:
    gap = b"\x00GAP\x00" * 3
    page = gap.join(piece.replace(b"\x00", b"") for piece in pieces)
    stencil = Stencil(page, gap)
    assert stencil.plain(key) == page.replace(gap, key)
    assert gzip.decompress(stencil.packed(key)) == page.replace(gap, key)


def test_a_packed_page_is_small() -> None:
    page = b"<li>09:00</li>" * 2000 + b"GAP" + b"<li>10:00</li>" * 2000
    assert len(Stencil(page, b"GAP").packed(b"k" * 36)) < 600


def test_an_answer_is_the_same_packed_and_plain() -> None:
    answer = Answer.of(b'{"slots":[]}' * 100, "application/json")
    assert gzip.decompress(answer.packed) == answer.plain
    assert answer.etag == Answer.of(answer.plain, "application/json").etag != Answer.of(b"{}", "application/json").etag


def test_the_entry_used_longest_ago_goes_first() -> None:
    kept: Kept[Blob] = Kept(most_bytes=33)
    kept.keep("a", Blob(9))
    kept.keep("b", Blob(9))
    kept.keep("a", Blob(10))
    kept.keep("c", Blob(10))
    assert [address for address in "abc" if kept.get(address)] == ["a", "b", "c"]
    kept.keep("d", Blob(10))
    assert [address for address in "abcd" if kept.get(address)] == ["b", "c", "d"]
    kept.keep("e", Blob(500))  # larger than all: then it is alone
    assert [address for address in "abcde" if kept.get(address)] == ["e"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [("gzip, deflate, br", True), ("GZIP", False), ("", False), ("gzip; q=0", False), ("br, gzip;q=0.5", True)],
)
def test_who_takes_packed_answers(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected

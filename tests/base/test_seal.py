"""Sealed fields open only in their place, look-ups are stable, tokens cannot be guessed from ids."""

from __future__ import annotations

import pytest

from base.seal import Sealer, Unsealable, new_token, same, token_sha256

SECRET = "0123456789abcdef0123456789abcdef"


def test_a_sealed_text_opens_in_its_place_only() -> None:
    sealer = Sealer(SECRET)
    sealed = sealer.seal("kim@example.org", "person.email:1")
    assert b"kim" not in sealed
    assert sealer.open(sealed, "person.email:1") == "kim@example.org"
    for context, raw in [
        ("person.email:2", sealed),
        ("person.email:1", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        ("person.email:1", b"\x02" + sealed[1:]),
    ]:
        with pytest.raises(Unsealable):
            sealer.open(raw, context)
    with pytest.raises(Unsealable):
        Sealer(SECRET[::-1]).open(sealed, "person.email:1")


def test_the_same_text_is_sealed_differently_but_found_again() -> None:
    sealer = Sealer(SECRET)
    assert sealer.seal("a", "x") != sealer.seal("a", "x")
    assert sealer.look_up(" Kim@Example.org", "email") == sealer.look_up("kim@example.org", "email")
    assert sealer.look_up("kim@example.org", "email") != sealer.look_up("kim@example.org", "mobile")


def test_tokens() -> None:
    assert len({new_token() for _ in range(1000)}) == 1000
    assert len(new_token()) == 43
    assert len(token_sha256("x")) == 32
    sealer = Sealer(SECRET)
    assert sealer.mac("hold:1") == Sealer(SECRET).mac("hold:1") != sealer.mac("hold:2")
    assert same("a", "a")
    assert not same("a", "b")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Sealer("short")

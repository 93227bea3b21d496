"""The stream of messages for one browser: what is kept, for how long, and when it can go on."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video.signalling.session import KEPT_MOST, KEPT_S, Session


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def session(seconds: Seconds, said: int = 0) -> Session:
    made = Session(uuid4(), 1, 1, seconds)
    for n in range(said):
        made.say("delta", n=n)
    return made


def numbers(made: Session, after: int = 0) -> list[int]:
    return [one.seq for one in made.after(after)]


def test_what_is_not_acknowledged_can_be_sent_again(seconds: Seconds) -> None:
    made = session(seconds, said=5)
    made.acknowledge(2)
    assert numbers(made) == [3, 4, 5]
    assert [made.can_go_on_after(seq) for seq in range(7)] == [False, False, True, True, True, True, False]


def test_it_is_kept_for_a_minute(seconds: Seconds) -> None:
    made = session(seconds, said=1)
    seconds.now = KEPT_S + 1
    made.say("delta")
    assert numbers(made) == [2]
    assert not made.can_go_on_after(0)


def test_a_browser_that_never_acknowledges_costs_little(seconds: Seconds) -> None:
    assert len(session(seconds, said=KEPT_MOST + 10).after(0)) == KEPT_MOST


def test_an_aside_has_no_number_and_is_not_kept(seconds: Seconds) -> None:
    made = session(seconds)
    assert json.loads(made.aside("pong", re=1))["seq"] is None
    assert numbers(made) == []


@given(said=st.integers(0, 30), acknowledged=st.integers(0, 30), asked=st.integers(0, 40))
def test_where_it_can_go_on_nothing_is_missing(said: int, acknowledged: int, asked: int) -> None:
    made = session(Seconds(), said)
    made.acknowledge(acknowledged)
    if made.can_go_on_after(asked):
        assert numbers(made, asked) == list(range(asked + 1, said + 1))

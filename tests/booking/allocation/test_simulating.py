"""What the simulation shows, and that it is the mechanism that shows it: without the check, or with prize, the bots are back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from booking.allocation.market import Assumptions
from booking.allocation.simulating import by_need, first_click
from server.__main__ import main

GIVEN = Assumptions()
SEEDS = range(1, 9)


@pytest.mark.parametrize("seed", SEEDS)
def test_by_need_bots_get_next_to_nothing_and_the_urgent_are_served(seed: int) -> None:
    figures, clicked = by_need(GIVEN, seed), first_click(GIVEN, seed)
    assert figures["bot_share"] <= 0.01
    assert figures["urgent_in_time"] >= 0.95 > clicked["urgent_in_time"]
    assert clicked["bot_share"] >= 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_captcha_and_limits_do_not_take_the_prize_away(seed: int) -> None:
    """Names are fixed, so stock is worth nothing; whoever books in the buyer's name still clicks first."""
    assert first_click(GIVEN, seed, guarded=True)["bot_share"] >= 0.1


def test_without_the_look_at_documents_false_deadlines_win() -> None:
    assert by_need(replace(GIVEN, accepts_false=1.0), 1)["bot_share"] > 0.1


def test_without_buyers_only_probes_are_left() -> None:
    honest = replace(GIVEN, pays_share=0.0, stock_per_day=0.0, probe_per_week=0.0)
    assert first_click(honest, 1)["bot_share"] == by_need(honest, 1)["bot_share"] == 0.0


def test_the_same_seed_gives_the_same_figures() -> None:
    assert by_need(GIVEN, 3) == by_need(GIVEN, 3)
    assert by_need(GIVEN, 3) != by_need(GIVEN, 4)


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert main(["simulate", "allocation", "--seeds", "1", "--json", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:12].strip() for line in lines[1:5]] == ["first click", "first click,", "by need", "by need, tra"]
    found = json.loads(file.read_text())
    assert found["figures"]["by_need"] == dict(by_need(GIVEN, 1))
    assert found["assumptions"]["price"] == 50.0

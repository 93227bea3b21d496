"""A benchmark that reports less than was planted, or more, has failed; it does not only say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.money import shortfall


def test_all_that_was_planted_is_no_shortfall() -> None:
    assert shortfall({"reconcile_precision": 1.0, "reconcile_recall": 1.0, "reconcile_growth": 0.5}) is None


@pytest.mark.parametrize("name", ["reconcile_precision", "reconcile_times_10_recall"])
def test_a_hair_less_is_one(name: str) -> None:
    assert name in (shortfall({name: 0.9999, "reconcile_month_s": 3.0}) or "")


@pytest.mark.parametrize(("recall", "status"), [(1.0, 0), (0.9999, 1)])
def test_the_command_fails_with_it(
    recall: float, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measure(url: str) -> dict[str, list[float]]:
        return {"reconcile_precision": [1.0], "reconcile_recall": [recall]}

    monkeypatch.setattr(bench, "GROUPS", {"money": measure})
    monkeypatch.setattr(bench, "WITHOUT_DATABASE", ("money",))
    monkeypatch.setattr(bench, "BUILD", tmp_path)
    monkeypatch.setenv("ONLY", "money")
    assert bench.main() == status
    assert ("reconcile_recall" in capsys.readouterr().err) == bool(status)

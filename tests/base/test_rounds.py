"""What fails does not keep the others from their turn."""

from __future__ import annotations

import logging

import pytest

from base.rounds import each

log = logging.getLogger(__name__)


async def test_each_has_its_turn_and_what_fails_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def work(n: int) -> bool:
        if n == 2:
            raise ValueError(n)
        return n < 4

    with caplog.at_level(logging.ERROR):
        done = await each([1, 2, 3, 4], work, log=log, failed="work.failed", named=lambda n: {"number": str(n)})
    assert done == 2
    assert [(one.getMessage(), vars(one)["number"]) for one in caplog.records] == [("work.failed", "2")]

"""What a treasury wrote down is understood whole, or named where it is wrong; the example of the decision record is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from payment.exports.batch import Profile
from payment.exports.profile import understood

ADR = Path(__file__).parents[3] / "docs" / "adr" / "0056-batches-for-the-treasury.md"


def test_the_example_that_is_written_down() -> None:
    found = re.search(r"```json\n(.*?)```", ADR.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    profile = understood(found[1].encode())
    assert profile.items.columns == ("voucher", "kassenzeichen", "day", "product", "cents")
    assert profile.totals.widths == (10, 30, 14)
    assert profile.datev is not None
    assert profile.datev.number_of("revenue:fees") == "8200"


def test_nothing_said_is_the_usual_form() -> None:
    assert understood(b"{}") == Profile()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"{", "line 1"),
        (b"[]", "dictionary|instance"),
        (b'{"sap": {}}', "sap"),
        (b'{"items": {"delimeter": ";"}}', "delimeter"),
        (b'{"items": {"delimiter": "ab"}}', "delimiter"),
        (b'{"items": {"columns": ["net"]}}', "net"),
        (b'{"items": 1}', "items"),
        (b'{"datev": {"client": 1, "accounts": {}}}', "consultant"),
        (b'{"datev": {"consultant": 1, "client": 1, "accounts": {}}}', "numbers of DATEV"),
    ],
)
def test_what_is_wrong_is_named(content: bytes, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        understood(content)

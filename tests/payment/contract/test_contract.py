"""The traces of the sandboxes are golden: what the product sends, and what it relies on in an answer, changes only on purpose."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.golden import check_golden
from tests.payment.contract.__main__ import TRACES, played, text
from tests.payment.contract.scenarios import Scenario, paid_and_given_back
from tests.payment.contract.traces import differences
from tests.payment.contract.vendors import Vendor, stripe_sandbox, vendors

ALL = [(vendor, scenario) for vendor in vendors({}) for scenario in vendor.scenarios]


@pytest.mark.parametrize(
    ("vendor", "scenario"), ALL, ids=[f"{vendor.name}-{scenario.__name__}" for vendor, scenario in ALL]
)
async def test_a_sandbox_says_what_it_always_said(vendor: Vendor, scenario: Scenario) -> None:
    first, again = await played(vendor.sandbox, scenario), await played(vendor.sandbox, scenario)
    assert first == again  # nothing of the moment is in a trace
    check_golden(TRACES / vendor.name / "sandbox" / f"{scenario.__name__}.json", text(first))
    kept = TRACES / vendor.name / "vendor" / f"{scenario.__name__}.json"
    if kept.exists():  # from the day on which somebody with access has run `make contract`
        assert list(differences(first, json.loads(kept.read_text(encoding="utf-8")))) == []


async def test_a_trace_names_nobody_and_holds_no_key() -> None:
    said = text(await played(stripe_sandbox, paid_and_given_back))
    assert "sk_test" not in said
    assert "city.example" not in said


async def test_what_a_vendor_says_otherwise_is_reported() -> None:
    ours = await played(stripe_sandbox, paid_and_given_back)
    theirs: list[dict[str, Any]] = deepcopy(ours)
    theirs[0]["types"]["livemode_hint"] = "bool"  # more is no difference
    assert list(differences(ours, theirs)) == []
    theirs[1]["facts"]["payment_status"] = "no_payment_required"
    theirs[2]["status"] = 200
    del theirs[3]["types"]["charge"]
    assert [one.split(":")[0] for one in differences(ours, theirs)] == [
        "2. GET /v1/checkout/sessions/<cs 1>",
        "3. POST /v1/checkout/sessions/<cs 1>/expire",
        "4. POST /v1/refunds",
    ]
    assert next(iter(differences(ours, theirs[:-1]))).endswith("there")


def test_a_live_key_is_refused() -> None:
    with pytest.raises(ValueError, match="no test key"):
        vendors({"STRIPE_TEST_KEY": "sk_" + "live_x"})

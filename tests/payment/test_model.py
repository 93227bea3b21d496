"""The statuses are the schema's, and the graph is the one in the picture."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import pytest

from base.migrate import FOLDER
from payment.ledger import IN_ADVANCE, PSP_CLEARING, REFUND_PAYABLE, REVENUE
from payment.model import (
    TRANSITIONS,
    Event,
    IllegalTransition,
    PaymentEvent,
    PaymentStatus,
    RefundEvent,
    RefundReason,
    RefundStatus,
    Status,
    advance,
)
from tests.golden import check_golden

SCHEMA = "".join(
    (FOLDER / name).read_text(encoding="utf-8")
    for name in ("0005_payment.sql", "0010_till.sql", "0025_moved_refund.sql", "0060_books.sql", "0071_lapsed.sql")
)
PICTURE = Path(__file__).parents[2] / "docs" / "payment-states.md"

INTRODUCTION = """# What may become of a payment and of a refund

Printed from `payment.model.TRANSITIONS` by `tests/payment/test_model.py`. An edge that is not here is an error.
Words on the edges are what a look at the provider told, or what we did. A look that was overtaken by a later one changes
nothing (`payment.decide`). A payment that is paid stays paid; what is given back is told by its refunds. A refund that failed
stays failed; one by rule whose failure may pass is followed by another refund (`payment.decide.RETRIES`).
"""


@pytest.mark.parametrize(
    ("constraint", "enum"),
    [
        ("payment_status", PaymentStatus),
        ("refund_status", RefundStatus),
        ("refund_reason", RefundReason),
    ],
)
def test_enum_equals_the_check_list_of_the_schema(constraint: str, enum: type[StrEnum]) -> None:
    listed = re.findall(rf"CONSTRAINT {constraint} CHECK \(\w+ IN \(([^)]*)\)", SCHEMA)
    assert re.findall(r"'(\w+)'", listed[-1]) == [member.value for member in enum]  # the last migration counts


@pytest.mark.parametrize("account", [IN_ADVANCE, PSP_CLEARING, f"{REVENUE}fees", REFUND_PAYABLE])
def test_the_schema_knows_our_accounts(account: str) -> None:
    *_, latest = re.findall(r"CONSTRAINT entry_account CHECK \(account ~ \(?((?:\s*(?:\|\|)?\s*'[^']*')+)\)", SCHEMA)
    assert re.fullmatch("".join(re.findall(r"'([^']*)'", latest)), account)


def test_every_other_edge_is_an_error() -> None:
    pairs: list[tuple[Status, Event]] = [
        *itertools.product(PaymentStatus, PaymentEvent),
        *itertools.product(RefundStatus, RefundEvent),
    ]
    assert set(TRANSITIONS) <= set(pairs)
    walk: Callable[[Status, Event], Status] = cast("Any", advance)
    for status, event in pairs:
        if (status, event) in TRANSITIONS:
            assert walk(status, event) is TRANSITIONS[status, event]
        else:
            with pytest.raises(IllegalTransition):
                walk(status, event)


def test_nothing_leads_out_of_paid_and_failed() -> None:
    assert not [status for status, _ in TRANSITIONS if status in (PaymentStatus.PAID, RefundStatus.FAILED)]


def test_every_status_can_be_reached() -> None:
    reached = {*TRANSITIONS.values(), PaymentStatus.INTENDED, RefundStatus.REQUESTED}
    assert reached == {*PaymentStatus, *RefundStatus}


def picture(kind: type[Status], start: Status) -> str:
    edges = [
        f"    {status.value} --> {after.value}: {event.value}"
        for (status, event), after in TRANSITIONS.items()
        if isinstance(status, kind)
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {start.value}", *edges, "```"])


def test_the_picture_shows_the_graph() -> None:
    text = "\n".join(
        [
            INTRODUCTION,
            "## Payment\n",
            picture(PaymentStatus, PaymentStatus.INTENDED),
            "\n## Refund\n",
            picture(RefundStatus, RefundStatus.REQUESTED),
            "",
        ]
    )
    check_golden(PICTURE, text)

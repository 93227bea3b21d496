"""The statuses are the schema's, and the graph is the one in the picture."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from base.db import Database, get_one
from payment.graph import IllegalTransition
from payment.ledger import (
    BANK,
    DISPUTE_LOSS,
    DISPUTED,
    IN_ADVANCE,
    PSP_CLEARING,
    REFUND_PAYABLE,
    REVENUE,
    TRANSFER_PAYABLE,
    WAIVED_REFUNDS,
    JournalKind,
)
from payment.model import (
    TRANSITIONS,
    DisputeEvent,
    DisputeStatus,
    Event,
    PaymentEvent,
    PaymentStatus,
    PayoutEvent,
    PayoutStatus,
    RefundEvent,
    RefundReason,
    RefundStatus,
    Status,
    advance,
)
from payment.provider_records.model import Payout, followed
from payment.transfers import states as transfers
from tests.golden import check_golden
from tests.payment.making import NOW

PICTURE = Path(__file__).parents[2] / "docs" / "payment-states.md"

INTRODUCTION = """# What may become of a payment, of a refund, of a dispute, of a payout and of a transfer

Printed from `TRANSITIONS` of `payment.model` and `payment.transfers.states` by `tests/payment/test_model.py`. An edge that is
not here is an error.
Words on the edges are what a look at the provider told, or what we did. A look that was overtaken by a later one changes
nothing (`payment.decide`). What is reserved is taken, or let go, by one order that is given once (ADR 61). A payment that is paid
stays paid; what is given back is told by its refunds. A refund that failed stays failed, or a lost dispute overtakes it (ADR 72); one
by rule whose failure may pass is followed by another refund (`payment.decide.RETRIES`), any other becomes a transfer order (ADR 64). A
dispute is a row of its own; while it is open a refund waits, and one that a lost dispute has paid back is overtaken
(`payment.decide_dispute`).
A payout begins as what the provider calls it first; a later word that does not follow is kept beside the status, and is a difference
(`payment.provider_records.model.followed`).
"""


@pytest.mark.parametrize(
    ("constraint", "enum"),
    [
        ("payment_status", PaymentStatus),
        ("refund_status", RefundStatus),
        ("refund_reason", RefundReason),
        ("dispute_status", DisputeStatus),
        ("provider_payout_status", PayoutStatus),
        ("journal_kind", JournalKind),
    ],
)
async def test_enum_equals_the_check_list_of_the_schema(db: Database, constraint: str, enum: type[StrEnum]) -> None:
    assert sorted(re.findall(r"'(\w+)'", await rule(db, constraint))) == sorted(enum)


@pytest.mark.parametrize(
    "account",
    [
        *(IN_ADVANCE, PSP_CLEARING, f"{REVENUE}fees", REFUND_PAYABLE, DISPUTED, DISPUTE_LOSS, BANK),
        *(TRANSFER_PAYABLE, WAIVED_REFUNDS),
    ],
)
async def test_the_schema_knows_our_accounts(db: Database, account: str) -> None:
    names = re.findall(r"'([^']*)'", await rule(db, "entry_account"))
    assert re.fullmatch("".join(names), account)


async def rule(db: Database, name: str) -> str:
    """As it is in force after all migrations, whichever of them said it last."""
    async with db.connection() as conn:
        return await get_one(conn, str, "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1", name)


def test_every_other_edge_is_an_error() -> None:
    pairs: list[tuple[Status, Event]] = [
        *itertools.product(PaymentStatus, PaymentEvent),
        *itertools.product(RefundStatus, RefundEvent),
        *itertools.product(DisputeStatus, DisputeEvent),
        *itertools.product(PayoutStatus, PayoutEvent),
    ]
    assert set(TRANSITIONS) <= set(pairs)
    assert len(TRANSITIONS) == sum(pair in TRANSITIONS for pair in pairs)  # no edge of one kind is another kind's too
    walk: Callable[[Status, Event], Status] = cast("Any", advance)
    for status, event in pairs:
        if (status, event) in TRANSITIONS:
            assert walk(status, event) is TRANSITIONS[status, event]
        else:
            with pytest.raises(IllegalTransition):
                walk(status, event)


def test_nothing_leads_out_of_what_is_final() -> None:
    final = (
        PaymentStatus.PAID,
        RefundStatus.OVERTAKEN,
        DisputeStatus.WON,
        DisputeStatus.LOST,
        PayoutStatus.FAILED,
        PayoutStatus.CANCELED,
    )
    assert not [status for status, _ in TRANSITIONS if any(status is one for one in final)]  # two kinds have a `failed`
    failed = [after for (status, _), after in TRANSITIONS.items() if status is RefundStatus.FAILED]
    assert failed == [RefundStatus.OVERTAKEN]  # a lost dispute pays back what had failed


def test_every_status_can_be_reached() -> None:
    reached = {
        *TRANSITIONS.values(),
        PaymentStatus.INTENDED,
        RefundStatus.REQUESTED,
        DisputeStatus.INQUIRY,
        PayoutStatus.UNKNOWN,
    }
    assert reached == {*PaymentStatus, *RefundStatus, *DisputeStatus, *PayoutStatus}


def picture(kind: type[Status], start: Status) -> str:
    return drawn([edge for edge in TRANSITIONS.items() if isinstance(edge[0][0], kind)], start)


def drawn(graph: Iterable[tuple[tuple[StrEnum, StrEnum], StrEnum]], start: StrEnum) -> str:
    edges = [f"    {status.value} --> {after.value}: {event.value}" for (status, event), after in graph]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {start.value}", *edges, "```"])


def test_the_picture_shows_the_graph() -> None:
    text = "\n".join(
        [
            INTRODUCTION,
            "## Payment\n",
            picture(PaymentStatus, PaymentStatus.INTENDED),
            "\n## Refund\n",
            picture(RefundStatus, RefundStatus.REQUESTED),
            "\n## Dispute\n",
            picture(DisputeStatus, DisputeStatus.INQUIRY),
            "\n## Payout\n",
            picture(PayoutStatus, PayoutStatus.PENDING),
            "\n## Transfer order\n",
            drawn(transfers.TRANSITIONS.items(), transfers.TransferStatus.ASKED),
            "",
        ]
    )
    check_golden(PICTURE, text)


async def test_the_schema_lets_a_payout_go_where_the_graph_does(db: Database) -> None:
    """Around the code: every pair of statuses, by direct SQL."""
    sql = """
        INSERT INTO provider_payout (provider, id, version, status, word, amount_cents, currency, created_at, arrival_on, trace,
                                     descriptor, can_be_listed, raw, seen_at)
        VALUES ('stripe', $1, $2, $3, $3, 1, 'EUR', now(), current_date, '', '', false, '{}', now())"""
    allowed = {(was, to) for (was, _event), to in TRANSITIONS.items() if isinstance(was, PayoutStatus)}

    async def second(ident: str, to: PayoutStatus) -> None:
        async with db.transaction() as conn:
            await conn.execute(sql, ident, 2, to)

    for was, to in itertools.product(PayoutStatus, PayoutStatus):
        async with db.transaction() as conn:
            await conn.execute(sql, f"{was}-{to}", 1, was)
        step = partial(second, f"{was}-{to}", to)
        if (was, to) in allowed or was is to:
            await step()
            continue
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as caught:
            await step()
        assert caught.value.constraint_name == "provider_payout_step"


@pytest.mark.parametrize("before", [None, *PayoutStatus])
@pytest.mark.parametrize("seen", PayoutStatus)
def test_a_word_that_does_not_follow_moves_nothing(before: PayoutStatus | None, seen: PayoutStatus) -> None:
    payout = Payout(
        id="po_1", status=seen, word="word", amount_cents=1, currency="EUR", created_at=NOW, arrival_on=NOW.date()
    )
    after = followed(before, payout)
    follows = seen is not PayoutStatus.UNKNOWN and (
        before in (None, seen) or any(was is before and to is seen for (was, _), to in TRANSITIONS.items())
    )
    assert (after.status, after.refused) == ((seen, "") if follows else (before or seen, "word"))

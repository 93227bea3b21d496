"""Stripe's balance transactions and payouts in our words. Pure; JSON objects in, our values out.

Source: docs.stripe.com/api/balance_transactions, docs.stripe.com/api/payouts, docs.stripe.com/reports/reporting-categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from payment.model import PayoutStatus
from payment.provider_records.model import Payout, Transaction, TransactionKind
from payment.stripe_words import own_id

Json = Mapping[str, Any]
_K = TransactionKind

# By reporting category, not by type: type "adjustment" mixes disputes, their reversals and failed refunds.
KINDS: Mapping[str, TransactionKind] = {
    "charge": _K.CHARGE,
    "partial_capture_reversal": _K.CHARGE,  # of what was authorised and not taken
    "refund": _K.REFUND,
    "refund_failure": _K.REFUND_FAILED,
    "dispute": _K.DISPUTE,
    "dispute_reversal": _K.DISPUTE_REVERSED,
    "payout": _K.PAYOUT,
    "payout_reversal": _K.PAYOUT_FAILED,
}
_STATUSES: Mapping[str, PayoutStatus] = {one.value: one for one in PayoutStatus if one is not PayoutStatus.UNKNOWN}


def transaction(row: Json) -> Transaction:
    """Of a balance transaction with its source expanded."""
    source, word = row.get("source"), str(row.get("reporting_category"))
    if not isinstance(source, Mapping):
        source = {"id": source} if source else {}
    return Transaction(
        id=row["id"],
        kind=KINDS.get(word, _K.OTHER),
        word=word,
        amount_cents=row["amount"],
        fee_cents=row["fee"],
        currency=str(row["currency"]).upper(),
        created_at=_moment(row["created"]),
        available_at=_moment(row["available_on"]),
        source_id=str(source.get("id") or ""),
        charge_id=source.get("payment_intent"),
        payment_id=own_id(source, "payment_id"),
        refund_id=own_id(source, "refund_id"),
        method=str((source.get("payment_method_details") or {}).get("type") or ""),
        raw={**row, "source": source.get("id")},
    )


def payout(row: Json) -> Payout:
    word = str(row.get("status"))
    trace = row.get("trace_id") or {}
    return Payout(
        id=row["id"],
        status=_STATUSES.get(word, PayoutStatus.UNKNOWN),
        word=word,
        amount_cents=row["amount"],
        currency=str(row["currency"]).upper(),
        created_at=_moment(row["created"]),
        arrival_on=_moment(row["arrival_date"]).date(),  # midnight UTC of that day
        trace=str(trace.get("value") or ""),
        descriptor=row.get("statement_descriptor") or "",
        failure=row.get("failure_code"),
        can_be_listed=bool(row.get("automatic")) and row.get("reconciliation_status") == "completed",
        raw=dict(row),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

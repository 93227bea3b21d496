"""What each call takes, as tables. Names and enums are a part of `stripe.params.*Params`; a test compares.

The enums hold only what the sandbox plays: euros, some methods, payment mode.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    max_length: int = 5000
    choices: tuple[str, ...] = ()
    required: bool = False
    is_url: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    minimum: int | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    required: bool = False


@dataclass(frozen=True, slots=True)
class Metadata:
    """At most 50 keys of 40 characters, values of 500 (docs.stripe.com/api/metadata)."""

    required: bool = False


@dataclass(frozen=True, slots=True)
class Several:
    item: "Kind"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    fields: Mapping[str, "Kind"]
    required: bool = False
    or_whole: bool = False  # `created` is a range or one number


Kind = Text | Whole | Truth | Metadata | Several | Fields

_RANGE = Fields({name: Whole() for name in ("gt", "gte", "lt", "lte")}, or_whole=True)
_EXPAND = Several(Text())
_PAGE: dict[str, Kind] = {
    "created": _RANGE,
    "limit": Whole(),
    "starting_after": Text(),
    "ending_before": Text(),
    "expand": _EXPAND,
}
_PRICE = Fields(
    {
        "currency": Text(choices=("eur",), required=True),
        "unit_amount": Whole(minimum=0, required=True),
        "product_data": Fields(
            {"name": Text(required=True), "description": Text(), "metadata": Metadata()}, required=True
        ),
    },
    required=True,
)
SESSION_CREATE = Fields(
    {
        "mode": Text(choices=("payment",), required=True),
        "ui_mode": Text(choices=("hosted_page",)),
        "line_items": Several(Fields({"price_data": _PRICE, "quantity": Whole(minimum=1)}), required=True),
        "success_url": Text(required=True, is_url=True),
        "cancel_url": Text(is_url=True),
        "expires_at": Whole(),
        "client_reference_id": Text(max_length=200),
        "customer_email": Text(max_length=800),
        "customer_creation": Text(choices=("always", "if_required")),
        "locale": Text(choices=("auto", "de", "en")),
        "submit_type": Text(choices=("auto", "book", "pay")),
        "origin_context": Text(choices=("mobile_app", "web")),
        "billing_address_collection": Text(choices=("auto", "required")),
        "adaptive_pricing": Fields({"enabled": Truth()}),
        "allowed_payment_method_types": Several(Text(choices=("card", "paypal", "sepa_debit"))),
        "payment_intent_data": Fields(
            {
                "capture_method": Text(choices=("automatic", "automatic_async", "manual")),
                "description": Text(max_length=1000),
                "metadata": Metadata(),
                "receipt_email": Text(max_length=800),
                "statement_descriptor_suffix": Text(max_length=22),
            }
        ),
        "metadata": Metadata(),
        "expand": _EXPAND,
    }
)
REFUND_CREATE = Fields(
    {
        "amount": Whole(minimum=1),
        "charge": Text(),
        "payment_intent": Text(),
        "reason": Text(choices=("duplicate", "fraudulent", "requested_by_customer")),
        "metadata": Metadata(),
        "expand": _EXPAND,
    }
)
EVIDENCE = (  # texts, and ids of files; a part of what Stripe takes
    "access_activity_log",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "uncategorized_file",
    "uncategorized_text",
)
DISPUTE_UPDATE = Fields(
    {
        "evidence": Fields({name: Text(max_length=20_000) for name in EVIDENCE}),
        "submit": Truth(),
        "metadata": Metadata(),
        "expand": _EXPAND,
    }
)
INTENT_CAPTURE = Fields({"amount_to_capture": Whole(minimum=1), "expand": _EXPAND})
INTENT_CANCEL = Fields(
    {
        "cancellation_reason": Text(choices=("abandoned", "duplicate", "fraudulent", "requested_by_customer")),
        "expand": _EXPAND,
    }
)
ONLY_EXPAND = Fields({"expand": _EXPAND})
LISTS = {
    "sessions": Fields({**_PAGE, "payment_intent": Text(), "status": Text(choices=("open", "complete", "expired"))}),
    "payment_intents": Fields(_PAGE),
    "refunds": Fields({**_PAGE, "payment_intent": Text(), "charge": Text()}),
    "events": Fields({**_PAGE, "type": Text(), "types": Several(Text())}),
    "balance_transactions": Fields(
        {**_PAGE, "source": Text(), "payout": Text(), "type": Text(), "currency": Text()},
    ),
    "payouts": Fields(
        {
            **_PAGE,
            "arrival_date": _RANGE,
            "destination": Text(),
            "status": Text(choices=("canceled", "failed", "in_transit", "paid", "pending")),
        }
    ),
    "disputes": Fields({**_PAGE, "charge": Text(), "payment_intent": Text()}),
}

"""Every kind of answer of the Stripe sandbox, and every parameter it knows, against the SDK's own generated types."""

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, get_args, get_origin
from uuid import uuid4

import pytest
import stripe
import stripe.params
import stripe.params.checkout
import typing_extensions
from stripe._stripe_object import StripeObject

from base.money import Money
from payment import stripe_words
from payment.ports import PaymentOrder, RefundOrder
from sandbox.stripe import params
from tests.contract.sdk_types import check_answer, check_list, check_params, hints
from tests.sandbox.running import Sandbox, sandbox, session_body

CLASSES: dict[str, type[StripeObject]] = {
    "checkout.session": stripe.checkout.Session,
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "balance_transaction": stripe.BalanceTransaction,
    "balance": stripe.Balance,
    "payout": stripe.Payout,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
}
KEY = {"Authorization": "Bearer sk_test_contract"}


async def get(box: Sandbox, path: str, **query: str) -> dict[str, Any]:
    async with box.http.get(box.url + path, params=query, headers=KEY) as response:
        assert response.status == 200, await response.text()
        body: dict[str, Any] = await response.json()
        return body


def checked(body: dict[str, Any]) -> dict[str, Any]:
    """The object itself and, of an event, the object it tells about."""
    assert check_answer(body, CLASSES[body["object"]]) == []
    if body["object"] == "event":
        checked(body["data"]["object"])
    return body


def test_the_checker_passes_a_right_refund_and_finds_what_is_wrong() -> None:
    right = {
        "id": "re_1",
        "object": "refund",
        "amount": 1290,
        "created": 1,
        "currency": "eur",
        "status": "succeeded",
        "reason": "duplicate",
        "metadata": {"refund_id": "r-1"},
    }
    assert check_answer(right, stripe.Refund) == []
    wrong_enum = {**right, "reason": "because"}
    assert [line.split(":")[0] for line in check_answer(wrong_enum, stripe.Refund)] == ["refund.reason"]
    missing = {name: value for name, value in right.items() if name != "amount"}
    assert check_answer(missing, stripe.Refund) == ["refund.amount: missing"]
    assert check_answer({**right, "amount": "1290"}, stripe.Refund) == ["refund.amount: '1290' is not int"]
    assert check_answer({**right, "amount": True}, stripe.Refund) == ["refund.amount: True is not int"]
    assert check_answer({**right, "colour": "red"}, stripe.Refund) == ["refund.colour: unknown field"]
    assert check_answer({**right, "metadata": {"a": 1}}, stripe.Refund) == ["refund.metadata.a: 1 is not str"]
    assert check_answer({**right, "object": "charge"}, stripe.Refund) == ["refund.object: 'charge' is none of 'refund'"]


def test_the_checker_sees_nested_objects_and_lists() -> None:
    event = {
        "id": "evt_1",
        "object": "event",
        "created": 1,
        "data": {},
        "livemode": False,
        "pending_webhooks": 0,
        "type": "checkout.session.finished",
    }
    assert [line.split(":")[0] for line in check_answer(event, stripe.Event)] == ["event.data.object", "event.type"]
    assert check_list({"object": "list", "data": [{}], "url": "/", "has_more": False}, stripe.Event) != []
    assert check_list({"object": "list", "data": [], "url": "/"}, stripe.Event) == ["list.has_more: missing or wrong"]


def test_the_checker_reads_request_bodies() -> None:
    wanted = stripe.params.checkout.SessionCreateParams
    assert check_params(session_body(), wanted) == []
    assert check_params(session_body(mode="gift"), wanted)[0].startswith("params.mode: 'gift' is none of")
    assert check_params(session_body(colour="red"), wanted) == ["params.colour: unknown parameter"]
    body = copy.deepcopy(session_body())
    del body["line_items"][0]["price_data"]["currency"]
    assert check_params(body, wanted) == ["params.line_items[0].price_data.currency: missing"]
    assert check_params({"payment_intent": "pi_1", "amount": "5"}, stripe.params.RefundCreateParams) != []


async def test_what_the_product_sends_is_of_the_sdks_types_and_taken() -> None:
    async with sandbox() as box:
        order = PaymentOrder(
            payment_id=uuid4(),
            amount=Money(1290),
            description="Meldebescheinigung",
            language="de",
            return_url="http://127.0.0.1:9/de/back",
            expires_at=box.clock() + timedelta(hours=1),
        )
        body = stripe_words.session_params(order)
        assert check_params(body, stripe.params.checkout.SessionCreateParams) == []
        made = box.machine.create_session(body)
        intent = box.machine.pay(made["id"])["payment_intent"]
        refund = RefundOrder(refund_id=uuid4(), payment_id=order.payment_id, charge_id=intent, amount=Money(1290))
        body = stripe_words.refund_params(refund)
        assert check_params(body, stripe.params.RefundCreateParams) == []
        assert box.machine.create_refund(body)["metadata"]["refund_id"] == str(refund.refund_id)


@pytest.mark.parametrize("early_intents", [True, False])
async def test_every_answer_is_of_the_sdks_types(early_intents: bool) -> None:
    async with sandbox(early_intents=early_intents) as box:
        machine = box.machine
        new = machine.create_session(session_body())["id"]
        checked(await get(box, f"/v1/checkout/sessions/{new}"))
        bare = machine.create_session(
            {key: value for key, value in session_body().items() if key in ("mode", "line_items", "success_url")}
        )
        checked(await get(box, f"/v1/checkout/sessions/{bare['id']}"))
        assert machine.expire_session(bare["id"])["status"] == "expired"

        machine.decline(new, "insufficient_funds")
        machine.start_3ds(new)
        waiting = await get(box, f"/v1/checkout/sessions/{new}")
        checked(await get(box, f"/v1/payment_intents/{waiting['payment_intent']}"))
        machine.finish_3ds(new, passed=False)
        machine.start_3ds(new)
        machine.finish_3ds(new, passed=True)

        paid = checked(await get(box, f"/v1/checkout/sessions/{new}"))
        machine.create_refund({"payment_intent": paid["payment_intent"], "amount": 300, "reason": "duplicate"})
        machine.refund_outcome = "pending"
        waits = machine.create_refund({"payment_intent": paid["payment_intent"], "amount": 200})
        machine.settle_refund(waits["id"])
        machine.fail_refund(waits["id"], "declined")

        disputed = machine.pay(machine.create_session(session_body())["id"])
        charge_id = machine.get("payment_intents", disputed["payment_intent"])["latest_charge"]
        inquiry = machine.dispute(charge_id, inquiry=True)["id"]
        checked(machine.update_dispute(inquiry, {"evidence": {"uncategorized_text": "Er war da."}}))
        checked(machine.decide_dispute(inquiry, won=False))
        checked(machine.decide_dispute(inquiry, won=True))
        machine.methods = ("card", "paypal", "wero", "sepa_debit")
        for name in machine.methods:
            by = machine.pay(machine.create_session(session_body())["id"], name)
            if name == "sepa_debit":
                checked(machine.get("payment_intents", by["payment_intent"]))
                machine.answer(by["id"], paid=early_intents)
            else:
                checked(machine.create_refund({"payment_intent": by["payment_intent"], "amount": 100}))
                if name == "paypal":
                    charge = machine.get("payment_intents", by["payment_intent"])["latest_charge"]
                    checked(machine.dispute(charge))
        for amount in (1290, 600, None):
            by_hand = machine.create_session(session_body(payment_intent_data={"capture_method": "manual"}))
            intent = machine.pay(by_hand["id"])["payment_intent"]
            checked(machine.get("payment_intents", intent))
            checked(
                machine.capture(intent, {"amount_to_capture": amount}) if amount else machine.cancel_intent(intent, {})
            )
        machine.refunds_need_balance = True
        checked(machine.create_refund({"charge": charge_id, "amount": 100}))
        checked(await get(box, "/v1/balance"))
        box.clock.advance(days=4)
        checked(box.machine.pay_out() or {})
        (payout,) = machine.state.rows("payouts")
        machine.payout_arrives(payout["id"])
        machine.fail_payout(payout["id"], "account_closed")
        checked(await get(box, "/v1/balance"))

        found: set[str] = set()
        for path, name in (
            ("/v1/checkout/sessions", "checkout.session"),
            ("/v1/payment_intents", "payment_intent"),
            ("/v1/refunds", "refund"),
            ("/v1/balance_transactions", "balance_transaction"),
            ("/v1/payouts", "payout"),
            ("/v1/disputes", "dispute"),
            ("/v1/events", "event"),
        ):
            page = await get(box, path, limit="100")
            assert check_list(page, CLASSES[name]) == []
            for row in page["data"]:
                checked(row)
                checked(await get(box, f"{path}/{row['id']}"))
                found.add(row.get("type", row["object"]))
        for charge in machine.state.rows("charges"):
            checked(await get(box, f"/v1/charges/{charge['id']}"))
        assert found >= {
            *CLASSES.keys() - {"event", "charge", "balance_transaction", "balance"},
            *("charge", "refund", "refund_failure", "payout", "payout_failure"),  # kinds of balance transactions
            *("checkout.session.completed", "checkout.session.expired", "payment_intent.succeeded"),
            *("payment_intent.payment_failed", "payment_intent.requires_action", "payment_intent.created"),
            *("charge.succeeded", "charge.failed", "charge.refunded"),
            *("dispute", "adjustment", "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
            *("payment", "payment_refund", "charge.pending", "charge.captured", "payment_intent.processing"),
            *("payment_intent.amount_capturable_updated", "payment_intent.canceled"),
            f"checkout.session.async_payment_{'succeeded' if early_intents else 'failed'}",
            *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
            *("payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.reconciliation_completed"),
            *("refund.created", "refund.updated", "refund.failed"),
        }


async def test_expanded_answers_are_of_the_sdks_types() -> None:
    async with sandbox() as box:
        session = box.machine.create_session(session_body())["id"]
        box.machine.pay(session)
        path = f"/v1/checkout/sessions/{session}"
        deep = await get(
            box,
            path,
            **{"expand[0]": "payment_intent.latest_charge.balance_transaction", "expand[1]": "line_items"},
        )
        assert check_answer(deep, stripe.checkout.Session) == []
        charge = deep["payment_intent"]["latest_charge"]
        assert charge["balance_transaction"]["fee"] == 44
        assert deep["line_items"]["data"][0]["price"]["unit_amount"] == 1290
        refund = box.machine.create_refund({"charge": charge["id"]})
        whole = await get(box, f"/v1/refunds/{refund['id']}", **{"expand[]": "charge"})
        assert checked(whole)["charge"]["amount_refunded"] == 1290


TABLES: list[tuple[params.Fields, type]] = [
    (params.SESSION_CREATE, stripe.params.checkout.SessionCreateParams),
    (params.REFUND_CREATE, stripe.params.RefundCreateParams),
    (params.ONLY_EXPAND, stripe.params.checkout.SessionExpireParams),
    (params.LISTS["sessions"], stripe.params.checkout.SessionListParams),
    (params.LISTS["payment_intents"], stripe.params.PaymentIntentListParams),
    (params.LISTS["refunds"], stripe.params.RefundListParams),
    (params.INTENT_CAPTURE, stripe.params.PaymentIntentCaptureParams),
    (params.INTENT_CANCEL, stripe.params.PaymentIntentCancelParams),
    (params.DISPUTE_UPDATE, stripe.params.DisputeUpdateParams),
    (params.LISTS["payouts"], stripe.params.PayoutListParams),
    (params.LISTS["disputes"], stripe.params.DisputeListParams),
    (params.LISTS["events"], stripe.params.EventListParams),
    (params.LISTS["balance_transactions"], stripe.params.BalanceTransactionListParams),
]


@pytest.mark.parametrize(("table", "typed_dict"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_sandbox_takes_no_parameter_the_sdk_does_not_know(table: params.Fields, typed_dict: type) -> None:
    assert list(differences(table.fields, hints(typed_dict), "")) == []


def differences(fields: Mapping[str, params.Kind], known: Mapping[str, Any], path: str) -> Any:
    for name, kind in fields.items():
        if name not in known:
            yield f"{path}{name}: not in the SDK"
            continue
        arms = list(flat(known[name]))
        if isinstance(kind, params.Several):
            arms = [inner for arm in arms if get_origin(arm) is list for inner in flat(get_args(arm)[0])]
            kind = kind.item
        if isinstance(kind, params.Fields):
            nested = [arm for arm in arms if typing_extensions.is_typeddict(arm)]
            yield from (
                differences(kind.fields, hints(nested[0]), f"{path}{name}.") if nested else [f"{path}{name}: flat"]
            )
        elif isinstance(kind, params.Text) and kind.choices:
            values = {value for arm in arms for value in get_args(arm)}
            if values and not values >= set(kind.choices):
                yield f"{path}{name}: {set(kind.choices) - values} not in the SDK"


def flat(hint: Any) -> Any:
    """The arms of a hint, without wrappers and unions."""
    if typing_extensions.is_typeddict(hint) or get_origin(hint) in (None, list, dict, typing_extensions.Literal):
        yield hint
    else:
        for arm in get_args(hint):
            yield from flat(arm)

"""Stripe Checkout through the real SDK: hosted page, own idempotency keys, silence told apart from refusal."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

import aiohttp
import stripe

from payment import stripe_records
from payment import stripe_words as words
from payment.ports import (
    Abilities,
    CaptureOrder,
    DisputeSnapshot,
    OutcomeUnknown,
    PaymentOrder,
    ProviderRefused,
    RefundOrder,
    RefundSnapshot,
    SignatureRefused,
    Snapshot,
    VendorEvent,
)
from payment.provider_records.model import Payout, Transaction
from payment.statement import Statement

API_VERSION = "2026-10-28.endive"  # what stripe_words was written for; raised by hand, together with the SDK
LIVE_API = "https://api.stripe.com"
TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=3)
RETRIES = 1  # after a broken connection or 5xx, with the same key; more would keep a person waiting
TOLERANCE_S = 300
CLOCK_SKEW = timedelta(minutes=5)
_SESSIONS = "/v1/checkout/sessions"
_LIVE_KEYS = ("sk_live_", "rk_live_")


class StripeProvider:
    """`http`: a session of the caller, with his proxy and certificate authorities; he closes it.

    Raises ValueError for a live key on any other address than Stripe's.
    """

    abilities = Abilities(records=True, disputes=True, capture=True)

    def __init__(
        self,
        http: aiohttp.ClientSession,
        *,
        api_key: str,
        webhook_secrets: Sequence[str],
        api_base: str = LIVE_API,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
        retries: int = RETRIES,
    ) -> None:
        if api_key.startswith(_LIVE_KEYS) and api_base.rstrip("/") != LIVE_API:
            raise ValueError(f"a live key of Stripe is not sent to {api_base}")
        self._secrets = tuple(webhook_secrets)
        # The SDK's types know aiohttp's time-out only by a stand-in.
        client = stripe.AIOHTTPClient(timeout=cast("Any", timeout), session=http)
        self._client = stripe.StripeClient(
            api_key,
            http_client=client,
            base_addresses={"api": api_base},
            stripe_version=API_VERSION,
            max_network_retries=retries,
        )
        self._v1 = self._client.v1

    async def create(self, order: PaymentOrder, key: str) -> Snapshot:
        with _changing():
            made = await self._raw("post", _SESSIONS, idempotency_key=key, **words.session_params(order))
        return words.snapshot(made)

    async def fetch(self, session_id: str) -> Snapshot:
        with _reading():
            found = await self._raw("get", f"{_SESSIONS}/{quote(session_id, safe='')}", expand=[words.OF_SESSION])
        return words.snapshot(found)

    async def find(self, payment_id: UUID, created_after: datetime) -> Snapshot | None:
        return words.nearest_to_money(await self._sessions(created_after), payment_id)

    async def changed(self, since: datetime) -> Sequence[Snapshot]:
        return words.own_snapshots(await self._sessions(since))

    async def fence(self, session_id: str) -> None:
        with _changing():
            await self._v1.checkout.sessions.expire_async(session_id)

    async def take(self, order: CaptureOrder, key: str) -> None:
        with _changing():
            params = cast("Any", words.capture_params(order))
            await self._v1.payment_intents.capture_async(order.charge_id, params, {"idempotency_key": key})

    async def let_go(self, charge_id: str, key: str) -> None:
        with _changing():
            await self._v1.payment_intents.cancel_async(charge_id, {}, {"idempotency_key": key})

    async def refund(self, order: RefundOrder, key: str) -> RefundSnapshot:
        with _changing():
            params = cast("Any", words.refund_params(order))
            made = await self._v1.refunds.create_async(params, {"idempotency_key": key})
        return words.refund_snapshot(made.to_dict())

    async def fetch_refund(self, provider_id: str) -> RefundSnapshot:
        with _reading():
            found = await self._v1.refunds.retrieve_async(provider_id)
        return words.refund_snapshot(found.to_dict())

    async def find_refund(self, order: RefundOrder) -> RefundSnapshot | None:
        return words.of_refund(await self._refunds(order.charge_id), order.refund_id)

    async def refunds_of(self, charge_id: str) -> Sequence[RefundSnapshot]:
        return [words.refund_snapshot(refund) for refund in await self._refunds(charge_id)]

    async def fetch_dispute(self, provider_id: str) -> DisputeSnapshot:
        with _reading():
            found = await self._v1.disputes.retrieve_async(provider_id, {"expand": [words.EXPANDED]})
        return words.dispute_snapshot(found.to_dict())

    async def disputes_of(self, charge_id: str) -> Sequence[DisputeSnapshot]:
        return await self._disputes({"payment_intent": charge_id})

    async def disputes_since(self, since: datetime) -> Sequence[DisputeSnapshot]:
        return await self._disputes({"created": {"gte": int((since - CLOCK_SKEW).timestamp())}})

    async def statement(self, start: datetime, end: datetime) -> Statement:
        """Stripe's times are whole seconds, and so are the ends of days."""
        created = _between(start, end)
        rows = await self._balance({"created": created})
        sessions = words.own_snapshots(await self._listed_sessions(created))
        return Statement(tuple(sessions), tuple(words.movement(row) for row in rows))

    async def transactions(self, start: datetime, end: datetime) -> Sequence[Transaction]:
        return await self._transactions({"created": _between(start, end)})

    async def parts(self, payout_id: str) -> Sequence[Transaction]:
        found = await self._transactions({"payout": payout_id})
        return [one for one in found if one.source_id != payout_id]

    async def payouts(self, start: datetime, end: datetime) -> Sequence[Payout]:
        with _reading():
            first = await self._v1.payouts.list_async({"created": _between(start, end), "limit": 100})
            return [stripe_records.payout(row.to_dict()) async for row in first.auto_paging_iter()]

    async def _transactions(self, filters: Any) -> list[Transaction]:
        return [stripe_records.transaction(row) for row in await self._balance(filters)]

    async def _balance(self, filters: Any) -> list[dict[str, Any]]:
        with _reading():
            first = await self._v1.balance_transactions.list_async(
                cast("Any", {**filters, "limit": 100, "expand": ["data.source"]})
            )
            return [row.to_dict() async for row in first.auto_paging_iter()]

    def parse_event(self, headers: Mapping[str, str], raw: bytes) -> VendorEvent:
        """Any of the secrets will do, so that one can be replaced without losing a message."""
        signature = headers.get("Stripe-Signature", "")
        for secret in self._secrets:
            try:
                stripe.WebhookSignature.verify_header(raw, signature, secret, TOLERANCE_S)
                return words.vendor_event(json.loads(raw))
            except stripe.SignatureVerificationError:
                continue
            except (ValueError, KeyError, TypeError, AttributeError):  # signed, or not text at all, but no event
                break
        raise SignatureRefused

    async def _raw(self, method: str, path: str, **params: Any) -> Mapping[str, Any]:
        """As JSON: of every paid booking there are two such answers, and the SDK's objects cost more than all the rest of a call."""
        answer: Mapping[str, Any] = (await self._client.raw_request_async(method, path, **params)).data
        return answer

    async def _refunds(self, charge_id: str) -> list[dict[str, Any]]:
        with _reading():
            first = await self._v1.refunds.list_async({"payment_intent": charge_id, "limit": 100})
            return [refund.to_dict() async for refund in first.auto_paging_iter()]

    async def _disputes(self, which: Any) -> list[DisputeSnapshot]:
        with _reading():
            params: Any = {**which, "limit": 100, "expand": [f"data.{words.EXPANDED}"]}
            first = await self._v1.disputes.list_async(params)
            found = [dispute.to_dict() async for dispute in first.auto_paging_iter()]
        return [words.dispute_snapshot(one) for one in found]

    async def _sessions(self, since: datetime) -> list[dict[str, Any]]:
        return await self._listed_sessions({"gte": int((since - CLOCK_SKEW).timestamp())})

    async def _listed_sessions(self, created: Any) -> list[dict[str, Any]]:
        with _reading():
            first = await self._v1.checkout.sessions.list_async(
                {"created": created, "limit": 100, "expand": [f"data.{words.OF_SESSION}"]}
            )
            return [session.to_dict() async for session in first.auto_paging_iter()]


def _between(start: datetime, end: datetime) -> Any:
    return {"gte": int(start.timestamp()), "lt": int(end.timestamp())}


@contextlib.contextmanager
def _changing() -> Iterator[None]:
    """Only an answer that says "not done" is a refusal; everything else leaves open what happened."""
    try:
        yield
    except (stripe.InvalidRequestError, stripe.IdempotencyError, stripe.CardError) as error:
        code = error.code or type(error).__name__
        if code in words.TEMPORARY:  # kept under the key like any answer, so the same key may say it for ever
            raise OutcomeUnknown(code, replayed=_is_replayed(error)) from error
        raise ProviderRefused(code) from error
    except stripe.StripeError as error:
        is_stored = (error.http_status or 0) >= 500 and _is_replayed(error)
        raise OutcomeUnknown(type(error).__name__, replayed=is_stored) from error
    except (aiohttp.ClientError, TimeoutError) as error:  # while the body of the answer was read
        raise OutcomeUnknown(type(error).__name__) from error


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        with _changing():
            yield
    except ProviderRefused as refusal:
        raise OutcomeUnknown(refusal.code) from refusal


def _is_replayed(error: stripe.StripeError) -> bool:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return headers.get("idempotent-replayed") == "true"

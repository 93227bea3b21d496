"""The provider port on the Stripe sandbox's machine, without HTTP: for use case tests and for the simulation.

Every call can be made to fail before or after its effect, or to wait there, by the injected `net`; and to break down inside
Stripe (a 500, kept under the key) by the injected `breakdown`. Words are translated by the product's own table.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

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
    Snapshot,
    VendorEvent,
)
from payment.provider_records.model import Payout, Transaction
from sandbox.stripe.api import Answer, Api, Breakdown, Call
from sandbox.stripe.machine import Machine

Moment = Literal["before", "after"]
Net = Callable[[str, Moment], Awaitable[None]]
"""Called with the port's method and the side of the effect; raises OutcomeUnknown, or whatever ends the caller."""


async def good_net(call: str, moment: Moment) -> None:
    """Nothing is lost and nobody else gets a turn."""


def never(call: str) -> Breakdown | None:
    return None


class MachineProvider:
    def __init__(
        self,
        machine: Machine,
        *,
        net: Net = good_net,
        breakdown: Callable[[str], Breakdown | None] = never,
        abilities: Abilities | None = None,
    ) -> None:
        self.machine = machine
        self.net = net
        self.breakdown = breakdown
        self.calls: list[str] = []
        self.abilities = abilities or Abilities(disputes=True, capture=True)
        self._api = Api(machine)

    async def create(self, order: PaymentOrder, key: str) -> Snapshot:
        return words.snapshot(await self._post("create", "/v1/checkout/sessions", words.session_params(order), key))

    async def fetch(self, session_id: str) -> Snapshot:
        query = {"expand": [words.OF_SESSION]}
        return words.snapshot(await self._get("fetch", f"/v1/checkout/sessions/{session_id}", query))

    async def find(self, payment_id: UUID, created_after: datetime) -> Snapshot | None:
        return words.nearest_to_money(await self._sessions("find", created_after), payment_id)

    async def changed(self, since: datetime) -> Sequence[Snapshot]:
        return words.own_snapshots(await self._sessions("changed", since))

    async def fence(self, session_id: str) -> None:
        if not self.abilities.fence:
            raise ProviderRefused("provider_cannot_fence")
        await self._post("fence", f"/v1/checkout/sessions/{session_id}/expire", {}, None)

    async def take(self, order: CaptureOrder, key: str) -> None:
        await self._post("take", f"/v1/payment_intents/{order.charge_id}/capture", words.capture_params(order), key)

    async def let_go(self, charge_id: str, key: str) -> None:
        await self._post("let_go", f"/v1/payment_intents/{charge_id}/cancel", {}, key)

    async def refund(self, order: RefundOrder, key: str) -> RefundSnapshot:
        if not self.abilities.refund:
            raise ProviderRefused("provider_cannot_refund")
        return words.refund_snapshot(await self._post("refund", "/v1/refunds", words.refund_params(order), key))

    async def fetch_refund(self, provider_id: str) -> RefundSnapshot:
        return words.refund_snapshot(await self._get("fetch_refund", f"/v1/refunds/{provider_id}", {}))

    async def find_refund(self, order: RefundOrder) -> RefundSnapshot | None:
        query = {"payment_intent": order.charge_id, "limit": 100}
        return words.of_refund((await self._get("find_refund", "/v1/refunds", query))["data"], order.refund_id)

    async def transactions(self, start: datetime, end: datetime) -> Sequence[Transaction]:
        created = {"gte": int(start.timestamp()), "lt": int(end.timestamp())}
        return await self._transactions("transactions", {"created": created})

    async def parts(self, payout_id: str) -> Sequence[Transaction]:
        found = await self._transactions("parts", {"payout": payout_id})
        return [one for one in found if one.source_id != payout_id]

    async def payouts(self, start: datetime, end: datetime) -> Sequence[Payout]:
        created = {"gte": int(start.timestamp()), "lt": int(end.timestamp())}
        query = {"created": created, "limit": 100}
        return [stripe_records.payout(row) for row in await self._pages("payouts", "/v1/payouts", query)]

    async def _transactions(self, name: str, filters: dict[str, Any]) -> list[Transaction]:
        query = {**filters, "limit": 100, "expand": ["data.source"]}
        rows = await self._pages(name, "/v1/balance_transactions", query)
        return [stripe_records.transaction(row) for row in rows]

    async def refunds_of(self, charge_id: str) -> Sequence[RefundSnapshot]:
        query = {"payment_intent": charge_id, "limit": 100}
        return [words.refund_snapshot(row) for row in await self._pages("refunds_of", "/v1/refunds", query)]

    async def fetch_dispute(self, provider_id: str) -> DisputeSnapshot:
        query = {"expand": [words.EXPANDED]}
        return words.dispute_snapshot(await self._get("fetch_dispute", f"/v1/disputes/{provider_id}", query))

    async def disputes_of(self, charge_id: str) -> Sequence[DisputeSnapshot]:
        return await self._disputes("disputes_of", {"payment_intent": charge_id})

    async def disputes_since(self, since: datetime) -> Sequence[DisputeSnapshot]:
        return await self._disputes("disputes_since", {"created": {"gte": int(since.timestamp()) - 300}})

    async def _disputes(self, name: str, which: dict[str, Any]) -> list[DisputeSnapshot]:
        query = {**which, "limit": 100, "expand": [f"data.{words.EXPANDED}"]}
        return [words.dispute_snapshot(row) for row in (await self._get(name, "/v1/disputes", query))["data"]]

    def parse_event(self, headers: Mapping[str, str], raw: bytes) -> VendorEvent:
        return words.vendor_event(json.loads(raw))

    async def _sessions(self, name: str, since: datetime) -> list[dict[str, Any]]:
        query: dict[str, Any] = {
            "created": {"gte": int(since.timestamp()) - 300},
            "limit": 100,
            "expand": [f"data.{words.OF_SESSION}"],
        }
        return await self._pages(name, "/v1/checkout/sessions", query)

    async def _pages(self, name: str, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = await self._get(name, path, query)
            found += page["data"]
            if not page["has_more"]:
                return found
            query = {**query, "starting_after": found[-1]["id"]}

    async def _post(self, name: str, path: str, arguments: dict[str, Any], key: str | None) -> dict[str, Any]:
        answer = await self._call(name, Call("POST", path, arguments, "sk_test_machine", key))
        if answer.status in (400, 402, 404):
            error = answer.body["error"]
            code = error.get("code") or error["type"]
            if code in words.TEMPORARY:
                raise OutcomeUnknown(code, replayed="Idempotent-Replayed" in answer.headers)
            raise ProviderRefused(code)
        return self._done(answer)

    async def _get(self, name: str, path: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return self._done(await self._call(name, Call("GET", path, arguments, "sk_test_machine")))

    async def _call(self, name: str, call: Call) -> Answer:
        self.calls.append(name)
        await self.net(name, "before")
        admitted = self._api.admit(call)
        answer = admitted if isinstance(admitted, Answer) else self._api.perform(admitted, self.breakdown(name))
        await self.net(name, "after")
        return answer

    def _done(self, answer: Answer) -> dict[str, Any]:
        if answer.status != 200:
            replayed = answer.status >= 500 and "Idempotent-Replayed" in answer.headers
            raise OutcomeUnknown(str(answer.status), replayed=replayed)
        return answer.body

"""A payment service that speaks XBezahldienste (FITKO), 1.0 or 1.2: create, send the payer there, ask how it stands.

Nobody calls us back, nothing can be cancelled there, listed or given back (xbezahl_words says what was looked for, and where): hence
`abilities`. A request is known there by its id for good; the answer to a repeated one is looked for under that id, which a service may
have taken for its own, and where it has not, nobody will ever learn where that transaction would be paid, so another may be made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from uuid import UUID

import aiohttp

from base.clock import Clock, utcnow
from payment import xbezahl_words as words
from payment.ports import (
    Abilities,
    OutcomeUnknown,
    PaymentOrder,
    ProviderRefused,
    RefundOrder,
    RefundSnapshot,
    SignatureRefused,
    Snapshot,
    VendorEvent,
)
from payment.statement import Statement

TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=3)
NO_REFUND = "provider_cannot_refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How we are known there: Basic, or, with `token_url`, OAuth 2 client credentials."""

    base: str
    originator: str
    endpoint: str
    user: str
    password: str = field(repr=False)
    token_url: str = ""


class XBezahlProvider:
    """`http`: a session of the caller, who closes it. `booking_data`: what the payment service wants with each position to book it."""

    abilities = Abilities(fence=False, refund=False, statement=False)

    def __init__(
        self,
        http: aiohttp.ClientSession,
        access: Access,
        *,
        version: words.Version,
        booking_data: Mapping[str, str] | None = None,
        clock: Clock = utcnow,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        self._http = http
        self._access = access
        self._version = version
        self._booking_data = booking_data or {}
        self._clock = clock
        self._timeout = timeout
        self._token = ""
        self._place = f"{access.base.rstrip('/')}/paymenttransaction/{access.originator}/{access.endpoint}"

    async def create(self, order: PaymentOrder, key: str) -> Snapshot:
        try:
            body = words.request_body(order, key, self._version, self._booking_data, self._clock())
        except ValueError as error:
            raise ProviderRefused(f"not possible there: {error}") from None
        status, answer = await self._call("POST", self._place, body)
        if status in (HTTPStatus.OK, HTTPStatus.CREATED):
            return self._snapshot(answer)
        code = words.problem_code(answer)
        if code == words.PAYMENT_EXISTS and (known := await self._known(words.request_id(key))) is not None:
            return known
        if code in words.REFUSALS:
            raise ProviderRefused(code)
        raise OutcomeUnknown(code or str(status))

    async def fetch(self, session_id: str) -> Snapshot:
        status, answer = await self._call("GET", f"{self._place}/{session_id}")
        if status != HTTPStatus.OK:
            raise OutcomeUnknown(words.problem_code(answer) or str(status))
        return self._snapshot(answer)

    async def find(self, payment_id: UUID, created_after: datetime) -> Snapshot | None:
        """None: the standard knows no search."""
        return None

    async def fence(self, session_id: str) -> None:
        raise ProviderRefused("provider_cannot_fence")

    async def refund(self, order: RefundOrder, key: str) -> RefundSnapshot:
        raise ProviderRefused(NO_REFUND)

    async def fetch_refund(self, provider_id: str) -> RefundSnapshot:
        raise OutcomeUnknown(NO_REFUND)

    async def find_refund(self, order: RefundOrder) -> RefundSnapshot | None:
        return None

    async def changed(self, since: datetime) -> Sequence[Snapshot]:
        return ()

    async def refunds_of(self, charge_id: str) -> Sequence[RefundSnapshot]:
        return ()

    async def statement(self, start: datetime, end: datetime) -> Statement:
        """There is none, so what moved there is not known from there."""
        raise OutcomeUnknown("no statement in this standard")

    def parse_event(self, headers: Mapping[str, str], raw: bytes) -> VendorEvent:
        raise SignatureRefused  # nobody there sends us any

    async def _known(self, request_id: str) -> Snapshot | None:
        status, answer = await self._call("GET", f"{self._place}/{request_id}")
        if status == HTTPStatus.OK:
            return self._snapshot(answer)
        if status == HTTPStatus.NOT_FOUND:
            return None
        raise OutcomeUnknown(words.problem_code(answer) or str(status))

    def _snapshot(self, answer: object) -> Snapshot:
        try:
            return words.snapshot(answer, self._version)
        except ValueError as error:
            raise OutcomeUnknown(f"garbled: {error}") from None

    async def _call(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> tuple[int, object]:
        """Status and JSON, if it is any; a token that is not taken any more is replaced once."""
        status, answer = await self._once(method, url, await self._authorization(), json=body)
        if status == HTTPStatus.UNAUTHORIZED and self._access.token_url:
            self._token = ""
            status, answer = await self._once(method, url, await self._authorization(), json=body)
        return status, answer

    async def _authorization(self) -> dict[str, str]:
        access = self._access
        if not access.token_url:
            return {"Authorization": aiohttp.encode_basic_auth(access.user, access.password)}
        if not self._token:
            form = {"grant_type": "client_credentials", "client_id": access.user, "client_secret": access.password}
            status, answer = await self._once("POST", access.token_url, {}, data=form)
            token = answer.get("access_token") if isinstance(answer, dict) else None
            if status != HTTPStatus.OK or not isinstance(token, str):
                raise OutcomeUnknown(f"no token: {status}")
            self._token = token
        return {"Authorization": f"Bearer {self._token}"}

    async def _once(self, method: str, url: str, headers: dict[str, str], **content: Any) -> tuple[int, object]:
        try:
            async with self._http.request(
                method,
                url,
                headers={"Accept": "application/json, application/problem+json", **headers},
                timeout=self._timeout,
                allow_redirects=False,
                **content,
            ) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OutcomeUnknown(type(error).__name__) from error
        try:
            return response.status, json.loads(raw, parse_float=Decimal)
        except ValueError:
            return response.status, None

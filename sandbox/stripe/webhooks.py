"""Sending webhooks: signed, in the background. Source: docs.stripe.com/webhooks/signature.

`Stripe-Signature: t=<Unix seconds>,v1=<HMAC-SHA256 of "t.body" in hex>`. The time is the wall clock's, because the SDK
compares it with its own wall clock (tolerance 300 s).
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable

import aiohttp

from sandbox.stripe.errors import Json
from sandbox.stripe.machine import Machine
from sandbox.stripe.outbox import Outbox

TIMEOUT_S = 10.0
_LONGEST_NAP_S = 1.0  # sessions that run out are noticed at least this often


def signature(body: bytes, secret: str, at: int) -> str:
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


class Sender:
    def __init__(
        self,
        machine: Machine,
        outbox: Outbox,
        *,
        url: str | None,
        secret: str,
        wall_clock: Callable[[], float],
        commit: Callable[[], None],
    ) -> None:
        self._machine, self._outbox, self._url, self._secret = machine, outbox, url, secret
        self._wall_clock, self._commit = wall_clock, commit
        self._wake, self._one_round = asyncio.Event(), asyncio.Lock()

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """For ever: expire sessions, send what is due, wait for the next."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                self._wake.clear()
                self._machine.sweep()
                self._commit()
                await self._send_round(http, until=self._wall_clock())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._nap_s())

    def _nap_s(self) -> float:
        waiting = self._outbox.pending() if self._url else []
        next_due_s = waiting[0][1]["due_at"] - self._wall_clock() if waiting else _LONGEST_NAP_S
        return min(max(next_due_s, 0.0), _LONGEST_NAP_S)

    async def deliver_now(self) -> Json:
        """One attempt for everything that waits, due or not; gives how it went."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as http:
            delivered, failed = await self._send_round(http, until=float("inf"))
        return {"delivered": delivered, "failed": failed, "pending": len(self._outbox.pending())}

    async def _send_round(self, http: aiohttp.ClientSession, until: float) -> tuple[int, int]:
        if self._url is None:
            return 0, 0
        async with self._one_round:  # the background task and "deliver now" never send the same one
            due = [(row_id, row) for row_id, row in self._outbox.pending() if row["due_at"] <= until]
            places = asyncio.Semaphore(max(1, self._outbox.plan.parallel))
            answers = await asyncio.gather(*(self._send(http, places, row_id, row) for row_id, row in due))
        return sum(answers), len(answers) - sum(answers)

    async def _send(self, http: aiohttp.ClientSession, places: asyncio.Semaphore, row_id: str, row: Json) -> bool:
        event = self._machine.core.get("events", row["event"])
        body = json.dumps(event, indent=2).encode()
        async with places:
            headers = {
                "Content-Type": "application/json; charset=utf-8",
                "Stripe-Signature": signature(body, self._secret, int(self._wall_clock())),
                "User-Agent": "Stripe/1.0 (sandbox)",
            }
            status: int | None = None
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.post(str(self._url), data=body, headers=headers, allow_redirects=False) as response:
                    status = response.status
        self._outbox.answered(row_id, status)
        self._commit()
        return status is not None and 200 <= status < 300

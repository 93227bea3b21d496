"""Status callbacks, signed as Twilio signs them, and the faults on their way.

Source: twilio.com/docs/usage/security#validating-requests: HMAC-SHA1 with the account's token over the address and the sorted
fields. An answer is not waited for and none but a failed connection is tried again, once.
"""

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from sandbox.twilio.messages import Text

_REORDER_STEP_S = 0.25


def sign(token: str, url: str, fields: Mapping[str, str]) -> str:
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


@dataclass(frozen=True, slots=True)
class CallbackPlan:
    """`lose`, `repeat`: probability 0...1 of each callback. `reorder`: in groups of this many the last is sent first.
    `delay_s`: seconds added to each."""

    lose: float = 0.0
    repeat: float = 0.0
    reorder: int = 0
    delay_s: float = 0.0
    seed: int = 0


@dataclass(slots=True)
class Callback:
    url: str
    fields: dict[str, str]
    due_at: float
    answer: int | None = None  # HTTP status


@dataclass(slots=True)
class Callbacks:
    token: str
    pending: list[Callback] = field(default_factory=list)
    done: list[Callback] = field(default_factory=list)
    _plan: CallbackPlan = field(default_factory=CallbackPlan)
    _random: random.Random = field(default_factory=lambda: random.Random(0))
    _taken: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def plan(self) -> CallbackPlan:
        return self._plan

    @plan.setter
    def plan(self, plan: CallbackPlan) -> None:
        self._plan, self._random, self._taken = plan, random.Random(plan.seed), 0

    def take(self, text: Text) -> None:
        """A message has another status."""
        if not text.callback:
            return
        lost = self._random.random() < self._plan.lose
        copies = 2 if self._random.random() < self._plan.repeat else 1
        due_at = time.monotonic() + self._plan.delay_s
        if self._plan.reorder > 1:
            due_at += _REORDER_STEP_S * (self._plan.reorder - self._taken % self._plan.reorder)
            self._taken += 1
        if not lost:
            self.pending += [Callback(text.callback, fields_of(text), due_at) for _ in range(copies)]
            self._news.set()

    async def run(self) -> None:
        """Send what is due, for ever."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http:
            while True:
                self._news.clear()
                now = time.monotonic()
                due = sorted((one for one in self.pending if one.due_at <= now), key=lambda one: one.due_at)
                for one in due:
                    self.pending.remove(one)
                    await self._send(http, one)
                waits = [max(0.0, one.due_at - time.monotonic()) for one in self.pending]
                try:
                    async with asyncio.timeout(min(waits, default=None)):
                        await self._news.wait()
                except TimeoutError:
                    pass

    async def deliver_now(self) -> list[int | None]:
        """Everything that waits, in the order of its due time; the answers."""
        sent = sorted(self.pending, key=lambda one: one.due_at)
        self.pending = []
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http:
            for one in sent:
                await self._send(http, one)
        return [one.answer for one in sent]

    async def forge(self, text: Text, status: str) -> int | None:
        """As somebody without the token would send it."""
        fields = {**fields_of(text), "MessageStatus": status, "SmsStatus": status}
        one = Callback(text.callback, fields, 0.0)
        async with aiohttp.ClientSession() as http:
            await self._send(http, one, token="not the token")
        return one.answer

    async def _send(self, http: aiohttp.ClientSession, one: Callback, token: str | None = None) -> None:
        headers = {
            "X-Twilio-Signature": sign(token or self.token, one.url, one.fields),
            "User-Agent": "TwilioProxy/1.1",
        }
        for _ in range(2):
            try:
                async with http.post(one.url, data=one.fields, headers=headers, allow_redirects=False) as answer:
                    one.answer = answer.status
                    break
            except aiohttp.ClientConnectorError:
                continue
            except (aiohttp.ClientError, TimeoutError):
                break
        self.done.append(one)


def fields_of(text: Text) -> dict[str, str]:
    fields = {
        "AccountSid": text.account_sid,
        "ApiVersion": "2010-04-01",
        "From": text.sender,
        "MessageSid": text.sid,
        "MessageStatus": text.status,
        "SmsSid": text.sid,
        "SmsStatus": text.status,
        "To": text.to,
    }
    if text.service:
        fields["MessagingServiceSid"] = text.service
    if text.error_code:
        fields["ErrorCode"] = str(text.error_code)
    return fields

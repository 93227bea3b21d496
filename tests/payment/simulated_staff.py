"""People of the city in the simulation: clerks who refund by two, at once, and people who refund on the provider's own pages.

With dice of their own, so that worlds without them are the same as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from base.errors import DomainError
from payment.model import Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from payment.ports import OutcomeUnknown
from sandbox.stripe.errors import ApiError, Json

if TYPE_CHECKING:
    from tests.payment.simulation import Chance, Simulation

CLERKS, CHIEF = (1, 2), 3
_OPEN = RefundStatus.REQUESTED
_UNDECIDED = (RefundStatus.REQUESTED, RefundStatus.REJECTED)
Require = Callable[[bool, str], None]


class Staff:
    """`by_two`: whether clerks refund in this world; `at_provider`: whether somebody does it on the provider's pages. Not both, and the
    latter not where payers dispute: what a lost dispute leaves of such a refund is for people (docs/adr/0072)."""

    def __init__(self, world: Simulation, chance: Chance, *, is_able: bool, is_disputing: bool) -> None:
        self._world = world
        self._chance = chance
        self.by_two = is_able and chance.hits(0.4)
        self.at_provider = is_able and not self.by_two and not is_disputing and chance.hits(0.7)
        self._keys = 0

    async def work(self) -> None:
        while self.by_two or self.at_provider:
            await asyncio.sleep(0)
            await self._chance.turns(30)
            if self.by_two:
                await self._ask()
                await self._decide()
            elif self._chance.hits(0.3):
                self._refund_there()

    async def _ask(self) -> None:
        """Both at once, each without knowing of the other; a form may also be sent twice."""
        payments = [p for p in self._payments() if p.refundable]
        if not payments or not self._chance.hits(0.15):
            return
        payment, clerks = self._chance.choice(payments), self._chance.choice([(1,), (1, 2), (1, 2), (2, 2)])
        self._keys += 1
        await self._world.attempt(*(partial(self._propose, payment.id, by, UUID(int=self._keys)) for by in clerks))

    async def _decide(self) -> None:
        """By one or two at once, also by whoever has asked."""
        for refund in self._requests():
            if self._chance.hits(0.3):
                who = self._chance.sample([*CLERKS, CHIEF], self._chance.choice([1, 2]))
                how = self._reject if self._chance.hits(0.2) else self._approve
                await self._world.attempt(*(partial(how, refund, by) for by in who))

    async def decide_all(self) -> None:
        """Nothing waits for people for ever."""
        for refund in self._requests():
            try:
                await self._approve(refund, CHIEF)
            except DomainError:
                await self._reject(refund, CHIEF)

    # The process may have died and be another one when they get to it.

    async def _propose(self, payment_id: UUID, by: int, key: UUID) -> Refund:
        return await self._world.payments.propose_refund(payment_id, by=by, note="paid twice", key=key)

    async def _approve(self, refund: Refund, by: int) -> Refund:
        return await self._world.payments.approve_refund(refund.payment_id, refund.id, by=by)

    async def _reject(self, refund: Refund, by: int) -> Refund:
        return await self._world.payments.reject_refund(refund.payment_id, refund.id, by=by)

    def _payments(self) -> list[Payment]:
        return [p for p in self._world.db.rows("payment") if p.status is PaymentStatus.PAID]

    def _manual(self) -> list[Refund]:
        return [r for r in self._world.db.rows("refund") if r.reason is RefundReason.MANUAL]

    def _requests(self) -> list[Refund]:
        return [r for r in self._manual() if r.status is _OPEN]

    def _refund_there(self) -> None:
        """A third of a payment, on the provider's own pages; once each."""
        known = {row["payment_intent"] for row in self._there()}
        if payments := [p for p in self._payments() if p.charge_id not in known and p.captured_cents >= 3]:
            payment = self._chance.choice(payments)
            order = {"payment_intent": payment.charge_id, "amount": payment.captured_cents // 3}
            with contextlib.suppress(ApiError):
                self._world.machine.create_refund(order)
                self._world.faults += 1

    def _there(self) -> list[Json]:
        return [row for row in self._world.machine.state.rows("refunds") if not row["metadata"]]

    async def read_by_night(self) -> None:
        """As the matching does with the provider's books: what they name and we did not ask for is looked at."""
        for row in self._there():
            with contextlib.suppress(OutcomeUnknown):  # seen by another night
                await self._world.payments.recognise("stripe", row["payment_intent"])

    # What must be true.

    def check_always(self, require: Require) -> None:
        if not self.by_two:
            return
        waiting = Counter(r.payment_id for r in self._requests())
        require(all(count == 1 for count in waiting.values()), "two requests wait for one payment's money")
        for refund in self._manual():
            is_sent = refund.status not in _UNDECIDED
            asked, approved = refund.requested_by, refund.approved_by
            require(asked is not None, "a person's refund that nobody has asked for")
            require(is_sent == (approved is not None), "a refund is sent that nobody has approved")
            require(approved is None or int(approved) != asked, "who asked for a refund has approved it")

    def check_end(self, require: Require) -> None:
        """One refund at the provider for each of ours, and none that is not in our books."""
        ours = Counter(
            (r.provider_id, r.amount_cents) for r in self._world.db.rows("refund") if r.status is RefundStatus.SUCCEEDED
        )
        rows = self._world.machine.state.rows("refunds")
        theirs = Counter((row["id"], row["amount"]) for row in rows if row["status"] == "succeeded")
        require(ours == theirs, "refunds are not what the provider says")
        require(not self._requests(), "a request rests")

    def gave_back(self, payment: Payment) -> int | None:
        """In cents, beside what a rule gives back; None: all that was left."""
        own: list[Refund] = [r for r in self._world.db.rows("refund") if r.payment_id == payment.id]
        if any(r.reason is RefundReason.MANUAL and r.status not in _UNDECIDED for r in own):
            return None
        return sum(r.amount_cents for r in own if r.reason is RefundReason.AT_PROVIDER)

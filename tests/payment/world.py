"""Payments over the sandbox's machine without HTTP, with a net that breaks where a test wants it to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from base.clock import SettableClock
from base.money import Money
from payment.books import Books
from payment.books_memory import MemoryBooks
from payment.ledger import PSP_CLEARING
from payment.memory import MemoryDatabase
from payment.model import Capture, Payment, Refund, RefundReason
from payment.ports import OutcomeUnknown
from payment.usecases import Payments
from sandbox.stripe.api import Breakdown
from sandbox.stripe.machine import Machine
from tests.payment.machine_provider import MachineProvider, Moment
from tests.payment.making import AMOUNT, NOW, Ids, RecordingHooks


@dataclass
class World:
    books: Books = field(default_factory=lambda: MemoryBooks(MemoryDatabase()))
    clock: SettableClock = field(default_factory=lambda: SettableClock(NOW))
    hooks: RecordingHooks = field(default_factory=RecordingHooks)
    new_id: Ids = field(default_factory=Ids)
    lost: list[tuple[str, Moment]] = field(default_factory=list)
    broken: list[tuple[str, Breakdown]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = Machine(self.clock, early_intents=False)
        self.provider = MachineProvider(self.machine, net=self.net, breakdown=self.breakdown)
        self.restart()

    def restart(self) -> None:
        self.payments = Payments(self.books, {"stripe": self.provider}, self.hooks, self.clock, self.new_id)

    async def net(self, call: str, moment: Moment) -> None:
        """Loses each (call, moment) in `lost` once."""
        if (call, moment) in self.lost:
            self.lost.remove((call, moment))
            raise OutcomeUnknown(f"{call} {moment}")

    def breakdown(self, call: str) -> Breakdown | None:
        """A 500 for each (call, side) in `broken`, once."""
        for broken in self.broken:
            if broken[0] == call:
                self.broken.remove(broken)
                return broken[1]
        return None

    async def request(
        self, reference: int = 1001, amount: Money = AMOUNT, capture: Capture = Capture.AUTOMATIC
    ) -> Payment:
        async with self.books.transaction() as tx:
            return await self.payments.request(
                tx,
                reference=UUID(int=reference),
                amount=amount,
                description="Gebühr",
                language="de",
                return_url="http://localhost:8080/de/case",
                capture=capture,
            )

    async def opened(self, reference: int = 1001) -> Payment:
        return await self.payments.open((await self.request(reference)).id)

    async def paid(self, reference: int = 1001) -> Payment:
        payment = await self.opened(reference)
        self.pay(payment)
        return await self.payments.settle(payment.id)

    async def reserved(self, reference: int = 1001) -> Payment:
        payment = await self.payments.open((await self.request(reference, capture=Capture.MANUAL)).id)
        self.pay(payment)
        return await self.payments.settle(payment.id)

    async def less(self, payment: Payment, amount: Money, reason: RefundReason = RefundReason.CANCELLED) -> None:
        async with self.books.transaction() as tx:
            await self.payments.give_back(tx, payment.id, amount, reason)

    async def charge(self, payment: Payment) -> list[UUID]:
        async with self.books.transaction() as tx:
            return await self.payments.charge(tx, [payment.reference])

    def pay(self, payment: Payment) -> None:
        assert payment.session_id is not None
        assert payment.pay_url is not None
        self.machine.pay(payment.session_id)

    async def asked_back(self, payment: Payment, amount: Money = AMOUNT) -> Refund:
        async with self.books.transaction() as tx:
            return await self.payments.request_refund(tx, payment.id, amount, RefundReason.CANCELLED)

    async def now(self, payment: Payment) -> Payment:
        async with self.books.transaction() as tx:
            found = await self.books.payment(tx, payment.id)
        assert found is not None
        return found

    async def refunds(self, payment: Payment) -> list[Refund]:
        async with self.books.transaction() as tx:
            return await self.payments.refunds(tx, payment.id)

    async def clearing(self, *payments: Payment) -> int:
        """What the ledger says lies with the provider."""
        sums: Counter[str] = Counter()
        async with self.books.transaction() as tx:
            for payment in payments:
                for journal in await self.books.journals(tx, payment.id):
                    for entry in journal.entries:
                        sums[entry.account] += entry.amount_cents
        assert sum(sums.values()) == 0
        return sums[PSP_CLEARING]

    def at_provider(self) -> int:
        """Captured and not refunded, in cents, fees aside."""
        rows = self.machine.state.rows("balance_transactions")
        return sum(row["amount"] for row in rows)

    def sessions(self) -> list[str]:
        """The statuses of all sessions, oldest first."""
        self.machine.sweep()
        return [row["status"] for row in self.machine.state.rows("sessions")]

    async def sweep_for(self, minutes: int) -> None:
        for _ in range(minutes):
            self.clock.advance(minutes=1)
            await self.payments.sweep()

"""The product's own coroutines - payments, and the life of a case above them - in a small hostile world, one seed one history.

In memory: books, cases, and the Stripe sandbox's machine behind the provider port. Chance decides who runs next, which call is
lost before or after its effect and arrives late all the same, which message is lost, doubled or overtaken, and at which marked
step the process dies. Then the faults stop, time passes, and everything must have come right by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar, cast
from uuid import UUID

from base import failpoint
from base.clock import SettableClock
from base.errors import DomainError
from base.money import Money
from booking.appointments.hooks import CaseHooks
from booking.appointments.lifecycle import Lifecycle
from booking.appointments.model import AppointmentStatus, CaseState
from booking.appointments.policy import Terms
from booking.appointments.slots_memory import MemorySlots
from payment.books_memory import MemoryBooks
from payment.memory import MemoryDatabase, MemoryTx
from payment.model import Capture
from payment.ports import Abilities, OutcomeUnknown
from payment.provider_records.rows_memory import MemoryRecordRows
from payment.provider_records.usecases import ProviderRecords
from payment.usecases import Payments
from sandbox.stripe.api import Answer, Breakdown, Call
from sandbox.stripe.errors import ApiError
from sandbox.stripe.machine import Machine
from tests.payment.machine_provider import MachineProvider, Moment
from tests.payment.making import NOW, Ids
from tests.payment.simulated_staff import Staff

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]
C = AppointmentStatus
TAKEN = frozenset({C.HELD, C.EXPIRING, C.CONFIRMED, C.FINISHED})
DAYS = 8  # a reservation at the provider lives seven
HOLD = timedelta(minutes=15)
CITIZENS = 6
SLOTS = 2
REFUND_PERCENT = 50
CLERK, OFFICER, OTHER_OFFICER = 1, 2, 3  # who cancels for people, and who approves what is given back


class Crash(BaseException):
    """The process is gone; nothing in it catches this."""


class Down(Exception):
    """What a citizen sees of it."""


class Violation(AssertionError):
    """A guarantee is broken."""


class Chance(random.Random):
    async def turns(self, most: int = 4) -> None:
        """Let others run."""
        for _ in range(self.randint(0, most)):
            await asyncio.sleep(0)

    def hits(self, probability: float) -> bool:
        return self.random() < probability


class BusyDatabase(MemoryDatabase):
    """Others may run before and after each transaction, and after each commit the guarantees are looked at."""

    def __init__(self, world: Simulation) -> None:
        super().__init__()
        self._world = world

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTx]:
        await self._world.chance.turns()
        async with super().transaction() as tx:
            yield tx
        self._world.check_always()
        await self._world.chance.turns()


class LateProvider(MachineProvider):
    """A call given up by its caller may reach Stripe afterwards."""

    def __init__(self, world: Simulation) -> None:
        super().__init__(world.machine, net=world.net, breakdown=world.breakdown, abilities=world.abilities)
        self._world = world

    async def _call(self, name: str, call: Call) -> Answer:
        try:
            return await super()._call(name, call)
        except (OutcomeUnknown, asyncio.CancelledError):
            if call.method == "POST" and self._world.chance.hits(0.3):
                self._world.late.append(call)
            raise

    def arrive(self, call: Call) -> None:
        self._api.handle(call)


class Simulation:
    """`promises`: whether the provider can fence; where it cannot, it sends no messages, and in some worlds refunds nothing either."""

    def __init__(self, seed: int, *, promises: bool = True) -> None:
        self.chance = Chance(seed)
        self.abilities = (
            Abilities(disputes=True, capture=True, records=True)
            if promises
            else Abilities(fence=False, refund=self.chance.hits(0.5))
        )
        self.clock = SettableClock(NOW)
        self.machine = Machine(self.clock, seed=str(seed), early_intents=self.chance.hits(0.5))
        self.machine.on_event(self._emitted)
        self.ahead = timedelta(
            days=self.chance.choice([0, 0, 2])
        )  # in some worlds the service is over when money comes
        self.slowest_s = self.chance.choice([5, 20, 60])  # in some worlds holds run out under people's hands
        self.messages: list[dict[str, Any]] = []
        self.late: list[Call] = []
        self.hostile = True
        self.crashes = self.faults = 0
        self.edited: set[str] = set()  # sessions paid with another amount than ours
        self.edits = self.chance.hits(0.15)  # in some worlds somebody does that at the provider
        self.had_again = self.answered = self.paid_out = self.came_back = self.paid_anew = 0
        self.slow = self.chance.choice([0.0, 0.0, 0.4]) if promises else 0.0  # how often the bank answers days later
        if self.slow:
            self.machine.methods = ("card", "sepa_debit")
        self.by_hand = self.chance.choice([0.0, 0.6]) if promises else 0.0  # how many fees are reserved first
        self.days = promises and self.chance.hits(
            0.5 if self.by_hand else 0.2
        )  # whether days pass under faults, with payouts
        self.forgets = bool(self.by_hand) and self.chance.hits(0.35)  # nobody takes in time what is reserved
        self.disputing = self.chance.choice([0.0, 0.3, 0.6])  # how often a payer goes to the bank
        staffed = Chance(f"{seed}:staff")
        self.staff = Staff(self, staffed, is_able=self.abilities.records, is_disputing=self.disputing > 0)
        self.people = Chance(f"{seed}:people")
        others_refund = self.staff.by_two or self.staff.at_provider
        self.approve_above = 0 if others_refund else self.people.choice([0, 600])  # large refunds wait for a person
        self.db = BusyDatabase(self)
        self.books, self.slots = MemoryBooks(self.db), MemorySlots(self._is_free)
        self.record_rows = MemoryRecordRows(self.db)
        self.provider = LateProvider(self)
        self.new_id = Ids(10_000)
        self._process: set[asyncio.Task[Any]] = set()
        self.start()

    def start(self) -> None:
        """A fresh process on the same database."""
        hooks = CaseHooks(self.slots, self.clock, serve_on=self.books.serve_on)
        self.payments = Payments(
            self.books, {"stripe": self.provider}, hooks, self.clock, self.new_id, self.approve_above
        )
        stripe = {"stripe": self.provider}
        self.records = ProviderRecords(cast("Any", self.record_rows), stripe, self.clock, self.record_rows)
        transaction = self.books.transaction
        self.cases = Lifecycle(transaction, self.slots, self.payments, self.clock, lambda case: case.number)

    # The world's hostility.

    async def net(self, call: str, moment: Moment) -> None:
        await self.chance.turns()
        if self.hostile and self.chance.hits(0.1):
            self.faults += 1
            raise OutcomeUnknown(f"{call} {moment}")

    def breakdown(self, call: str) -> Breakdown | None:
        if self.hostile and self.chance.hits(0.02):
            self.faults += 1
            return self.chance.choice(["before", "after"])
        return None

    def _emitted(self, event: dict[str, Any]) -> int:
        if self.abilities.fence and self.hostile and not self.chance.hits(0.25):
            times = 2 if self.chance.hits(0.25) else 1
            self.faults += times - 1
            self.messages += [event] * times
        else:
            self.faults += 1
        return 1

    def _forge(self) -> None:
        """Somebody who knows a signing secret says that an open session is paid."""
        if sessions := [row for row in self.machine.state.rows("sessions") if row["status"] == "open"]:
            self.faults += 1
            session = {**self.chance.choice(sessions), "status": "complete", "payment_status": "paid"}
            name = f"evt_forged_{self.faults}"
            self.messages.append({"id": name, "type": "checkout.session.completed", "data": {"object": session}})

    def step_marked(self, name: str) -> None:
        if self.hostile and self.chance.hits(0.008):
            self.crash()
            raise Crash(name)

    def crash(self) -> None:
        self.crashes += 1
        for task in self._process:
            if task is not asyncio.current_task():
                task.cancel()
        self.start()

    async def serve(self, work: Work[T]) -> T:
        """Run in the process. Raises Down where the process dies meanwhile, DomainError as the product does."""
        task = asyncio.create_task(work())
        self._process.add(task)
        task.add_done_callback(self._process.discard)  # it goes on, also where nobody waits for it any more
        await asyncio.wait({task})
        if task.cancelled():
            raise Down
        error = task.exception()
        if isinstance(error, Crash):
            raise Down from error
        return task.result()

    # Who does what.

    async def citizen(self, number: int) -> None:
        chance, reference = self.chance, UUID(int=number + 1)
        await chance.turns(60)
        for _ in range(80):
            if await self._hold(reference, number):
                break
            await chance.turns(6)
        else:
            return
        tabs = [lambda: self.cases.pay(reference, "http://city/back")] * chance.choice([1, 1, 2])
        url = await self.attempt(*tabs)
        await chance.turns(
            chance.choice([5, 40, 400])
        )  # some at once, some when the time is nearly over, some after it
        if url and chance.hits(0.8):
            self._pay_at_stripe(url)
        await chance.turns(10)
        if chance.hits(0.4):
            await self.attempt(lambda: self.cases.settle(reference))
        if url and self.edits and chance.hits(0.5):
            self._take_by_hand(url.rsplit("/", 1)[1])
        if chance.hits(self.disputing):
            await chance.turns(40)
            self._dispute()
        if self.by_hand and chance.hits(0.4):
            await chance.turns(60)
            await self.attempt(lambda: self._visit(reference))
        if self.by_hand and chance.hits(0.3):  # while what is reserved is taken, by a city whose day is over
            over = (NOW + timedelta(days=3)).date()
            await self.attempt(lambda: self.payments.charge_due(over), lambda: self.cases.cancel(reference))
        if chance.hits(0.5):
            await chance.turns(60)
            by = self.people.choice([None, CLERK])
            await self.attempt(lambda: self.cases.cancel(reference, by=by))
        if chance.hits(self.disputing):
            await chance.turns(40)
            self._dispute()

    async def _visit(self, reference: UUID) -> None:
        """The service is given, as the queue has it: the case and what is reserved for it in one transaction."""
        async with self.db.transaction() as tx:
            case = await self.slots.lock(tx, reference)
            if case is not None and await self.slots.move(tx, reference, C.FINISHED):
                await self.payments.charge(tx, case.references)

    async def _hold(self, reference: UUID, number: int) -> bool:
        """The exclusion constraint and the insert, in one."""
        starts_at = NOW + timedelta(days=1, hours=self.chance.randrange(SLOTS))
        case = CaseState(
            id=reference,
            number=f"T-{number}",
            status=C.HELD,
            language="de",
            starts_at=starts_at,
            hold_until=self.clock() + HOLD,
            fee=Money(self.chance.choice([0, 999, 1300, 2560])),
            terms=Terms.of(REFUND_PERCENT, (), ()),
            capture=Capture.MANUAL if self.chance.hits(self.by_hand) else Capture.AUTOMATIC,
        )
        async with self.db.transaction() as tx:
            if any(other.starts_at == starts_at and other.status in TAKEN for other in tx["case"].values()):
                return False
            self.slots.add_case(tx, case)
        return True

    def _is_free(self, tx: Any, case: CaseState) -> bool:
        others = (other for other in tx["case"].values() if other.id != case.id)
        is_free = not any(other.starts_at == case.starts_at and other.status in TAKEN for other in others)
        self.had_again += is_free
        return is_free

    async def attempt(self, *works: Work[Any]) -> Any:
        """All at once, as from several tabs; the first good answer. A citizen does not know what went wrong."""
        answers = await asyncio.gather(*(self.serve(work) for work in works), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Down | DomainError):
                raise answer
        return next((answer for answer in answers if answer and not isinstance(answer, Exception)), None)

    def _pay_at_stripe(self, url: str) -> None:
        session_id = url.rsplit("/", 1)[1]
        try:
            if self.chance.hits(0.2):
                self.machine.decline(session_id)
            edited = self.edits and self.chance.hits(0.5) and self._edit(session_id)
            self.machine.pay(session_id, "sepa_debit" if self.chance.hits(self.slow) else "card")
            if edited:
                self.edited.add(session_id)
        except ApiError:  # over, or paid in the other tab
            return

    def _edit(self, session_id: str) -> bool:
        """Another amount than we have asked for stands at the provider."""
        session = self.machine.get("sessions", session_id)
        if session["status"] != "open":
            return False
        self.faults += 1
        amount = session["amount_total"] - 1
        self.machine.state.change("sessions", session_id, amount_total=amount, amount_subtotal=amount)
        if session["payment_intent"]:
            self.machine.state.change("payment_intents", session["payment_intent"], amount=amount)
        return True

    def _take_by_hand(self, session_id: str) -> None:
        """Of a reservation somebody takes another amount, at the provider."""
        session = self.machine.get("sessions", session_id)
        intent = self.machine.state.find("payment_intents", session["payment_intent"] or "")
        if intent is not None and intent["status"] == "requires_capture":
            self.faults += 1
            self.machine.capture(intent["id"], {"amount_to_capture": intent["amount_capturable"] - 1})
            self.edited.add(session_id)

    def _dispute(self) -> None:
        """Somebody's bank takes a payment back, all of it or a part, or asks first."""
        if not self.abilities.disputes:
            return
        charges = [row for row in self.machine.state.rows("charges") if row["paid"] and row["captured"]]
        if charges:
            charge = self.chance.choice(charges)
            part = charge["amount"] // 3 if self.chance.hits(0.2) else None
            with contextlib.suppress(ApiError):  # disputed already, or nothing left
                self.machine.dispute(charge["id"], amount=part, inquiry=self.chance.hits(0.2))

    def _decide_disputes(self, probability: float) -> None:
        """The banks' word. An inquiry may become a dispute."""
        for row in self.machine.state.rows("disputes"):
            if row["status"] not in ("won", "lost", "warning_closed") and self.chance.hits(probability):
                self.machine.decide_dispute(row["id"], won=self.chance.hits(0.5))

    def _answer_debits(self, probability: float) -> None:
        """The banks' word on payments that are under way."""
        for row in self.machine.state.rows("sessions"):
            intent = self.machine.state.find("payment_intents", row["payment_intent"] or "")
            if intent is not None and intent["status"] == "processing" and self.chance.hits(probability):
                self.machine.answer(row["id"], paid=self.chance.hits(0.7))
                self.answered += 1

    async def worker(self) -> None:
        while True:
            await self.attempt(lambda: self.cases.expire_due())
            await self.chance.turns(6)
            await self.attempt(lambda: self.payments.sweep())
            await self.chance.turns(6)
            await self.attempt(lambda: self.payments.earn_due(self.clock().date() + self.ahead))
            await self._charge_due()

    async def _charge_due(self) -> None:
        if not self.forgets:
            await self.attempt(lambda: self.payments.charge_due(self.clock().date() + self.ahead))

    async def messenger(self) -> None:
        while True:
            await self.chance.turns(3)
            await asyncio.sleep(0)
            if self.hostile and self.chance.hits(0.02):
                self._forge()
            if self.messages:
                event = self.messages.pop(self.chance.randrange(len(self.messages)))
                raw = json.dumps(event).encode()
                await self.attempt(partial(self.payments.take_event, "stripe", {}, raw))

    async def approvers(self) -> None:
        """Who approves, rejects, asks anew, or tries what they must not; also two at once."""
        while self.approve_above:
            await self.people.turns(10)
            await asyncio.sleep(0)
            await self._decide_refunds([CLERK, OFFICER, OTHER_OFFICER])

    async def _decide_refunds(self, people: list[int], *, approve: bool = False) -> None:
        for refund in [one for one in self.db.rows("refund") if one.needs_approval]:
            payment_id, ident, by = refund.payment_id, refund.id, self.people.choice(people)
            other = self.people.choice(people)
            if refund.status == "rejected":
                if not approve and self.people.hits(0.2):
                    await self.attempt(partial(self.payments.ask_refund_anew, payment_id, ident, by=other))
            elif refund.status == "requested":
                works = [partial(self.payments.approve_refund, payment_id, ident, by=by)]
                if not approve and self.people.hits(0.5):
                    reject = partial(self.payments.reject_refund, payment_id, ident, by=other, note="Nobody paid this.")
                    works = [reject] if self.people.hits(0.7) else [*works, reject]
                await self.attempt(*works)

    async def time(self) -> None:
        """Time passes, calls given up arrive, banks get round to refunds, and sometimes the process just dies."""
        while True:
            await asyncio.sleep(0)
            self.clock.advance(seconds=self.chance.choice([1, 5, self.slowest_s]))
            if self.late and self.chance.hits(0.1):
                self.faults += 1
                self.provider.arrive(self.late.pop(self.chance.randrange(len(self.late))))
            self.machine.refund_outcome = self.chance.choice(["succeeded"] * 4 + ["pending"])
            self._decide_disputes(0.003)
            self._answer_debits(0.003)
            if self.hostile and self.chance.hits(0.002):
                self.crash()

    async def run(self) -> None:
        failpoint.arm(self.step_marked)
        people = (self.staff.work(), self.approvers())
        others = [asyncio.create_task(one) for one in (self.worker(), self.messenger(), self.time(), *people)]
        try:
            await asyncio.gather(*(self.citizen(number) for number in range(CITIZENS)))
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            if (
                self._process
            ):  # what they had begun is done before days pass: no process sleeps for a day between two steps
                await asyncio.wait(set(self._process))
            if self.days:
                await self.pass_days()
        finally:
            failpoint.arm(None)
            self.hostile = False
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        await self.quiet()
        await self.check_end()

    async def pass_days(self) -> None:
        """Still under faults: what is reserved is taken or runs out, the provider pays out, and its books are read."""
        for _day in range(DAYS):
            for call in self.late:  # none travels for a day: keys are forgotten after that
                self.provider.arrive(call)
            self.late.clear()
            self.clock.advance(days=1)
            self._pay_out()
            for _hour in range(3):
                self.clock.advance(hours=1)
                await self.attempt(lambda: self.cases.expire_due(), lambda: self.payments.sweep())
                await self._charge_due()
            await self.attempt(*[lambda: self.records.read()] * self.chance.choice([1, 2]))
            await self.attempt(self.staff.read_by_night)
            if self.chance.hits(0.1):
                self.crash()

    def _pay_out(self) -> None:
        """What is available leaves for the bank; of what left before some arrives, some comes back, also after it was there."""
        self.paid_out += self.machine.pay_out() is not None
        for row in self.machine.state.rows("payouts"):
            if row["status"] in ("pending", "in_transit") and self.chance.hits(0.5):
                self.machine.payout_arrives(row["id"])
            if row["status"] not in ("failed", "canceled") and self.chance.hits(0.2):
                self.came_back += 1
                with contextlib.suppress(ApiError):
                    self.machine.fail_payout(row["id"])

    async def quiet(self) -> None:
        """No faults any more, and no messages either: the worker alone sets things right."""
        for call in self.late:
            self.provider.arrive(call)
        self.late.clear()
        self.machine.refund_outcome = "succeeded"
        for minute in range(75):
            self.clock.advance(minutes=1)
            if minute == 2:
                self._answer_debits(1)
                await self.staff.decide_all()
            if minute in (5, 20):
                self._decide_disputes(1)  # twice: an inquiry may become a dispute
            if minute == 5:
                for refund in self.machine.state.rows("refunds"):
                    if refund["status"] == "pending":
                        self.machine.settle_refund(refund["id"])
            if minute == 7:
                await self.staff.read_by_night()
            await self.cases.expire_due()
            await self.payments.sweep()
            if minute % 15 == 10:  # whoever has asked for one anew does not approve it
                for person in (OFFICER, OTHER_OFFICER):
                    await self._decide_refunds([person], approve=True)
        await self._run_out()
        await self.payments.earn_due(self.clock().date() + timedelta(days=2))
        if self.abilities.records:
            await self.records.read()

    async def _run_out(self) -> None:
        """Nothing stays reserved: it is taken in time, or, where nobody did that, gone; then some pay anew."""
        waits = any(row["status"] == "requires_capture" for row in self.machine.state.rows("payment_intents"))
        if not waits and not self.forgets:
            return
        for _day in range(DAYS):
            self.clock.advance(days=1)
            if not self.forgets:
                await self.payments.charge_due(self.clock().date())
            await self.payments.sweep()
            self.clock.advance(minutes=2)
            await self.payments.sweep()
        for case in self.db.rows("case"):
            if case.status in (C.CONFIRMED, C.FINISHED) and self.chance.hits(0.6):
                url = await self.cases.pay(case.id, "http://city/back")
                if url:
                    self.paid_anew += 1
                    self.machine.pay(url.rsplit("/", 1)[1])
        for _minute in range(4 if self.paid_anew else 0):
            self.clock.advance(minutes=1)
            await self.payments.sweep()

    # What must be true.

    def check_always(self) -> None:
        taken = Counter(case.starts_at for case in self.db.rows("case") if case.status in TAKEN)
        require(all(count == 1 for count in taken.values()), "a time is given away twice")
        for payment in self.db.rows("payment"):
            require(0 <= payment.refunded_cents <= payment.captured_cents, "more refunded than captured")
            require(0 <= payment.advance_cents <= payment.captured_cents, "more in advance than captured")
        self.staff.check_always(require)
        going: Counter[UUID] = Counter()
        let_go = {one.id for one in self.db.rows("payment") if one.keep_reason is not None}  # taken while it was let go
        for refund in self.db.rows("refund"):
            is_large = (
                0 < self.approve_above < refund.amount_cents
                and refund.reason == "cancelled"
                and refund.payment_id not in let_go
            )
            is_going = refund.status in ("approved", "submitted", "succeeded")
            require(
                not (is_going and is_large) or refund.approved_by is not None, "a large refund that nobody has approved"
            )
            if is_going or (is_large and refund.status == "requested"):
                going[refund.payment_id] += refund.amount_cents
            mine = {refund.caused_by, refund.asked_by} - {None}
            require(refund.approved_by not in mine, "approved by whoever has brought it about")
        for payment in self.db.rows("payment"):
            require(payment.refunded_cents == going[payment.id], "what is promised is not kept for it")

    async def check_end(self) -> None:
        cases = {case.id: case for case in self.db.rows("case")}
        sessions = self.machine.state.rows("sessions")  # where the bank said no days later, nothing was taken
        self.edited &= {row["id"] for row in sessions if row["payment_status"] == "paid"}
        payments, refunds = self.db.rows("payment"), self.db.rows("refund")
        sums: Counter[str] = Counter()
        for journal in self.db.rows("journal"):
            sums.update({entry.account: 0 for entry in journal.entries})
            for entry in journal.entries:
                sums[entry.account] += entry.amount_cents
        odd = [p for p in payments if p.session_id in self.edited]
        require({p.status for p in odd} <= {"attention"}, "another amount than ours was taken")
        payments = [p for p in payments if p not in odd]
        moved = self.machine.state.rows("balance_transactions")
        at_stripe = sum(row["amount"] for row in moved if row["type"] not in ("payout", "payout_failure"))
        charges, not_ours = self.machine.state.rows("charges"), self._edited_charges()
        at_stripe -= sum(
            row["amount_captured"] for row in charges if row["captured"] and row["payment_intent"] in not_ours
        )
        require(sum(sums.values()) == 0, "the ledger does not balance")
        at_stripe -= sum(  # disputed, although not ours
            sum(txn["amount"] for txn in row["balance_transactions"])
            for row in self.machine.state.rows("disputes")
            if row["payment_intent"] in self._edited_charges()
        )
        require(sums["psp_clearing"] == at_stripe, f"ledger {sums['psp_clearing']}, provider {at_stripe}")
        self._check_disputes(sums)
        if self.abilities.records:
            self._check_payouts()
        to_transfer = sum(r.amount_cents for r in refunds if r.status == "failed")
        waiting = -sums["received_in_advance"]  # less where it was earned before it was asked back
        require(0 <= waiting <= to_transfer, "something is owed")
        require(sums["refund_payable"] == 0, "something is owed")
        overtaken = sum(r.amount_cents for r in refunds if r.status == "overtaken")
        kept = sum(p.captured_cents - p.refunded_cents for p in payments) - waiting - overtaken
        require(sums["revenue:fees"] == -kept, f"revenue {-sums['revenue:fees']}, kept {kept}")

        require({p.status for p in payments} <= {"paid", "fenced"}, "a payment rests unsettled")
        done = "succeeded" if self.abilities.refund else "failed"
        why = {"provider_cannot_refund"} if not self.abilities.refund else {"charge_disputed"}
        settled = {r.status for r in refunds if not (r.status == "failed" and r.failure in why)}
        rejected = {r.payment_id for r in refunds if r.status == "rejected" and r.needs_approval}
        require(settled <= {done, "overtaken", "rejected"}, "a refund rests unsettled or failed")
        require(not rejected or bool(self.approve_above), "a refund was rejected that nobody had to approve")
        if self.abilities.fence:
            self.staff.check_end(require)
            require(all(r.reason != "lost_slot" for r in refunds), "money came for a time given away")
        ended = (C.CONFIRMED, C.FINISHED, C.CANCELLED, C.EXPIRED)
        resting = {c.id for c in cases.values() if c.status not in ended}
        require(resting <= {p.reference for p in odd}, "a case rests")

        require(all(row["status"] != "open" for row in sessions), "a session can still be paid")
        captured = {row["id"] for row in sessions if row["payment_status"] == "paid"} - self.edited
        require(captured == {p.session_id for p in payments if p.status == "paid"}, "captured money without a payment")
        for payment in payments:
            if payment.status == "paid":
                case = cases[payment.reference]
                by_transfer = sum(
                    r.amount_cents
                    for r in refunds
                    if r.payment_id == payment.id and r.status in ("failed", "overtaken")
                )
                kept = payment.captured_cents - payment.refunded_cents - by_transfer
                share = 0 if payment.id in rejected else payment.amount.percent(REFUND_PERCENT).cents
                owed = {
                    C.CONFIRMED: case.fee.cents,
                    C.FINISHED: case.fee.cents,
                    C.CANCELLED: case.fee.cents - share,
                }.get(case.status, 0)
                people = self.staff.gave_back(payment)
                owed = 0 if people is None else owed - people
                if payment.id not in self._lost():  # then nothing is given back any more
                    require(kept == owed, f"{case.status}: kept {kept}, owed {owed}")
                else:
                    require(owed <= kept <= payment.captured_cents, f"{case.status}: kept {kept}, owed {owed}")
        paid = {payment.reference for payment in payments if payment.status == "paid"}
        notices = [(case_id, template) for case_id, template, _ in await self._notices()]
        rejections = sum(step.event == "rejected" for step in self.db.rows("refund_step"))
        require(
            sum(template == "refund_rejected" for _, template in notices) == rejections, "rejected, and nobody told"
        )
        told = set(notices)
        gone = {p.reference for p in payments if p.is_uncovered}
        require(not gone or self.forgets, "a reservation ran out although it could be taken")
        for case in cases.values():
            if case.status in (C.CONFIRMED, C.FINISHED):
                has_odd = case.id in {p.reference for p in odd}
                require(not case.fee or case.id in paid | gone or has_odd, "confirmed without money")
                require(case.id not in gone or (case.id, "fee_due_again") in told, "to be paid anew, and nobody told")
                require((case.id, "appointment_confirmed") in told, "confirmed, and nobody told")
            if case.status is C.EXPIRED:
                require((case.id, "appointment_confirmed") not in told, "told of what did not happen")
                is_late = case.id in paid
                require(((case.id, "paid_too_late") in told) == is_late, "money that came too late, and nobody told")

    def _check_payouts(self) -> None:
        """What the provider says of its own books is booked, once: its prices, what is at the bank or on its way, what came back."""
        sums: Counter[str] = Counter()
        for entries in self.db._tables.get("record_journal", {}).values():
            for entry in entries:
                sums[entry.account] += entry.amount_cents
        rows = self.machine.state.rows("balance_transactions")
        theirs = self.machine.state.rows("payouts")
        if not self.db.rows("payment"):
            return  # then nobody reads them
        out = sum(row["amount"] for row in theirs if row["status"] not in ("failed", "canceled"))
        fees = sum(row["fee"] for row in rows)
        require(sums["bank_in_transit"] == out, f"in transit {sums['bank_in_transit']}, paid out {out}")
        require(sums["psp_fees"] == fees, f"prices {sums['psp_fees']}, taken {fees}")
        require(sums["psp_clearing"] == -out - fees, "the provider's books do not balance with ours")
        ours = {row.id: (row.status, row.refused) for row in self.db.rows("payout")}
        require(ours == {row["id"]: (row["status"], "") for row in theirs}, "a payout is not what the provider says")

    def _check_disputes(self, sums: Counter[str]) -> None:
        """Each is known, ended as the bank has said, and booked once; what was lost is a loss unless it was to be given back anyhow."""
        ours = {row.provider_id: row for row in self.db.rows("dispute")}
        theirs = [
            row for row in self.machine.state.rows("disputes") if row["payment_intent"] not in self._edited_charges()
        ]
        words = {"won": "won", "lost": "lost", "warning_closed": "closed"}
        require(
            {key: row.status for key, row in ours.items()} == {row["id"]: words[row["status"]] for row in theirs},
            "a dispute is not what the bank says",
        )
        require(all(row.attention is None for row in ours.values()), "a dispute does not fit")
        require(sums["dispute_receivable"] == 0, "a dispute is over and still claimed")
        lost = sum(row.taken_cents for row in ours.values() if row.status == "lost")
        overtaken = sum(r.amount_cents for r in self.db.rows("refund") if r.status == "overtaken")
        require(sums["dispute_loss"] == lost - overtaken, f"lost {lost}, overtaken {overtaken}")
        unpaid = [r for r in self.db.rows("refund") if r.failure == "charge_disputed"]
        require({r.payment_id for r in unpaid} <= self._lost(), "a refund failed for a dispute that was not lost")
        for payment_id in self._lost():
            there = sum(
                row.taken_cents for row in ours.values() if (row.payment_id, row.status) == (payment_id, "lost")
            )
            own = [r for r in self.db.rows("refund") if r.payment_id == payment_id and r.status == "overtaken"]
            require(sum(r.amount_cents for r in own) <= there, "a lost dispute pays back more than it took")

    def _lost(self) -> set[UUID]:
        return {row.payment_id for row in self.db.rows("dispute") if row.status == "lost"}

    def _edited_charges(self) -> set[str]:
        return {row["payment_intent"] for row in self.machine.state.rows("sessions") if row["id"] in self.edited}

    async def _notices(self) -> list[tuple[UUID, str, str]]:
        async with self.db.transaction() as tx:
            return list(tx["notice"])


def require(holds: bool, guarantee: str) -> None:
    if not holds:
        raise Violation(guarantee)


def play(seed: int, *, promises: bool = True) -> Simulation:
    """The whole history of one seed; raises Violation."""

    async def run() -> Simulation:
        world = Simulation(seed, promises=promises)
        await world.run()
        return world

    return asyncio.run(run())

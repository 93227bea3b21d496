"""What `payment` needs of a store. Two implementations, books_pg and books_memory, held together by one contract suite."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar
from uuid import UUID

from payment.ledger import Journal
from payment.model import Dispute, DisputeStatus, Payment, PaymentStatus, Refund, RefundStatus, RefundStep, Troubles
from payment.ports import Tx, VendorEvent

T = TypeVar("T")

# A submitted refund is looked at after as long again as half its age, within these.
REFUND_LOOK_SOONEST = timedelta(minutes=1)
REFUND_LOOK_LATEST = timedelta(minutes=15)

# How long a lapsed payment is looked at, seldom; whoever pays and comes back makes us look at once. Sources name no end of a payment page.
LATE_MONEY = timedelta(days=7)


class Refused(Exception):
    """A rule of the schema forbids it; `constraint` is the rule's name."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class Overtaken(Exception):
    """A compare-and-set found another status than the one it was computed from."""


class DisputeRows(Protocol):
    async def payment_of_charge(self, tx: Tx, charge_id: str) -> Payment | None: ...
    async def dispute(self, tx: Tx, provider_id: str, *, lock: bool = False) -> Dispute | None: ...
    async def disputes(self, tx: Tx, payment_id: UUID) -> list[Dispute]: ...
    async def insert_dispute(self, tx: Tx, dispute: Dispute) -> None: ...
    async def store_dispute(self, tx: Tx, dispute: Dispute, was: DisputeStatus) -> None:
        """Raises Overtaken."""

    async def due_disputes(self, tx: Tx, checked_before: datetime, limit: int) -> list[Dispute]:
        """Those that are not over, last looked at (or made) up to then; oldest look first."""


class Books(DisputeRows, Protocol):
    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Commits at the end, rolls back on any exception. Raises Refused, also at the commit."""

    def apart(self) -> AbstractAsyncContextManager[Tx]:
        """No transaction around: each statement is its own, so two may see two moments, and what was written stays. Raises Refused."""

    async def payment(self, tx: Tx, payment_id: UUID, *, lock: bool = False) -> Payment | None:
        """With `lock` nobody else gets the lock before the transaction ends."""

    async def living(self, tx: Tx, reference: UUID) -> Payment | None:
        """The one payment of this reference that is neither fenced nor lapsed, surplus aside."""

    async def latest(self, tx: Tx, reference: UUID) -> Payment | None: ...
    async def payment_of_session(self, tx: Tx, session_id: str) -> Payment | None: ...
    async def insert_payment(self, tx: Tx, payment: Payment) -> bool:
        """False where the reference has a living payment, or the session a payment, already."""

    async def store_payment(self, tx: Tx, payment: Payment, was: PaymentStatus) -> None:
        """All but what never changes (also `capture`), `service_day`, and `refunded_cents` and `advance_cents`, which the store keeps by
        itself. Raises Overtaken."""

    async def due_payments(
        self, tx: Tx, checked_before: datetime, attention_before: datetime, limit: int
    ) -> list[Payment]:
        """INTENDED, OPEN, PROCESSING, and AUTHORISED with an order (at once, where nobody has looked since); by the second: other
        AUTHORISED ones, ATTENTION, and LAPSED within LATE_MONEY. Last looked at (or made) up to then; oldest look first."""

    async def due_to_take(self, tx: Tx, end: datetime, today: date, limit: int) -> list[UUID]:
        """Reservations without an order that end up to then, or whose service day is before today; the earliest end first."""

    async def uncovered(self, tx: Tx, reference: UUID) -> Payment | None:
        """The youngest of this reference whose reservation is gone although we wanted it; None where another has secured it since."""

    async def serve_on(self, tx: Tx, references: Collection[UUID], day: date) -> None:
        """The service day of all payments of these references that are not fenced."""

    async def due_to_earn(self, tx: Tx, today: date, limit: int) -> list[UUID]:
        """Paid ones whose service day has come, with something not earned that is not owed; the oldest day first."""

    async def refund(self, tx: Tx, refund_id: UUID, *, lock: bool = False) -> Refund | None: ...
    async def refunds(self, tx: Tx, payment_id: UUID) -> list[Refund]: ...
    async def refunds_for(self, tx: Tx, reference: UUID) -> list[Refund]:
        """Of all its payments: also of those that ended, and of what was paid beyond what is owed."""

    async def insert_refund(self, tx: Tx, refund: Refund) -> bool:
        """False where the rule has asked for it already (same payment, same reason), and that did not fail."""

    async def store_refund(self, tx: Tx, refund: Refund, was: RefundStatus) -> None: ...
    async def write_step(self, tx: Tx, step: RefundStep) -> None: ...
    async def steps(self, tx: Tx, payment_id: UUID) -> list[RefundStep]:
        """What people have done about refunds by rule that wait for one, the oldest first."""

    async def erase_notes(self, tx: Tx, reference: UUID) -> bool:
        """Why people gave money back for this reference, of what they have decided, and to which account. True: a request is still open and
        keeps its note, or a transfer order, and keeps its account."""

    async def due_refunds(self, tx: Tx, now: datetime, limit: int) -> list[Refund]:
        """APPROVED ones at once unless their payment is disputed, SUBMITTED ones ever more rarely, FAILED ones to be tried anew by now;
        oldest look first."""

    async def post(self, tx: Tx, journal: Journal, at: datetime) -> None: ...
    async def journals(self, tx: Tx, payment_id: UUID) -> list[Journal]: ...
    async def keep_event(self, tx: Tx, vendor: str, event: VendorEvent, at: datetime) -> bool:
        """False where it is known."""

    async def listed_until(self, tx: Tx, provider: str) -> datetime | None:
        """Up to when the provider's list of sessions has been gone through."""

    async def set_listed_until(self, tx: Tx, provider: str, until: datetime) -> None: ...
    async def troubles(self, tx: Tx) -> Troubles: ...


async def with_second_try(books: Books, work: Callable[[Tx], Awaitable[T]]) -> T:
    """The work in a transaction, and once more where another one met it: nothing was done then, and that one is through.

    Late money holds its payment and wants the case; whoever asks for another payment holds the case and wants the place of the
    living payment. PostgreSQL ends one of the two; or the place is taken in the moment between looking and writing.
    """
    try:
        async with books.transaction() as tx:
            return await work(tx)
    except Exception as error:  # this module knows no driver: what it is, its attributes say; all else goes on
        met = (
            getattr(error, "sqlstate", None) == _DEADLOCK or getattr(error, "constraint", None) == "payment_one_living"
        )
        if not met:
            raise
    async with books.transaction() as tx:
        return await work(tx)


_DEADLOCK = "40P01"

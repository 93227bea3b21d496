"""Transfer orders themselves: the payee's link, an order under its lock, and the one way in which it changes.

Each step locks the payment before the order, as refunds do; what it means is in the graph (`states`) and in the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Protocol
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import NotFound
from base.seal import Sealer, same, token_sha256
from payment import store as payments_store
from payment.bank.pain import Account
from payment.ledger import Journal, JournalKind, taken_back
from payment.ports import Tx
from payment.transfers import store
from payment.transfers.model import NOTE_LENGTH, BankAccount, Order, Step
from payment.transfers.refusals import NoPayingAccount, NoteWrong, TransferMovedOn
from payment.transfers.states import TRANSITIONS, TransferEvent, TransferStatus


class Tell(Protocol):
    """The payee of this reference, in the transaction of the fact. `what`: asked, returned or paid."""

    async def __call__(self, tx: Tx, order: Order, what: str, path: str, *, again: int = 0) -> None:
        """`again`: the same once more, for the so-manieth time; each is a message of its own."""


class Orders:
    """`today`: the city's day; `payer`: the city's account, None where none is set up."""

    def __init__(
        self,
        db: Database,
        sealer: Sealer,
        clock: Clock,
        tell: Tell,
        today: Callable[[], date],
        payer: Account | None,
    ) -> None:
        self.db = db
        self.sealer = sealer
        self.clock = clock
        self.today = today
        self._payer = payer
        self._tell = tell

    @property
    def payer(self) -> Account:
        """Raises NoPayingAccount."""
        if self._payer is None:
            raise NoPayingAccount
        return self._payer

    def token(self, order_id: UUID) -> str:
        """A bearer token that can be made again for a later message; the database has its hash."""
        return self.sealer.mac(f"transfer:{order_id}")

    def link(self, order: Order) -> str:
        """Without the language, which the caller puts in front."""
        return f"/refunds/link/{self.token(order.id)}"

    async def authorise(self, order_id: UUID, token: str) -> bool:
        return same(self.token(order_id), token)

    async def find_by_token(self, token: str) -> UUID | None:
        async with self.db.connection() as conn:
            return await store.find_by_token(conn, token_sha256(token))

    def account_of(self, order: Order) -> BankAccount | None:
        if order.holder is None or order.iban is None:
            return None
        return BankAccount(
            holder=self.sealer.open(order.holder, f"transfer.holder:{order.id}"),
            iban=self.sealer.open(order.iban, f"transfer.iban:{order.id}"),
        )

    async def _locked(self, conn: Connection, order_id: UUID) -> Order:
        order = there(await store.find(conn, order_id))
        await payments_store.lock_payment(conn, order.payment_id)
        return there(await store.lock(conn, order_id))

    def _after(self, before: Order, event: TransferEvent) -> TransferStatus:
        try:
            return TRANSITIONS[before.status, event]
        except KeyError:
            raise TransferMovedOn from None

    async def _step(
        self,
        conn: Connection,
        before: Order,
        changed: Order,
        event: TransferEvent,
        by: int | None,
        *,
        note: str | None = None,
        record: Mapping[str, str] | None = None,
    ) -> Order:
        now = self.clock()
        after = replace(changed, status=self._after(before, event), changed_at=now)
        if not await store.update(conn, after, before.status):
            raise TransferMovedOn
        step = Step(event=event.name.lower(), at=now, by=by, note=note, record=record)
        await store.insert_step(conn, before.id, step)
        return after

    async def _reverse(self, conn: Connection, order: Order, booked: JournalKind, kind: JournalKind) -> None:
        journals = await payments_store.journals_of(conn, order.payment_id)
        last: Journal = [one for one in journals if (one.kind, one.refund_id) == (booked, order.refund_id)][-1]
        # The database names what it takes back (0081_transfer_books.sql).
        await payments_store.insert_journal(conn, taken_back(last, kind), self.clock())


def there(order: Order | None) -> Order:
    if order is None:
        raise NotFound
    return order


def nameless(order: Order) -> Order:
    """Its payee is asked once more."""
    return replace(
        order.unassessed(),
        round=order.round + 1,
        holder=None,
        iban=None,
        iban_end=None,
        entered_by=None,
        entered_at=None,
    )


def checked_note(note: str) -> str:
    note = " ".join(note.split())
    if not 1 <= len(note) <= NOTE_LENGTH:
        raise NoteWrong(note)
    return note

"""Transfer orders: from a refund that failed for good to money on the payee's account. Files for the bank: see `files`.

Each step locks the payment before the order, as refunds do; what it means is in the graph (`states`) and in the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Protocol, cast
from uuid import UUID, uuid5

from base.clock import Clock
from base.db import Connection, Database
from base.errors import NotFound
from base.failpoint import point
from base.identity import store as accounts
from base.seal import Sealer, same, token_sha256
from payment import store as payments_store
from payment.bank.pain import Account
from payment.ledger import Journal, JournalKind, part_of, taken_back
from payment.model import Payment, Refund
from payment.ports import Tx
from payment.transfers import store
from payment.transfers.journals import owed_journal, paid_journal
from payment.transfers.model import (
    NOTE_LENGTH,
    BankAccount,
    Order,
    Step,
    Story,
    ten_fields,
    understood,
)
from payment.transfers.refusals import (
    AccountWrong,
    NoPayingAccount,
    NoteWrong,
    PaymentDisputed,
    SamePerson,
    TransferMovedOn,
)
from payment.transfers.states import OPEN, TAKES_ACCOUNT, TRANSITIONS, TransferEvent, TransferStatus

_EVENT, _S = TransferEvent, TransferStatus
_AT_ONCE = 100
MOST_SHOWN = 500
arisen = point("transfer.arisen")
account_given = point("transfer.account-given")
assessed = point("transfer.assessed")
approved = point("transfer.approved")
asked_again = point("transfer.asked-again")
cancelled = point("transfer.cancelled")
returned = point("transfer.returned")


class Tell(Protocol):
    """The payee of this reference, in the transaction of the fact. `what`: asked, returned or paid."""

    async def __call__(self, tx: Tx, order: Order, what: str, path: str) -> None: ...


class Transfers:
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

    # How an order comes into being

    async def arise(self, tx: Tx, payment: Payment, refund: Refund) -> None:
        """For `payment.ports.Hooks.on_refund_failed`: in its transaction, with the payment locked."""
        await self._arise(cast("Connection", tx), payment.id, refund.id)
        arisen()

    async def arise_due(self) -> int:
        """Of refunds that failed before there were orders, or in a process that knew none. How many."""
        async with self.db.connection() as conn:
            due = await store.without_order(conn, _AT_ONCE)
        done = 0
        for refund_id in due:
            async with self.db.transaction() as conn:
                refund = await payments_store.find_refund(conn, refund_id)
                done += refund is not None and await self._arise(conn, refund.payment_id, refund_id)
        return done

    async def _arise(self, conn: Connection, payment_id: UUID, refund_id: UUID) -> bool:
        payment = await payments_store.lock_payment(conn, payment_id)
        refund = await payments_store.lock_refund(conn, refund_id)
        assert payment is not None
        assert refund is not None
        # What another refund has given back meanwhile is not owed twice; SEPA carries euros only.
        is_owed = refund.amount_cents <= payment.refundable.cents and not await store.is_tried_anew(conn, refund_id)
        if not is_owed or payment.currency != "EUR" or refund.transfer_status:
            return False
        now, ident = self.clock(), uuid5(refund_id, "transfer")
        order = Order(
            id=ident,
            refund_id=refund_id,
            payment_id=payment_id,
            amount_cents=refund.amount_cents,
            purpose=f"{'Erstattung' if payment.language == 'de' else 'Refund'} {payment.kassenzeichen}",
            lines=part_of(payment.lines, refund.amount_cents),
            created_at=now,
            changed_at=now,
            token_sha256=token_sha256(self.token(ident)),
            reference=payment.reference,
        )
        if not await store.insert(conn, order):
            return False
        await payments_store.insert_journal(conn, owed_journal(refund, payment), now)
        await store.insert_step(conn, ident, Step(event="ask", at=now))
        await self._tell(conn, order, "asked", self.link(order))
        return True

    # The payee's link

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

    # Steps

    async def give_account(self, order_id: UUID, *, holder: str, iban: str, by: int | None = None) -> Order:
        """By its payee, or by staff for them. The same account again: as it stands. Raises NotFound, AccountWrong, TransferMovedOn."""
        account, wrong = understood(holder, iban)
        if account is None:
            raise AccountWrong(wrong)
        async with self.db.transaction() as conn:
            before = await self._locked(conn, order_id)
            if before.status not in TAKES_ACCOUNT:
                if self._account(before) == account and before.status is not _S.CANCELLED:
                    return before  # sent twice
                raise TransferMovedOn
            named = replace(
                before.unassessed(),
                holder=self.sealer.seal(account.holder, f"transfer.holder:{order_id}"),
                iban=self.sealer.seal(account.iban, f"transfer.iban:{order_id}"),
                iban_end=account.end,
                entered_by=by,
                entered_at=self.clock(),
            )
            after = await self._step(conn, before, named, _EVENT.GIVE, by)
        account_given()
        return after

    async def assess(self, order_id: UUID, *, by: int) -> Order:
        """Correct in substance and sum. Again by the same person: as it stands. Raises NotFound, TransferMovedOn."""
        async with self.db.transaction() as conn:
            before = await self._locked(conn, order_id)
            if before.status is _S.ASSESSED and before.assessed_by == by:
                return before
            found = replace(before, assessed_by=by, assessed_at=self.clock())
            after = await self._step(conn, before, found, _EVENT.ASSESS, by)
        assessed()
        return after

    async def approve(self, order_id: UUID, *, by: int) -> Order:
        """Orders the payment, due today. Again by the same person: as it stands.

        Raises NotFound, TransferMovedOn, SamePerson, PaymentDisputed, NoPayingAccount.
        """
        payer = self.payer
        async with self.db.transaction() as conn:
            before = await self._locked(conn, order_id)
            if before.status is _S.APPROVED and before.approved_by == by:
                return before
            if by in (before.assessed_by, before.entered_by):
                raise SamePerson
            if await store.is_disputed(conn, before.payment_id):
                raise PaymentDisputed
            today = self.today()
            ordered = replace(before, approved_by=by, approved_at=self.clock(), due_on=today, budget_year=today.year)
            self._after(before, _EVENT.APPROVE)
            names = await accounts.names(conn, [one for one in (before.assessed_by, by) if one is not None])
            record = ten_fields(ordered, account_end=before.iban_end or "", payer=payer, names=names)
            after = await self._step(conn, before, ordered, _EVENT.APPROVE, by, record=record)
        approved()
        return after

    async def ask_again(self, order_id: UUID, *, by: int, note: str) -> Order:
        """The account cannot be right: its payee is asked anew. Raises NotFound, NoteWrong, TransferMovedOn."""
        note = _note(note)
        async with self.db.transaction() as conn:
            before = await self._locked(conn, order_id)
            if before.status is _S.ASKED:
                return before
            after = await self._step(conn, before, _nameless(before), _EVENT.ASK_AGAIN, by, note=note)
            await self._tell(conn, after, "asked", self.link(after))
        asked_again()
        return after

    async def cancel(self, order_id: UUID, *, by: int | None, note: str) -> Order:
        """The refund is owed again, and may be asked for in another way. Raises NotFound, NoteWrong, TransferMovedOn."""
        note = _note(note)
        async with self.db.transaction() as conn:
            after = await self._cancel(conn, order_id, by, note)
        cancelled()
        return after

    async def cancel_for(self, tx: Tx, payment_id: UUID, note: str) -> int:
        """What the bank does not have yet, of this payment, which the caller has locked: its payer got the money otherwise. How many."""
        conn = cast("Connection", tx)
        may = {status for status, event in TRANSITIONS if event is _EVENT.CANCEL}
        orders = [one for one in await store.of_payment(conn, payment_id) if one.status in may]
        for one in orders:
            await self._cancel(conn, one.id, None, note)
        return len(orders)

    async def _cancel(self, conn: Connection, order_id: UUID, by: int | None, note: str) -> Order:
        before = await self._locked(conn, order_id)
        if before.status is _S.CANCELLED:
            return before
        self._after(before, _EVENT.CANCEL)
        await self._reverse(conn, before, JournalKind.TRANSFER_OWED, JournalKind.TRANSFER_CANCELLED)
        return await self._step(conn, before, before, _EVENT.CANCEL, by, note=note)

    # What the bank's statement says

    async def find_sent(self, tx: Tx, end_to_end_id: str) -> UUID | None:
        """The order that went out under this EndToEndId of a bank statement."""
        try:
            ident = UUID(hex=end_to_end_id)
        except ValueError:
            return None
        return await store.find_by_end_to_end(cast("Connection", tx), ident)

    async def arrived(self, tx: Tx, order_id: UUID, bank_entry_ref: str) -> Order:
        """It has left our account. The same entry again: as it stands. Raises NotFound, TransferMovedOn."""
        conn = cast("Connection", tx)
        before = await self._locked(conn, order_id)
        if before.status is _S.PAID and before.bank_entry_ref == bank_entry_ref:
            return before
        self._after(before, _EVENT.ARRIVE)
        now = self.clock()
        await payments_store.insert_journal(conn, paid_journal(before), now)
        paid = replace(before, paid_at=now, bank_entry_ref=bank_entry_ref)
        after = await self._step(conn, before, paid, _EVENT.ARRIVE, None, note=bank_entry_ref)
        await self._tell(conn, after, "paid", self.link(after))
        return after

    async def returned(self, tx: Tx, order_id: UUID, reason: str, *, by: int | None = None) -> Order:
        """The bank sends it back: its payee is asked for another account. Raises NotFound, NoteWrong, TransferMovedOn."""
        conn, reason = cast("Connection", tx), _note(reason)
        before = await self._locked(conn, order_id)
        if before.status is _S.RETURNED:
            return before
        self._after(before, _EVENT.BOUNCE)
        if before.status is _S.PAID:
            await self._reverse(conn, before, JournalKind.TRANSFER_PAID, JournalKind.TRANSFER_RETURNED)
        after = await self._step(conn, before, _nameless(before), _EVENT.BOUNCE, by, note=reason)
        await self._tell(conn, after, "returned", self.link(after))
        return after

    async def returned_by_hand(self, order_id: UUID, *, by: int, note: str) -> Order:
        """Before the statement says so. Refusals as `returned`."""
        async with self.db.transaction() as conn:
            after = await self.returned(conn, order_id, note, by=by)
        returned()
        return after

    # Looks

    async def get(self, order_id: UUID) -> Order:
        """Raises NotFound."""
        async with self.db.connection() as conn:
            return _there(await store.find(conn, order_id))

    async def story(self, order_id: UUID) -> Story:
        """Raises NotFound."""
        async with self.db.transaction() as conn:
            order = _there(await store.find(conn, order_id))
            steps = await store.steps(conn, order_id)
            people = {one.by for one in steps if one.by is not None}
            return Story(
                order=order,
                account=self._account(order),
                steps=tuple(steps),
                names=await accounts.names(conn, people),
            )

    async def listed(self, statuses: Collection[TransferStatus]) -> Sequence[Order]:
        """At most MOST_SHOWN; of those that have ended the youngest."""
        async with self.db.connection() as conn:
            if not set(statuses) & OPEN:
                return await store.latest_done(conn, MOST_SHOWN)
            return await store.of_status(conn, statuses, MOST_SHOWN)

    async def counts(self) -> Mapping[TransferStatus, int]:
        async with self.db.connection() as conn:
            return await store.counts(conn)

    async def of_references(self, references: Collection[UUID]) -> Sequence[Order]:
        async with self.db.connection() as conn:
            return await store.of_references(conn, references)

    async def of_payment(self, payment_id: UUID) -> Sequence[Order]:
        async with self.db.connection() as conn:
            return await store.of_payment(conn, payment_id)

    async def names(self, account_ids: Collection[int]) -> Mapping[int, str]:
        async with self.db.connection() as conn:
            return await accounts.names(conn, account_ids)

    # Forgetting

    async def erase_bank_data(self, tx: Tx, before: datetime) -> int:
        """Holder, IBAN and files of what ended before this moment. How many orders and files."""
        conn = cast("Connection", tx)
        return await store.erase_accounts(conn, before) + await store.erase_files(conn, before)

    # Inside

    def _account(self, order: Order) -> BankAccount | None:
        if order.holder is None or order.iban is None:
            return None
        return BankAccount(
            holder=self.sealer.open(order.holder, f"transfer.holder:{order.id}"),
            iban=self.sealer.open(order.iban, f"transfer.iban:{order.id}"),
        )

    def account_of(self, order: Order) -> BankAccount | None:
        return self._account(order)

    async def _locked(self, conn: Connection, order_id: UUID) -> Order:
        order = _there(await store.find(conn, order_id))
        await payments_store.lock_payment(conn, order.payment_id)
        return _there(await store.lock(conn, order_id))

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


def _there(order: Order | None) -> Order:
    if order is None:
        raise NotFound
    return order


def _nameless(order: Order) -> Order:
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


def _note(note: str) -> str:
    note = " ".join(note.split())
    if not 1 <= len(note) <= NOTE_LENGTH:
        raise NoteWrong(note)
    return note

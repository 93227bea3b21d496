"""From an account that is named to an order that is approved: one step for each duty, each by another person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast
from uuid import UUID

from base.db import Connection
from base.failpoint import point
from base.identity import store as accounts
from payment.ports import Tx
from payment.transfers import store
from payment.transfers.model import Order, Step, ten_fields, understood
from payment.transfers.orders import Orders, checked_note, nameless
from payment.transfers.refusals import AccountWrong, PaymentDisputed, SamePerson, TransferMovedOn
from payment.transfers.states import TAKES_ACCOUNT, Occasion, TransferEvent, TransferStatus

_EVENT, _S = TransferEvent, TransferStatus
account_given = point("transfer.account-given")
assessed = point("transfer.assessed")
approved = point("transfer.approved")
asked_again = point("transfer.asked-again")
reminded = point("transfer.reminded")
_NOT_TWICE_IN = timedelta(minutes=10)
_ASKING = frozenset({Occasion.ASKED, Occasion.REMINDED, _EVENT.ASK_AGAIN.name.lower(), _EVENT.BOUNCE.name.lower()})


class Stepping(Orders):
    async def give_account(self, order_id: UUID, *, holder: str, iban: str, by: int | None = None) -> Order:
        """By its payee, or by staff for them. The same account again: as it stands. Raises NotFound, AccountWrong, TransferMovedOn."""
        account, wrong = understood(holder, iban)
        if account is None:
            raise AccountWrong(wrong)
        async with self.db.transaction() as conn:
            before = await self._locked(conn, order_id)
            if before.status not in TAKES_ACCOUNT:
                if self.account_of(before) == account and before.status not in (_S.CANCELLED, _S.WAIVED):
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
        note = checked_note(note)
        async with self.db.transaction() as conn:
            before = await self._locked(conn, order_id)
            if before.status is _S.ASKED:
                return before
            after = await self._step(conn, before, nameless(before), _EVENT.ASK_AGAIN, by, note=note)
            await self._tell(conn, after, "asked", self.link(after))
        asked_again()
        return after

    async def remind(self, order_id: UUID, *, by: int) -> Order:
        """The link goes out once more; asked twice within some minutes it is one message. Raises NotFound, TransferMovedOn."""
        async with self.db.transaction() as conn:
            order = await self._locked(conn, order_id)
            if order.status not in (_S.ASKED, _S.RETURNED):
                raise TransferMovedOn
            now = self.clock()
            asked = [one for one in await store.steps(conn, order_id) if one.event in _ASKING]
            if asked and asked[-1].at + _NOT_TWICE_IN > now:
                return order
            await store.insert_step(conn, order_id, Step(event=Occasion.REMINDED.value, at=now, by=by))
            what = "asked" if order.status is _S.ASKED else "returned"
            await self._tell(conn, order, what, self.link(order), again=len(asked))
        reminded()
        return order

    async def note_printed(self, tx: Tx, order_id: UUID, *, by: int) -> None:
        """A letter of it is in a print run, in whose transaction this is."""
        step = Step(event=Occasion.PRINTED.value, at=self.clock(), by=by)
        await store.insert_step(cast("Connection", tx), order_id, step)

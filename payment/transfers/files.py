"""Approved orders as one file for the bank: made once, under a number without a gap, and the same bytes whenever it is fetched again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from uuid import NAMESPACE_OID, UUID, uuid5

from base.db import Connection
from base.errors import NotFound
from base.failpoint import point
from payment.bank.pain import Release, Transfer, written
from payment.transfers import store
from payment.transfers.model import Download, Order, SentFile, Step, end_to_end_id
from payment.transfers.refusals import FileErased, NothingToSend, OwnOrders
from payment.transfers.states import TransferEvent, advance
from payment.transfers.usecases import Transfers

_MOST = 1000  # in one file
_SHOWN = 200
exported = point("transfer.exported")


@dataclass(frozen=True, slots=True)
class TransferFiles:
    transfers: Transfers

    async def make(self, *, by: int, key: UUID) -> SentFile:
        """Of all approved orders in which `by` had no part. The same key again: the same file.

        Raises NothingToSend, OwnOrders, NoPayingAccount.
        """
        ident, payer = uuid5(NAMESPACE_OID, f"transfer-file:{by}:{key}"), self.transfers.payer
        async with self.transfers.db.transaction() as conn:
            await store.lock_files(conn)
            if (known := await store.find_file_by_id(conn, ident)) is not None:
                return known
            waiting = await store.approved_of(conn, await store.lock_approved(conn, _MOST))
            orders = [one for one in waiting if by not in (one.entered_by, one.assessed_by, one.approved_by)]
            if not orders:
                raise OwnOrders if waiting else NothingToSend
            made = await self._write(conn, ident, orders, by)
        exported()
        assert made.account_iban == payer.iban
        return made

    async def _write(self, conn: Connection, ident: UUID, orders: Sequence[Order], by: int) -> SentFile:
        now, number, payer = self.transfers.clock(), await store.next_number(conn), self.transfers.payer
        release = Release(
            id=ident,
            at=now,
            on=_working_day(self.transfers.today()),
            account=payer,
            transfers=tuple(self._transfer(one, number) for one in orders),
        )
        content = written(release)
        file = SentFile(
            number=number,
            id=ident,
            made_by=by,
            made_at=now,
            execute_on=release.on,
            account_name=payer.name,
            account_iban=payer.iban,
            orders=len(orders),
            sum_cents=sum(one.amount_cents for one in orders),
            sha256=sha256(content).digest(),
        )
        await store.insert_file(conn, file, self.transfers.sealer.seal_bytes(content, _context(number)))
        pairs = zip(release.transfers, orders, strict=True)
        await store.insert_items(conn, number, [(order.id, out.id, out.amount_cents) for out, order in pairs])
        for order in orders:
            sent = replace(order, file=number, sent_at=now, changed_at=now)
            sent = replace(sent, status=advance(order.status, TransferEvent.EXPORT))
            await store.update(conn, sent, order.status)
            await store.insert_step(conn, order.id, Step(event="export", at=now, by=by, note=str(number)))
        return file

    def _transfer(self, order: Order, number: int) -> Transfer:
        account = self.transfers.account_of(order)
        assert account is not None, "an approved order has an account (transfer_order_account_given)"
        return Transfer(
            id=end_to_end_id(order.id, number),
            amount_cents=order.amount_cents,
            name=account.holder,
            iban=account.iban,
            purpose=order.purpose,
        )

    async def fetch(self, number: int, *, by: int) -> tuple[SentFile, bytes]:
        """The file as it was made; that somebody has it is written down. Raises NotFound, FileErased."""
        async with self.transfers.db.transaction() as conn:
            file, sealed = await store.find_file(conn, number), await store.content(conn, number)
            if file is None:
                raise NotFound
            if sealed is None:
                raise FileErased
            content = self.transfers.sealer.open_bytes(sealed, _context(number))
            assert sha256(content).digest() == file.sha256, "kept to the byte"
            await store.insert_download(conn, number, by, self.transfers.clock())
        return file, content

    async def all(self) -> Sequence[SentFile]:
        """The youngest first."""
        async with self.transfers.db.connection() as conn:
            return await store.files(conn, _SHOWN)

    async def one(self, number: int) -> tuple[SentFile, Sequence[Order], Sequence[Download]]:
        """With its orders and who has fetched it. Raises NotFound."""
        async with self.transfers.db.connection() as conn:
            file = await store.find_file(conn, number)
            if file is None:
                raise NotFound
            return file, await store.of_file(conn, number), await store.downloads(conn, number)


def _context(number: int) -> str:
    return f"transfer.file:{number}"


def _working_day(day: date) -> date:
    """Not at a weekend; the bank moves public holidays itself."""
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day

"""What an office does about refunds of its own cases: see them, enter an account that is told, send the link again, print letters."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.seal import Sealer
from booking.appointments import move_store
from booking.appointments.codes import code_of, normal_code
from booking.appointments.model import Case
from booking.appointments.usecases import Appointments
from booking.refunds import store
from booking.refunds.model import CaseRefunds, Due, LetterRuns
from payment.transfers.model import Order
from payment.transfers.usecases import Transfers

letters_taken = point("transfer.letters-taken")
_RUNS = UUID("5f1c52a0-9d5e-4f64-8e0b-2f0f3b8a9c11")  # name space of request keys
_MOST_DUE, _MOST_OF_A_RUN, _MOST_LISTED = 5_000, 200, 20


class NoLetterWaits(Conflict):
    code = "no_letter_waits"
    message = _("No letter waits to be printed.")


class Refunds:
    def __init__(
        self,
        db: Database,
        appointments: Appointments,
        transfers: Transfers,
        sealer: Sealer,
        clock: Clock,
    ) -> None:
        self._db = db
        self._appointments = appointments
        self._transfers = transfers
        self._sealer = sealer
        self._clock = clock

    async def of_case(self, office_id: int, appointment_id: UUID) -> CaseRefunds:
        """Raises NotFound, also for a case of another office."""
        case = await self._appointments.of_office(office_id, appointment_id)
        orders = await self._transfers.of_references(await self._appointments.references(case.id))
        return CaseRefunds(
            case=case,
            orders=tuple(orders),
            can_tell=self._appointments.can_reach(case.contact),
            can_write=case.contact.postal_address is not None,
        )

    async def enter(
        self, office_id: int, appointment_id: UUID, order_id: UUID, *, holder: str, iban: str, by: int
    ) -> Order:
        """As its payee has told it. Raises NotFound, AccountWrong, TransferMovedOn."""
        await self._own(office_id, appointment_id, order_id)
        return await self._transfers.give_account(order_id, holder=holder, iban=iban, by=by)

    async def remind(self, office_id: int, appointment_id: UUID, order_id: UUID, *, by: int) -> Order:
        """The link once more. Raises NotFound, TransferMovedOn."""
        await self._own(office_id, appointment_id, order_id)
        return await self._transfers.remind(order_id, by=by)

    async def unreached(self, office_id: int) -> Sequence[tuple[Order, Case]]:
        """Those that wait for an account of somebody whom neither a message nor a letter reaches; the longest waiting first."""
        asked = [(due, case) for due, case in await self._asked(office_id) if case.contact.postal_address is None]
        return [(await self._transfers.get(due.order_id), case) for due, case in asked]

    # Letters

    async def letter_runs(self, office_id: int) -> LetterRuns:
        waiting = len(await self.waiting(office_id))
        async with self._db.connection() as conn:
            return LetterRuns(waiting, tuple(await store.runs(conn, office_id, _MOST_LISTED)))

    async def waiting(self, office_id: int) -> list[tuple[Due, Case]]:
        """Letters to whoever has only a postal address, or whose last message did not arrive."""
        return _with_address(await self._asked(office_id))[:_MOST_OF_A_RUN]

    async def one_letter(
        self, office_id: int, appointment_id: UUID, order_id: UUID
    ) -> tuple[UUID | None, list[tuple[Due, Case]]]:
        """Whatever else reaches its payee: the run in which it was printed, or what is to be printed. Raises NotFound."""
        found = await self._own(office_id, appointment_id, order_id)
        [order] = [one for one in found.orders if one.id == order_id]
        async with self._db.connection() as conn:
            known = await store.run_of(conn, order.id, order.round, office_id)
        return known, _with_address([(Due(order.id, order.round, order.reference), found.case)])

    async def take(self, office_id: int, due: Sequence[Due], *, by: int, key: str) -> UUID:
        """Those of which the PDF was made, as one run, so they are printed. The same request again: the same run. Raises NoLetterWaits."""
        ident = uuid5(_RUNS, f"{office_id}:{by}:{key}")
        async with self._db.transaction() as conn:
            if await store.insert_run(conn, ident, office_id, by, self._clock()):
                letters = [(one.order_id, one.round, self._hmac(self._code(one))) for one in due]
                taken = await store.take(conn, ident, letters) if letters else []
                if not taken:
                    raise NoLetterWaits
                for order_id in taken:
                    await self._transfers.note_printed(conn, order_id, by=by)
        letters_taken()
        return ident

    async def of_run(self, office_id: int, run_id: UUID) -> list[tuple[Due, Case]]:
        """Without those whose payee has no postal address any more."""
        async with self._db.connection() as conn:
            due = await store.of_run(conn, office_id, run_id)
            cases = await _cases(conn, due)
        return _with_address([(one, await self._appointments.case(cases[one.order_id])) for one in due])

    async def letter(self, due: Due) -> tuple[Order, str]:
        """What it asks about, and the code to be typed in."""
        return await self._transfers.get(due.order_id), self._code(due)

    async def open(self, typed: str) -> tuple[UUID, str] | None:
        """The order of a letter's code, and the token that proves it. None: there is no such code."""
        code = normal_code(typed)
        if code is None:
            return None
        async with self._db.connection() as conn:
            ident = await store.find_by_code(conn, self._hmac(code))
        return None if ident is None else (ident, self._transfers.token(ident))

    def link(self, order: Order) -> str:
        """Without the language, which the caller puts in front."""
        return self._transfers.link(order)

    # Inside

    async def _own(self, office_id: int, appointment_id: UUID, order_id: UUID) -> CaseRefunds:
        found = await self.of_case(office_id, appointment_id)
        if all(one.id != order_id for one in found.orders):
            raise NotFound
        return found

    async def _asked(self, office_id: int) -> list[tuple[Due, Case]]:
        """Whom no message reaches, and no letter was printed to in this round."""
        async with self._db.connection() as conn:
            due = await store.due_at(conn, office_id, _MOST_DUE)
        found: list[tuple[Due, Case]] = []
        for one in due:
            case = await self._appointments.case(one.appointment_id)
            if not (case.is_told and self._appointments.can_reach(case.contact)):
                found.append((one, case))
        return found

    def _code(self, one: Due) -> str:
        return code_of(self._sealer.mac(f"transfer.code:{one.order_id}:{one.round}"))

    def _hmac(self, code: str) -> bytes:
        return self._sealer.look_up(code, "transfer.code")


def _with_address(asked: Sequence[tuple[Due, Case]]) -> list[tuple[Due, Case]]:
    return [(due, case) for due, case in asked if case.contact.postal_address is not None]


async def _cases(conn: Connection, due: Sequence[Due]) -> dict[UUID, UUID]:
    """Order -> its case: whoever moved to a dearer time has paid for the hold of that."""
    moved = await move_store.moved_cases(conn, {one.reference for one in due})
    return {one.order_id: moved.get(one.reference, one.reference) for one in due}

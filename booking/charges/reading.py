"""What there is of further fees, and who may look: by ticket, case, number or link."""

from __future__ import annotations

from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import NotFound
from base.money import Money
from base.seal import Sealer, is_token, token_sha256
from booking.appointments.codes import code_of, normal_code
from booking.appointments.number import normal_number
from booking.appointments.store import find_by_number
from booking.charges import store
from booking.charges.model import Charge, OpenItem, Owed, Price, Visit
from payment.decide_dispute import is_disputed
from payment.model import Payment, Refund
from payment.usecases import Payments

MOST_LISTED = 500


class Reading:
    """`public_url`: of the link to pay."""

    def __init__(self, db: Database, payments: Payments, sealer: Sealer, clock: Clock, public_url: str) -> None:
        self._db = db
        self._payments = payments
        self._sealer = sealer
        self._clock = clock
        self._public_url = public_url

    @property
    def only_at_till(self) -> bool:
        return self._payments.only_at_till

    async def prices(self, ticket_id: UUID) -> list[Price]:
        """What may be asked of whoever is served with this ticket, by today's price list."""
        async with self._db.connection() as conn:
            at = await store.visit(conn, ticket_id, self._clock())
            return [] if at is None else await store.prices(conn, at.day)

    async def of_visit(self, ticket_id: UUID) -> list[Charge]:
        """Of the ticket and of its case, the oldest first."""
        async with self._db.connection() as conn:
            at = await store.visit(conn, ticket_id, self._clock())
            return [] if at is None else await store.of_visit(conn, ticket_id, at.appointment_id)

    async def of_case(self, appointment_id: UUID) -> list[Charge]:
        async with self._db.connection() as conn:
            return await store.of_case(conn, appointment_id)

    async def of_number(self, office_id: int, typed: str) -> list[Charge]:
        """By the queue's number, as somebody without an appointment says it at a till today."""
        typed = typed.strip()
        if not (typed.isascii() and typed.isdigit() and len(typed) <= 4):
            return []
        async with self._db.connection() as conn:
            return await store.of_number(conn, office_id, int(typed), self._clock())

    async def at_till(self, office_id: int, typed: str) -> list[Charge]:
        """By what a payer says at a till of this office: the number of an appointment, or today's number of the queue."""
        number = normal_number(typed)
        if number is None:
            return await self.of_number(office_id, typed)
        async with self._db.connection() as conn:
            case_id = await find_by_number(conn, number)
            return [] if case_id is None else await store.of_case(conn, case_id)

    async def get(self, charge_id: UUID) -> Charge:
        """Raises NotFound."""
        async with self._db.connection() as conn:
            return await self._found(conn, charge_id)

    async def find(self, charge_id: UUID) -> Charge | None:
        async with self._db.connection() as conn:
            return await store.find(conn, charge_id)

    async def owed(self, appointment_id: UUID) -> Owed:
        """Of the booking itself; nothing where it is paid."""
        async with self._db.connection() as conn:
            again = Money(await store.owed_again(conn, appointment_id))
            return Owed(again or Money(await store.owed(conn, appointment_id)), ran_out=bool(again))

    async def open_items(self) -> list[OpenItem]:
        """Fees that are owed, the oldest first."""
        async with self._db.connection() as conn:
            return await store.open_items(conn, MOST_LISTED)

    async def payment(self, charge_id: UUID) -> Payment | None:
        """The living one, else the last that ended."""
        async with self._db.connection() as conn:
            return await self._payments.latest(conn, charge_id)

    async def refunds(self, payment_id: UUID) -> list[Refund]:
        async with self._db.connection() as conn:
            return await self._payments.refunds(conn, payment_id)

    async def is_disputed(self, payment_id: UUID) -> bool:
        """Its payer's bank is still to decide: what is given back waits for that."""
        async with self._db.connection() as conn:
            return is_disputed(await self._payments.disputes(conn, payment_id))

    async def authorise(self, charge_id: UUID, token: str) -> bool:
        async with self._db.connection() as conn:
            return is_token(token, await store.token_of(conn, charge_id))

    async def find_by_token(self, token: str) -> UUID | None:
        """Whose link this is."""
        if not token.isascii():
            return None
        async with self._db.connection() as conn:
            return await store.find_by_token(conn, token_sha256(token))

    async def code(self, charge_id: UUID) -> str:
        """Of the receipt, which leads its payer back; empty where the fee was asked for before there were codes."""
        async with self._db.connection() as conn:
            return self._code(charge_id) if await store.has_code(conn, charge_id) else ""

    async def open_code(self, typed: str) -> tuple[UUID, str] | None:
        """The charge of a receipt's code, and the token that proves it. None: there is no such code."""
        code = normal_code(typed)
        if code is None:
            return None
        async with self._db.connection() as conn:
            ident = await store.find_by_code(conn, self._sealer.look_up(code, "charge.code"))
            charge = None if ident is None else await store.find(conn, ident)
        return None if charge is None else (charge.id, self._sealer.open(charge.token_sealed, seal_of(charge.id)))

    def _code(self, charge_id: UUID) -> str:
        return code_of(self._sealer.mac(f"charge.code:{charge_id}"))

    def link(self, charge: Charge) -> str:
        """Where it is paid, in its payer's language: to be shown or sent."""
        return (
            f"{self._public_url}/{charge.language}/charge/{self._sealer.open(charge.token_sealed, seal_of(charge.id))}"
        )

    async def _visit(self, conn: Connection, office_id: int, ticket_id: UUID) -> Visit:
        at = await store.visit(conn, ticket_id, self._clock())
        if at is None or at.office_id != office_id:
            raise NotFound
        return at

    async def _found(self, conn: Connection, charge_id: UUID) -> Charge:
        found = await store.find(conn, charge_id)
        if found is None:
            raise NotFound
        return found


def seal_of(charge_id: UUID) -> str:
    return f"charge.token:{charge_id}"

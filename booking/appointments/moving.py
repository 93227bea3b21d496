"""A confirmed case gets another time: one transaction, in which the old time is kept until the new one is booked.

The new time is a hold of the same person. A claim never changes its place, so the old one is freed as moved, and the hold's becomes the
case's: number, link, payment and calendar UID stay. What cancelling would give back at the moment of moving is the most that it gives back
afterwards: else a late cancellation would be free by way of a move.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.failpoint import point
from base.i18n import mark as _
from base.money import Money
from base.seal import Sealer
from booking.appointments import move_store, person_store, reconfirm_store, reducing, responsible, store, who_store
from booking.appointments.calls import Calls
from booking.appointments.giving_back import Afterwards, give, in_mail, parts
from booking.appointments.invited import OutsideInvitation
from booking.appointments.lifecycle import HoldOver
from booking.appointments.model import AppointmentStatus, CaseState, ReconfirmStatus
from booking.appointments.move_store import BY_CITY, BY_PERSON
from booking.appointments.slots import ByCity, IsCalled, LetGo, Notice, Slots
from booking.appointments.staying import free_waiting, is_owed, wait_no_more
from booking.appointments.store import CaseRow, HoldClaim
from booking.availability.model import ClaimStatus, Offers
from booking.holds.refusals import HoldInUse
from payment.ledger import part_of
from payment.model import Payment, PaymentStatus, RefundReason
from payment.usecases import GivenBack, Payments

pay_requested = point("appointment.pay-requested")
time_swapped = point("appointment.time-swapped")
appointment_moved = point("appointment.moved")
appointment_stays = point("appointment.stays")

_AS_BEFORE = 100  # of the fee given back: where the city moves a case, that costs its person nothing


class NotMovable(Conflict):
    code = "not_movable"
    message = _("Only a confirmed appointment that has not begun can be moved.")


class HasArrived(Conflict):
    """A ticket stands for one time of one case, so it cannot follow the case. Whoever has left may move: that ticket stays behind."""

    code = "has_arrived"
    message = _("You have checked in already, so the appointment cannot be moved here. Please talk to the staff.")


class TooManyMoves(Conflict):
    code = "too_many_moves"
    message = _("This appointment has been moved as often as is allowed. You can keep it or cancel it.")


class OtherService(Conflict):
    code = "other_service"
    message = _("The chosen time is for another service.")


class NoNumber(Conflict):
    code = "no_number"
    message = _(
        "For an appointment by telephone we need your number, and you have given none. Please choose another kind."
    )


class CallOver(Conflict):
    """A room that has ended never opens again, and a case has one."""

    code = "call_over"
    message = _("This appointment has been by video before and cannot be by video again. Please choose another kind.")


class PriceDiffers(Conflict):
    """It has become cheaper twice, and a rule gives back once (refund_by_rule_once); or it is dearer where nobody can pay at once."""

    code = "price_differs"
    message = _(
        "The fee has changed since, so the appointment cannot be moved by itself. "
        "Please talk to the office, or cancel this appointment and book a new one."
    )


class MoveWaits(Conflict):
    code = "move_waits"
    message = _(
        "Another time is waiting for your payment already. Please pay the difference, or give that time back first."
    )


class Moving:
    """`describe`: what the payer of a difference reads."""

    def __init__(
        self,
        db: Database,
        slots: Slots,
        payments: Payments,
        calls: Calls,
        offers: Offers,
        sealer: Sealer,
        clock: Clock,
        describe: Callable[[CaseState], str],
        has_arrived: IsCalled,
        let_go: LetGo,
        moves_most: int,
    ) -> None:
        self._db = db
        self._slots = slots
        self._payments = payments
        self._calls = calls
        self._offers = offers
        self._sealer = sealer
        self._clock = clock
        self._describe = describe
        self._has_arrived = has_arrived
        self._let_go = let_go
        self._moves_most = moves_most

    async def move(self, appointment_id: UUID, hold_id: UUID, return_url: str, *, by: int | None = None) -> str | None:
        """To the time of this hold, at whatever office and in whatever way; again with the same hold: done already. Where the fee is
        less now, the difference goes back. Where it is more: the address where the difference is paid; the old time is kept until then.
        `by`: the account that does it for the case's person; staff know who is responsible, and who may help out.

        Raises NotFound, NotMovable, HasArrived, TooManyMoves, HoldInUse, HoldOver, OtherService, OutsideInvitation, NotResponsible,
        NoNumber, CallOver, PriceDiffers, MoveWaits, PaymentUnavailable (503: nothing is lost, the same again may succeed).
        """
        payment: Payment | None = None
        left = Afterwards()
        async with self._db.transaction() as conn:
            case, hold = await self._look(conn, appointment_id, hold_id, self._moves_most)
            if hold is None:
                return None
            if by is None:
                await responsible.check(conn, self._sealer, self._offers, appointment_id, hold_id)
            await who_store.adopt(conn, appointment_id, hold_id)
            is_owed = await self._is_owed(conn, case)
            if hold.fee_cents > case.fee.cents and not is_owed:
                payment = await self._wait(conn, case, hold, hold_id, return_url)
            else:
                left = await self._swap(conn, case, hold, is_owed=is_owed, by=by)
        if payment is not None:
            pay_requested()
            opened = await self._payments.open(payment.id)
            return opened.pay_url if opened.status is PaymentStatus.OPEN else None
        appointment_moved()
        await left.carry_out(self._payments)
        return None

    async def rebook(self, appointment_id: UUID, hold_id: UUID, by_city: ByCity) -> None:
        """The same by the city, without the limits of citizens; it asks nobody for more money: PriceDiffers. Other refusals: see move()."""
        async with self._db.transaction() as conn:
            case, hold = await self._look(conn, appointment_id, hold_id, None, by_city)
            if hold is None:
                return
            await who_store.adopt(conn, appointment_id, hold_id)
            left = await self._swap(conn, case, hold, by_city, is_owed=await self._is_owed(conn, case))
        appointment_moved()
        await left.carry_out(self._payments)

    async def take(self, conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
        """The same inside the caller's transaction, however often the case has moved; what is left to do is the worker's. Raises
        PriceDiffers where the time is dearer."""
        case, hold = await self._look(conn, appointment_id, hold_id, None)
        if hold is not None:
            await self._swap(conn, case, hold, is_owed=await self._is_owed(conn, case))

    async def stay(self, appointment_id: UUID) -> None:
        """The dearer time that waits for its payment is wanted no more; again, nothing more happens. Raises NotFound."""
        async with self._db.transaction() as conn:
            case = await self._slots.lock(conn, appointment_id)
            if case is None:
                raise NotFound
            payment = await free_waiting(self._slots, self._payments, conn, case)
        appointment_stays()
        if payment is not None:
            await self._payments.fence(payment)

    async def check(self, appointment_id: UUID) -> None:
        """Before a time is looked for. Raises NotFound, NotMovable, HasArrived, TooManyMoves."""
        async with self._db.connection() as conn:
            case = await store.find_state(conn, appointment_id)
            if case is None:
                raise NotFound
            await self._check_case(conn, case, self._moves_most)

    async def shift(self, conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
        """To another counter at the same time, as the city arranges it: in the caller's transaction, which has locked the case and made
        the hold. Nobody is told."""
        hold = await store.lock_hold(conn, hold_id)
        assert hold is not None
        hold = await reducing.reduced(conn, appointment_id, hold)
        await move_store.take_time(conn, appointment_id, hold, _AS_BEFORE, BY_CITY)

    async def _look(
        self,
        conn: Connection,
        appointment_id: UUID,
        hold_id: UUID,
        moves_most: int | None,
        by_city: ByCity | None = None,
    ) -> tuple[CaseState, HoldClaim | None]:
        """Both locked, and good for each other. No hold: the case has that time already."""
        case = await self._slots.lock(conn, appointment_id)
        row = await store.find_case(conn, appointment_id)
        hold = await store.lock_hold(conn, hold_id)  # after the case, as everywhere
        if case is None or row is None or hold is None:
            raise NotFound
        if hold.appointment_id == appointment_id and hold.status is ClaimStatus.BOOKED:
            return case, None
        await self._check_case(conn, case, moves_most, by_city)
        await self._check_hold(conn, hold, row)
        if not await move_store.is_invited_to(conn, row.id, hold_id, by_city=by_city is not None):
            raise OutsideInvitation
        return case, await reducing.reduced(conn, case.id, hold)

    async def _check_case(
        self, conn: Connection, case: CaseState, moves_most: int | None, by_city: ByCity | None = None
    ) -> None:
        if case.status is not AppointmentStatus.CONFIRMED:
            raise NotMovable
        if await self._has_arrived(conn, case.id):
            raise HasArrived
        if by_city is not None:
            await by_city.check(conn)
            return
        if case.starts_at <= self._clock():
            raise NotMovable
        if case.is_displaced or moves_most is None:
            return
        if await move_store.moves(conn, case.id) >= moves_most:
            raise TooManyMoves

    async def _check_hold(self, conn: Connection, hold: HoldClaim, row: CaseRow) -> None:
        if hold.appointment_id is not None or hold.moves not in (None, row.id):
            raise HoldInUse
        status = ClaimStatus.HELD if hold.moves is None else ClaimStatus.EXPIRING
        if hold.status is not status or hold.hold_until is None or hold.hold_until <= self._clock():
            raise HoldOver
        if hold.items != tuple(one.item for one in row.items):
            raise OtherService
        if hold.channel == "phone" and hold.channel != row.channel:
            person = await person_store.find_person(conn, row.id)
            if person is None or person.mobile is None:
                raise NoNumber
        if hold.channel == "video" and await self._calls.is_over(conn, row.id):
            raise CallOver

    async def _swap(
        self,
        conn: Connection,
        case: CaseState,
        hold: HoldClaim,
        by_city: ByCity | None = None,
        *,
        is_owed: bool,
        by: int | None = None,
    ) -> Afterwards:
        """`is_owed`: nothing is paid yet, so what the new time costs is what a till will take."""
        if hold.fee_cents > case.fee.cents and (by_city is not None or not is_owed):
            raise PriceDiffers
        fence = await wait_no_more(self._slots, self._payments, conn, case)
        if is_owed and hold.fee_cents:
            await store.owe_at_till(conn, case.id)
        is_citys = by_city is not None or case.is_displaced
        given = await self._give_back(conn, case, case.fee.cents - hold.fee_cents, by=by, is_citys=is_citys)
        percent = _AS_BEFORE if is_citys else case.refund_percent(self._clock())
        await move_store.take_time(conn, case.id, hold, percent, BY_CITY if is_citys else BY_PERSON)
        await self._payments.serve_on(conn, case.references, case.day_of(hold.starts_at))
        time_swapped()
        await reconfirm_store.put(conn, case.id, self._clock(), ReconfirmStatus.KEPT)  # no question after that
        living = await self._payments.living(conn, case.id)
        fields = {
            "moved_from": case.starts_at.isoformat(),
            "owed_cents": hold.fee_cents if is_owed else 0,
            "is_reserved": living is not None and living.status is PaymentStatus.AUTHORISED,
            **in_mail(given),
        }
        await self._slots.announce(conn, case.id, Notice("appointment_moved", fields=fields))
        await self._let_go(conn, case.id)
        # The waiting room of a video call holds the room and not the case; announcing has waited for it.
        if await self._has_arrived(conn, case.id):
            raise HasArrived
        return Afterwards(tuple(given), fence=fence)

    async def _is_owed(self, conn: Connection, case: CaseState) -> bool:
        """Nothing is paid, and nothing is to be paid online: so a dearer time is owed like a first one."""
        is_free = self._payments.only_at_till and not case.fee
        return is_free or await is_owed(self._payments, conn, case)

    async def _wait(
        self, conn: Connection, case: CaseState, hold: HoldClaim, hold_id: UUID, return_url: str
    ) -> Payment:
        """The new time is kept for the case, whatever the clock says, until the provider has promised that no money will come."""
        if self._payments.only_at_till:
            raise PriceDiffers
        if hold.moves is None:
            if await move_store.find_waiting(conn, case.id) is not None:
                raise MoveWaits
            await move_store.wait_for_money(conn, hold.id, case.id)
        return await self._payments.request(
            conn,
            reference=hold_id,
            amount=Money(hold.fee_cents - case.fee.cents, case.fee.currency),
            description=self._describe(case),
            language=case.language,
            return_url=return_url,
            lines=part_of(hold.lines, hold.fee_cents - case.fee.cents),
            service_day=case.day_of(hold.starts_at),
        )

    async def _give_back(
        self, conn: Connection, case: CaseState, cents: int, *, by: int | None, is_citys: bool
    ) -> list[GivenBack]:
        """Of the difference. Staff may have given money back already; then what is left."""
        found = await parts(self._payments, conn, case.references, Money(cents, case.fee.currency)) if cents else []
        for ident, _part in found:
            if any(one.reason is RefundReason.MOVED for one in await self._payments.refunds(conn, ident)):
                raise PriceDiffers
        return await give(self._payments, conn, found, RefundReason.MOVED, by=by, is_citys=is_citys)

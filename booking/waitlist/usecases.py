"""Being on the list, leaving it, and answering an offer: one click swaps the two times in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, DomainError, FieldError, Gone, Invalid, NotFound
from base.failpoint import point
from base.i18n import mark as _
from booking.appointments import person_store
from booking.appointments import store as appointments
from booking.appointments.model import AppointmentStatus
from booking.appointments.store import CaseRow
from booking.availability.offering import NotOffered
from booking.availability.usecases import Availability
from booking.holds.refusals import GivenOutByNeed
from booking.waitlist import store
from booking.waitlist.model import OFFERS_MOST, Figures, Kept, OfferStatus, Standing, Wish
from booking.waitlist.telling import Teller

wish_put = point("waitlist.joined")
times_swapped = point("waitlist.swapped")


class NotWaiting(Conflict):
    code = "not_waiting"
    message = _("Only who has a confirmed appointment that has not begun can be on the list for earlier times.")


class NobodyToTell(DomainError):
    code = "nobody_to_tell"
    status = 422
    message = _(
        "We could not tell you of an earlier time: your appointment has neither e-mail address nor mobile number."
    )


class SeveralParts(Conflict):
    """What is freed is the time of one service, without a room or a second official."""

    code = "several_parts"
    message = _(
        "Earlier times are offered for one service. For a visit of several things please look for another time."
    )


class OffersUsedUp(Conflict):
    code = "offers_used_up"
    message = _("We have offered you ten earlier times for this appointment. More are not possible.")


class OfferOver(Gone):
    code = "offer_over"
    message = _("This earlier time is not kept for you any more. Your appointment stays as it is.")


class Cases(Protocol):
    """What the list needs of appointments."""

    @property
    def can_text(self) -> bool: ...

    async def take(self, conn: Connection, appointment_id: UUID, hold_id: UUID) -> None:
        """The case moves to this time, which was offered to it at the case's own fee."""


class Waitlist:
    def __init__(
        self,
        db: Database,
        cases: Cases,
        availability: Availability,
        teller: Teller,
        clock: Clock,
        by_need: Callable[[int], bool] = lambda service_id: False,
    ) -> None:
        self._db = db
        self._cases = cases
        self._availability = availability
        self._teller = teller
        self._clock = clock
        self._by_need = by_need

    async def standing(self, appointment_id: UUID) -> Standing:
        """Raises NotFound."""
        async with self._db.connection() as conn:
            return await self._standing(conn, appointment_id)

    async def join(self, appointment_id: UUID, wish: Wish) -> Standing:
        """Or wish for something else, with the rank kept.

        Raises NotFound, NotWaiting, NobodyToTell, OffersUsedUp, GivenOutByNeed, SeveralParts, Invalid.
        """
        async with self._db.transaction() as conn:
            row = await self._locked(conn, appointment_id)
            if not self._is_waiting(row):
                raise NotWaiting
            if self._by_need(row.service_id):
                raise GivenOutByNeed
            if not await self._is_single(conn, row):
                raise SeveralParts
            try:
                self._availability.get_offer(row.service_id, row.channel, wish.offices or None)
            except NotOffered:
                raise Invalid([FieldError("/offices", NotOffered.code, NotOffered.message)]) from None
            contact = await self._contact_hmac(conn, appointment_id)
            if contact is None:
                raise NobodyToTell
            if await store.offers_made(conn, appointment_id) >= OFFERS_MOST:
                raise OffersUsedUp
            await store.put_wish(conn, appointment_id, wish, contact, self._clock())
            standing = await self._standing(conn, appointment_id)
        wish_put()
        return standing

    async def leave(self, appointment_id: UUID) -> Standing:
        """What is on offer goes to the next. Who is not on the list has left it already. Raises NotFound."""
        async with self._db.transaction() as conn:
            await self._locked(conn, appointment_id)
            offer = await store.find_offer(conn, appointment_id)
            if offer is not None:
                await store.answer(conn, offer.id, OfferStatus.DECLINED)
            await store.delete_wish(conn, appointment_id)
            return await self._standing(conn, appointment_id)

    async def accept(self, appointment_id: UUID, offer_id: UUID) -> None:
        """The case gets this time, and its old one is freed with the same commit; accepted twice is no mistake.

        Raises NotFound, OfferOver, and what a move refuses: NotMovable, HasArrived, CallOver.
        """
        async with self._db.transaction() as conn:
            row = await self._locked(conn, appointment_id)
            status = await self._answered(conn, appointment_id, offer_id)
            if status is OfferStatus.ACCEPTED:
                return
            offer = await store.find_offer(conn, appointment_id)
            is_over = offer is None or offer.id != offer_id or offer.answer_until <= self._clock()
            if offer is None or is_over or offer.starts_at >= row.starts_at:
                raise OfferOver
            await self._cases.take(conn, appointment_id, offer.hold_id)
            # The worker may have passed it on while we waited for the time.
            if not await store.answer(conn, offer.id, OfferStatus.ACCEPTED):
                raise OfferOver
            await store.mark_taken(conn, offer.hold_id)
            await store.delete_wish(conn, appointment_id)
        times_swapped()

    async def decline(self, appointment_id: UUID, offer_id: UUID) -> None:
        """This time goes to the next; the wish and its rank stay. Raises NotFound."""
        async with self._db.transaction() as conn:
            await self._locked(conn, appointment_id)
            await self._answered(conn, appointment_id, offer_id)
            await store.answer(conn, offer_id, OfferStatus.DECLINED)

    async def figures(self, office_ids: Sequence[int]) -> list[Figures]:
        """One for each office, in the order of their ids."""
        async with self._db.connection() as conn:
            return await store.figures(conn, office_ids)

    async def kept(self, office_ids: Sequence[int]) -> list[Kept]:
        """The times that the public does not see because of the list."""
        async with self._db.connection() as conn:
            return await store.kept(conn, office_ids)

    def may_leave(self, appointment_id: UUID, token: str) -> bool:
        """Whether this token came with an offer to this case."""
        return self._teller.may_leave(appointment_id, token)

    async def _standing(self, conn: Connection, appointment_id: UUID) -> Standing:
        row = await appointments.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        offer = await store.find_offer(conn, appointment_id)
        return Standing(
            wish=await store.find_wish(conn, appointment_id),
            offer=offer if offer is not None and offer.answer_until > self._clock() else None,
            may_join=self._is_waiting(row)
            and not self._by_need(row.service_id)
            and await self._is_single(conn, row)
            and await self._contact_hmac(conn, appointment_id) is not None
            and await store.offers_made(conn, appointment_id) < OFFERS_MOST,
        )

    async def _is_single(self, conn: Connection, row: CaseRow) -> bool:
        """One thing, once, at one counter: a room or a second official would have to be free as well."""
        return row.is_single and await store.takes_one_time(conn, row.id)

    async def _locked(self, conn: Connection, appointment_id: UUID) -> CaseRow:
        """First the case, then its time, as everywhere."""
        await appointments.lock_appointment(conn, appointment_id)
        row = await appointments.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        return row

    async def _answered(self, conn: Connection, appointment_id: UUID, offer_id: UUID) -> OfferStatus:
        status = await store.answered(conn, appointment_id, offer_id)
        if status is None:
            raise NotFound
        return status

    async def _contact_hmac(self, conn: Connection, appointment_id: UUID) -> bytes | None:
        """Whom offers reach: none, where no message would."""
        person = await person_store.find_person(conn, appointment_id)
        if person is None:
            return None
        return person.mailbox_hmac or person.email_hmac or (person.mobile_hmac if self._cases.can_text else None)

    def _is_waiting(self, row: CaseRow) -> bool:
        """Whoever was invited to certain days is offered no others."""
        is_free = row.erased_at is None and row.invitation_id is None
        return row.status is AppointmentStatus.CONFIRMED and row.starts_at > self._clock() and is_free

"""The case as it is looked at: whole with all that belongs to it, found by number or link, briefly, in a calendar."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.errors import Conflict, NotFound
from base.i18n import mark as _
from base.money import Money
from base.seal import Sealer, is_token, token_sha256
from booking.appointments import answering, move_store, person_store, reconfirm_store, reducing, responsible, store
from booking.appointments.announce import Announcer
from booking.appointments.calls import Calls
from booking.appointments.contact import Contact
from booking.appointments.model import AppointmentStatus, Brief, Case, Placed, Reconfirm, Standing, Waiting
from booking.appointments.move_store import WaitingRow
from booking.appointments.number import normal_number
from booking.appointments.persons import nobody, open_contact
from booking.appointments.policy import ALL_BACK, Terms
from booking.appointments.store import CaseRow
from notifications.usecases import Notifications
from payment.model import DISPUTED, DisputeStatus, Payment, Refund, RefundStatus
from payment.usecases import Payments
from video.rooms.model import Invitation

_MOST_LISTED = 50


class NotConfirmed(Conflict):
    code = "not_confirmed"
    message = _("There is no confirmed appointment to put into a calendar.")


class Reading:
    def __init__(
        self,
        db: Database,
        payments: Payments,
        notifications: Notifications,
        announcer: Announcer,
        sealer: Sealer,
        clock: Clock,
        calls: Calls,
        moves_most: int,
    ) -> None:
        self._db = db
        self._payments = payments
        self._notifications = notifications
        self._announcer = announcer
        self._sealer = sealer
        self._clock = clock
        self._calls = calls
        self._moves_most = moves_most

    async def placed(self, appointment_id: UUID) -> list[Placed]:
        """Where it is served, and what is taken beside it. Its person reads of it what `is_told`."""
        async with self._db.connection() as conn:
            return await store.placed(conn, appointment_id)

    def is_checked_if_cancelled(self, case: Case) -> bool:
        """Whether what cancelling it now would give back is large, so that a person has to approve it."""
        back = case.refund_at(self._clock())
        return back is not None and case.reserved is None and self._payments.cause(back.cents, None).needs_approval

    async def case(self, appointment_id: UUID) -> Case:
        async with self._db.connection() as conn:
            return await self._read(conn, appointment_id)

    async def standing(self, appointment_id: UUID) -> Standing:
        """Of case() the least, for who asks no more. Raises NotFound."""
        async with self._db.connection() as conn:
            return await store.get_standing(conn, appointment_id)

    async def briefs(self, ids: Collection[UUID]) -> Mapping[UUID, Brief]:
        """Of those that are appointments, or holds that one moved to, by that id: what the till may know, so neither person nor contact."""
        async with self._db.connection() as conn:
            moved = await move_store.moved_cases(conn, ids)
            known = {brief.id: brief for brief in await store.briefs(conn, {*ids, *moved.values()})}
        return known | {hold: known[case] for hold, case in moved.items()}

    async def references(self, appointment_id: UUID) -> list[UUID]:
        """Of its payments: whoever moved to a dearer time has paid more than once."""
        async with self._db.connection() as conn:
            return await move_store.all_references(conn, appointment_id)

    async def find_by_number(self, typed: str) -> UUID | None:
        """However it was typed."""
        number = normal_number(typed)
        if number is None:
            return None
        async with self._db.connection() as conn:
            return await store.find_by_number(conn, number)

    async def has_living(self, conn: Connection, contact_hmac: bytes) -> bool:
        """Whether anything is booked with this e-mail address or mobile number and not over."""
        return bool(await person_store.living_of(conn, contact_hmac, self._clock(), 1))

    async def living_of(self, contact_hmac: bytes) -> list[tuple[Case, str]]:
        """What is, each with its link: only for whoever has shown that the contact is theirs."""
        async with self._db.connection() as conn:
            ids = await person_store.living_of(conn, contact_hmac, self._clock(), _MOST_LISTED)
            cases = [await self._read(conn, ident) for ident in ids]
        return [(case, await self.link(case.id)) for case in cases]

    async def authorise(self, appointment_id: UUID, token: str) -> bool:
        async with self._db.connection() as conn:
            return is_token(token, await store.token_of(conn, appointment_id))

    async def find_by_token(self, token: str) -> UUID | None:
        """Whose link this is."""
        if not token.isascii():
            return None
        async with self._db.connection() as conn:
            return await store.find_by_token(conn, token_sha256(token))

    async def find_office(self, appointment_id: UUID) -> int | None:
        async with self._db.connection() as conn:
            return await store.find_office(conn, appointment_id)

    async def calendar(self, appointment_id: UUID) -> bytes:
        async with self._db.connection() as conn:
            row = await store.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        if row.status is not AppointmentStatus.CONFIRMED or row.erased_at is not None:
            raise NotConfirmed
        return self._notifications.calendar_file(row.language, self._announcer.fields(row))

    async def link(self, appointment_id: UUID) -> str:
        """The address of the case's page, to keep; empty once its person is erased."""
        async with self._db.connection() as conn:
            row = await store.find_case(conn, appointment_id)
        if row is None:
            raise NotFound
        if row.erased_at is not None:
            return ""
        url: str = self._announcer.fields(row)["manage_url"]
        return url

    async def invitation(self, appointment_id: UUID) -> Invitation | None:
        """Into the case's video call, if there is one."""
        async with self._db.connection() as conn:
            return await self._calls.find(conn, appointment_id)

    async def _read(self, conn: Connection, appointment_id: UUID, *, is_new: bool = False) -> Case:
        """`is_new`: made in this very transaction, so nobody has paid, moved, been asked or told anything yet."""
        row = await store.find_case(conn, appointment_id)
        person = await person_store.find_person(conn, appointment_id)
        if row is None:
            raise NotFound
        payment = None if is_new else await self._payments.latest(conn, appointment_id)
        is_open = payment is not None and not payment.is_secured
        uncovered = await self._payments.uncovered(conn, appointment_id) if is_open else None
        moves = [] if is_new else await move_store.references(conn, appointment_id)
        moves = [one for one in moves if one != appointment_id]  # paid under its own id: `payment`
        living = [await self._payments.living(conn, one) for one in moves]
        differences = [one for one in living if one and one.captured_cents]
        paid = [one for one in (payment, *differences) if one is not None]
        disputes = [each for one in paid if one.captured_cents for each in await self._payments.disputes(conn, one.id)]
        refunds = [refund for one in paid for refund in await self._payments.refunds(conn, one.id)]
        rejected = [one for one in refunds if one.needs_approval and one.status is RefundStatus.REJECTED]
        steps = [
            step for one in rejected for step in await self._payments.refund_steps(conn, one.payment_id) if step.note
        ]
        waits = await move_store.find_waiting(conn, appointment_id) if moves else None
        waiting = await reducing.waiting(conn, waits)
        tried_anew = {refund.retry_of for refund in refunds}
        made = _case(
            row,
            open_contact(self._sealer, row.id, person, row.language) if person else nobody(row.language),
            payment,
            sorted(
                (refund for refund in refunds if refund.id not in tried_anew),  # of each, its latest try
                key=lambda refund: refund.created_at,
            ),
            is_erased=person is None,
            is_told=is_new or not await self._notifications.is_undeliverable(conn, appointment_id),
            reconfirm=None if is_new else await reconfirm_store.find(conn, appointment_id),
            moves_left=max(self._moves_most - row.moves, int(row.is_displaced)),
        )
        answers = await answering.read(conn, self._sealer, appointment_id)
        them = (await responsible.served(conn, self._sealer, [appointment_id]))[appointment_id]
        return replace(
            made,
            answers=answers,
            uncovered=uncovered,
            rejected_because=(steps[-1].note or "") if steps else "",
            differences=tuple(differences),
            disputed=frozenset(one.payment_id for one in disputes if one.status in DISPUTED),
            lost=frozenset(one.payment_id for one in disputes if one.status is DisputeStatus.LOST),
            waiting=_waiting(made, waiting),
            who=them.who,
        )


def _waiting(case: Case, row: WaitingRow | None) -> Waiting | None:
    if row is None or row.hold_until is None:
        return None
    return Waiting(
        hold_id=row.id,
        starts_at=row.starts_at,
        hold_until=row.hold_until,
        difference=Money(row.fee_cents, case.fee.currency) - case.fee,
    )


def _case(
    row: CaseRow,
    contact: Contact,
    payment: Payment | None,
    refunds: list[Refund],
    *,
    is_erased: bool,
    is_told: bool,
    reconfirm: Reconfirm | None,
    moves_left: int,
) -> Case:
    return Case(
        id=row.id,
        number=row.number,
        status=row.status,
        service_id=row.service_id,
        office_id=row.office_id,
        channel=row.channel,
        language=row.language,
        items=tuple(one.item for one in row.items),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        time_zone=row.time_zone,
        hold_until=row.hold_until,
        fee=Money(row.fee_cents, row.currency),
        pays_at_till=row.pays_at_till,
        reduced_cents=row.reduction_cents,
        reductions=row.reductions,
        legal_basis=row.legal_basis,
        bases=tuple(one.legal_basis or {} for one in row.items) if len(row.items) > 1 else (),
        terms=ALL_BACK
        if row.is_displaced
        else Terms.of(row.share_percent, row.step_hours, row.step_percent, row.refund_most_percent),
        refund_policy=row.refund_policy,
        sequence=row.sequence,
        created_at=row.created_at,
        contact=contact,
        payment=payment,
        refunds=tuple(refund for refund in refunds if not refund.is_of_people),
        is_erased=is_erased,
        is_told=is_told,
        reconfirm=reconfirm,
        moves_left=moves_left,
        invitation_id=row.invitation_id,
    )

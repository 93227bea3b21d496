"""The worker's part: everybody affected is given another counter or room at the same time, or three times to choose from, or is put on
the list of those who are telephoned; and what follows where nobody answers.

Each case is a transaction of its own, with the case locked. What is free is read from the tables and not followed in memory, as the worker
does this seldom; the constraint decides all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from base.clock import Clock
from base.db import Connection, Database
from base.failpoint import point
from base.i18n import pick, zone
from booking.appointments.model import AppointmentStatus, CaseState
from booking.appointments.slots import IsCalled, Notice, Slots
from booking.appointments.usecases import Appointments
from booking.availability.mirror import Mirror
from booking.availability.model import Offer, Offers, OfficeOffer, Slot, Window
from booking.availability.slots import day_of
from booking.availability.usecases import Availability
from booking.catalogue.model import Office
from booking.catalogue.snapshot import Snapshot
from booking.catalogue.usecases import Catalogue
from booking.holds.store import also_by_need, also_guarded, insert_visit
from booking.holds.store import insert as insert_holds
from booking.rebooking import store
from booking.rebooking.choosing import MOST, NOTICE, answer_until, in_order, nearest_first
from booking.rebooking.model import Because, IfSilent, Rebooking, RebookingStatus
from booking.rebooking.usecases import AnswerOver, Rebookings
from booking.rebooking.visit import Had, counters_of, elsewhere, is_to_be_had, offer_of, ways

log = logging.getLogger(__name__)
shifted = point("rebooking.shifted")
offered = point("rebooking.offered")
left_to_telephone = point("rebooking.left-to-telephone")
silent = point("rebooking.silent")

_AT_ONCE = 50
_DAYS_AROUND = 28
_S = RebookingStatus


class Rebooker:
    def __init__(
        self,
        db: Database,
        catalogue: Catalogue,
        offers: Offers,
        appointments: Appointments,
        rebookings: Rebookings,
        slots: Slots,
        has_arrived: IsCalled,
        clock: Clock,
        *,
        horizon_days: int,
    ) -> None:
        self._db = db
        self._catalogue = catalogue
        self._offers = offers
        self._appointments = appointments
        self._rebookings = rebookings
        self._slots = slots
        self._has_arrived = has_arrived
        self._clock = clock
        self._horizon_days = horizon_days

    async def run(self) -> int:
        """Everything that is due; how much that was. One bad case does not keep the others from their turn."""
        async with self._db.connection() as conn:
            here = await store.came(conn, _AT_ONCE)
            lost = await store.lost(conn, self._clock(), _AT_ONCE)
            over = await store.unanswered(conn, self._clock(), _AT_ONCE)
            open_again = await store.stands_untold(conn, _AT_ONCE)
        done = await self._each(here, lambda row: self._note(row, _S.CAME))
        done += await self._each(lost, lambda row: self._note(row, _S.DUE))
        done += await self._each(over, self._end)
        done += await self._each(open_again, self._say_it_stands)
        async with self._db.connection() as conn:
            due = await store.due(conn, _AT_ONCE)
        if not due:
            return done
        known = await self._catalogue.snapshot()
        view = await self._look(due)
        return done + await self._each(due, lambda row: self._treat(row, known, view))

    async def _each(self, rows: Sequence[Rebooking], work: Callable[[Rebooking], Awaitable[None]]) -> int:
        for row in rows:
            try:
                await work(row)
            except Exception:  # told in the log, with its id; the others are not kept from their turn
                log.exception("rebooking.failed", extra={"rebooking": str(row.id)})
                async with self._db.connection() as conn:
                    await store.mark_tried(conn, row.id, self._clock())
        return len(rows)

    async def _look(self, rows: Sequence[Rebooking]) -> Availability:
        """What is free now at the counters and in the rooms that these people could have."""
        counters: set[int] = set()
        mirror = Mirror(self._clock, self._horizon_days)
        async with self._db.connection() as conn:
            taken = await store.taken(conn, [row.appointment_id for row in rows])
            for row in rows:
                had = Had(tuple(one for one in taken if one.appointment_id == row.appointment_id))
                offer = offer_of(self._offers, row.channel, had)
                counters |= counters_of(offer) if offer else set()
            await mirror.start(conn, counters)
        return Availability(mirror, self._offers, self._clock, lead_minutes=0)

    async def _treat(self, row: Rebooking, known: Snapshot, view: Availability) -> None:
        async with self._db.transaction() as conn:
            case = await self._locked(conn, row, _S.DUE)
            if case is None:
                return
            await also_by_need(conn)  # its people have their time already
            await also_guarded(conn)
            because, done = await self._rebook(conn, row, case, known, view)
            if because is not None:
                await store.move(conn, row.id, _S.DUE, _S.TELEPHONE, because)
        done()

    async def _rebook(
        self, conn: Connection, row: Rebooking, case: CaseState, known: Snapshot, view: Availability
    ) -> tuple[Because | None, Callable[[], None]]:
        """Why somebody has to telephone, if so; and the step that is done."""
        had = Had(tuple(await store.taken(conn, [row.appointment_id])))
        offer = offer_of(self._offers, row.channel, had)
        if offer is None or row.sold_by not in offer.offices:
            return Because.SPECIAL, left_to_telephone
        them = await self._appointments.served(conn, [row.appointment_id])
        offer = offer_of(self._offers, row.channel, had, them[row.appointment_id])
        assert offer is not None
        if await self._shift(conn, row, had, offer, view):
            return None, shifted
        because = await self._offer(conn, row, case, had, known, offer, view)
        return because, left_to_telephone if because else offered

    async def _shift(self, conn: Connection, row: Rebooking, had: Had, offer: Offer, view: Availability) -> bool:
        """To another counter or room of the office at the very same time: nobody needs to be asked."""
        office = offer.offices.get(row.sold_by)
        if office is None:
            return False
        if office.steps:
            hold = await self._elsewhere(conn, row, had, office, view)
        else:
            hold = await self._hold(conn, had, offer, office, row.starts_at, view)
        if hold is None:
            return False
        await store.move(conn, row.id, _S.DUE, _S.SHIFTED)
        await self._appointments.shift(conn, row.appointment_id, hold)
        return True

    async def _elsewhere(
        self, conn: Connection, row: Rebooking, had: Had, office: OfficeOffer, view: Availability
    ) -> UUID | None:
        """The visit as it is, only what is closed of it at another counter or in another room. None: not to be had."""
        wanted = elsewhere(view, office, had)
        if wanted is None:
            return None
        savepoint = conn.transaction()
        await savepoint.start()
        await store.leave_as_a_whole(conn, row)
        if await insert_visit(conn, self._clock(), row.starts_at, wanted, staff=False):
            await savepoint.commit()
            return wanted[0].hold_id
        await savepoint.rollback()  # taken in this moment: it stays where it is
        return None

    async def _offer(
        self,
        conn: Connection,
        row: Rebooking,
        case: CaseState,
        had: Had,
        known: Snapshot,
        offer: Offer,
        view: Availability,
    ) -> Because | None:
        """Three times held and told. What says why not, else."""
        closing = await store.find_closing(conn, row.closing_id)
        assert closing is not None
        now = self._clock()
        if not (row.has_email or (row.has_mobile and self._appointments.can_text)):
            return Because.UNREACHABLE
        if answer_until(now, closing.answer_hours, row.starts_at) is None:
            return Because.TOO_NEAR
        held: list[tuple[Slot, UUID]] = []
        for slot in self._choices(row, had, known, offer, view):
            hold = await self._hold(conn, had, offer, offer.offices[slot.office_id], slot.starts_at, view)
            if hold is not None:
                held.append((slot, hold))
            if len(held) == MOST:
                break
        if not held:
            return Because.NOTHING_FREE
        held.sort(key=lambda pair: (pair[0].starts_at, pair[0].office_id))
        until = answer_until(now, closing.answer_hours, row.starts_at, [slot.starts_at for slot, _ in held])
        assert until is not None  # what is offered begins a day from now
        await store.keep_until(conn, [hold for _, hold in held], until)
        await store.offer(conn, row.id, [hold for _, hold in held], until)
        fields = {
            "offers": [_told(slot, known.offices[slot.office_id], case.language) for slot, _ in held],
            "answer_until": until.isoformat(),
            "reason": row.reason,
            "ends_if_silent": closing.if_silent is IfSilent.CANCEL,
        }
        about = f"{row.id}:{held[0][1]}"
        await self._slots.announce(conn, row.appointment_id, Notice("rebooking_offered", about, fields))
        return None

    def _choices(self, row: Rebooking, had: Had, known: Snapshot, offer: Offer, view: Availability) -> list[Slot]:
        """At the office that was chosen first, then at the nearest others; only where counters that may serve them are free."""
        found: list[Slot] = []
        places = {ident: (office.latitude, office.longitude) for ident, office in known.offices.items()}
        for office_id in nearest_first(row.sold_by, {ident: places[ident] for ident in {row.sold_by, *offer.offices}}):
            there = offer.offices.get(office_id)
            if there is None:
                continue
            place = zone(there.time_zone)
            earliest = self._clock() + NOTICE
            around = timedelta(days=_DAYS_AROUND)
            window = Window(day_of(max(earliest, row.starts_at - around), place), day_of(row.starts_at + around, place))
            slots = view.slots(offer.service_id, row.channel, [office_id], window, visit=had.visit)
            free = [
                one for one in slots if one.starts_at >= earliest and is_to_be_had(view, offer, there, one.starts_at)
            ]
            found += in_order(free, row.starts_at, place)
            if len(found) >= 2 * MOST:  # some may be taken in this moment
                break
        return found

    async def _hold(
        self, conn: Connection, had: Had, offer: Offer, office: OfficeOffer, starts_at: datetime, view: Availability
    ) -> UUID | None:
        """All of it, at the case's own fees: what was paid stays right. None: taken in this moment."""
        for wanted in ways(view, offer, office, had, starts_at):
            for one in wanted:
                view.take(one.counter_id, one.starts_at, one.ends_at)
            if office.steps:
                made = await insert_visit(conn, self._clock(), starts_at, wanted, staff=False)
            else:
                made = bool(await insert_holds(conn, self._clock(), starts_at, wanted))
            if made:
                return wanted[0].hold_id
        return None

    async def _end(self, row: Rebooking) -> None:
        """No answer has come in time."""
        async with self._db.connection() as conn:
            closing = await store.find_closing(conn, row.closing_id)
        if closing is not None and closing.if_silent is IfSilent.CANCEL:
            try:
                await self._rebookings.cancel_silent(row)
            except AnswerOver:
                log.info("rebooking.answered", extra={"rebooking": str(row.id)})  # in this moment: the answer stands
        else:
            await self._note(row, _S.SILENT)
        silent()

    async def _say_it_stands(self, row: Rebooking) -> None:
        """To whoever was asked for another time, as long as the appointment is still that one."""
        async with self._db.transaction() as conn:
            case = await self._slots.lock(conn, row.appointment_id)
            if not await store.end_asking(conn, row.id):
                return
            if case is not None and case.status is AppointmentStatus.CONFIRMED and row.now_at == row.starts_at:
                await self._slots.announce(conn, row.appointment_id, Notice("rebooking_stands", str(row.id)))

    async def _note(self, row: Rebooking, to: RebookingStatus) -> None:
        async with self._db.transaction() as conn:
            await self._slots.lock(conn, row.appointment_id)
            await store.move(conn, row.id, row.status, to)

    async def _locked(self, conn: Connection, row: Rebooking, status: RebookingStatus) -> CaseState | None:
        """None: it is settled, or will be as soon as somebody notes that its person came."""
        case = await self._slots.lock(conn, row.appointment_id)
        now = await store.find_rebooking(conn, row.id)
        if case is None or case.status is not AppointmentStatus.CONFIRMED or now is None or now.status is not status:
            return None
        return None if await self._has_arrived(conn, row.appointment_id) else case


def _told(slot: Slot, office: Office, language: str) -> Mapping[str, str]:
    return {
        "starts_at": slot.starts_at.isoformat(),
        "office": pick(office.name, language),
        "address": f"{office.street}, {office.postcode} {office.place}",
        "time_zone": office.time_zone,
    }

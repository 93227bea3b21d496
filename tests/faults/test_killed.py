"""Killed at every marked step, once; then repeated by the citizen, restarted, drained: nothing is lost and nothing doubled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

import server.app
import server.worker  # noqa: F401  with the app and the media worker, this enters every step of the product in the registry
import video.media.rooms  # noqa: F401
from base.failpoint import POINTS
from tests.faults import stories as s
from tests.faults.scene import scene
from tests.faults.sound import assert_sound, copies, outcome
from tests.faults.test_bank_killed import STEPS as BANK
from tests.faults.test_calls_killed import STEPS as CALLS
from tests.faults.test_charges_killed import STEPS as CHARGES
from tests.faults.test_till_killed import STEPS as TILL

LIMIT_S = 120.0


@dataclass(frozen=True)
class Case:
    """`web`, `drain`, `jobs`: FAILPOINTs of the processes of this role, as they are started one after the other."""

    story: s.Story
    web: tuple[str, ...] = ()
    drain: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    mails: int | None = None  # arrived, where that is more than one for each message
    handled: int = 0

    @property
    def name(self) -> str:
        armed = [f"{role}@{spec}" for role in ("web", "drain", "jobs") for spec in getattr(self, role)]
        return f"{self.story.name}-{'-'.join(armed)}"


def web(story: s.Story, *specs: str) -> Case:
    return Case(story, web=specs)


def worker(story: s.Story, *specs: str) -> Case:
    return Case(story, drain=specs)


CASES: dict[str, list[Case]] = {
    "appointment.stays": [web(s.STAYED, "appointment.stays")],
    "hold.inserted": [web(s.BOOKED, "hold.inserted")],
    "appointment.created": [web(s.BOOKED, "appointment.created")],
    "payment.requested": [web(s.BOOKED, "payment.requested")],
    "appointment.pay-requested": [
        web(s.BOOKED, "appointment.pay-requested"),
        web(s.EXPIRED_UNOPENED, "appointment.pay-requested"),
        web(s.MOVED_DEARER, "appointment.pay-requested:2"),
    ],
    "payment.session-created": [
        web(s.BOOKED, "payment.session-created", "payment.session-created"),
        web(s.EXPIRED_UNOPENED, "payment.session-created"),
        Case(s.EXPIRED_UNOPENED, web=("payment.session-created",), drain=("payment.session-created",)),
    ],
    "payment.session-stored": [web(s.BOOKED, "payment.session-stored")],
    "payment.attempt-raised": [web(s.BOOKED_AFTER_BREAKDOWN, "payment.attempt-raised")],
    "payment.event-kept": [web(s.BOOKED, "payment.event-kept")],
    "payment.settle-fetched": [
        web(s.BOOKED, "payment.settle-fetched"),
        web(s.BOOKED_BY_RETURN, "payment.settle-fetched"),
        worker(s.EXPIRED_OPEN, "payment.settle-fetched"),
        worker(s.TAKEN, "payment.settle-fetched"),
        web(s.LET_GO, "payment.settle-fetched:4"),
    ],
    "payment.applied": [
        web(s.MOVED_DEARER, "payment.applied:4"),
        web(s.LEFT_FOR_TILL, "payment.applied"),  # left, and the till not yet asked
        web(s.BOOKED, "payment.applied"),
        web(s.BOOKED, "payment.applied:2"),
        worker(s.BOOKED_UNHEARD, "payment.applied"),
        worker(s.TAKEN, "payment.applied"),
        worker(s.EXPIRED_OPEN, "payment.applied"),
    ],
    "payment.settled": [
        web(s.BOOKED, "payment.settled:2"),
        web(s.BOOKED_BY_RETURN, "payment.settled:2"),
        worker(s.BOOKED_UNHEARD, "payment.settled"),
        worker(s.TAKEN, "payment.settled"),
    ],
    "appointment.confirmed": [
        web(s.FREE_BOOKED, "appointment.confirmed"),
        web(s.BOOKED, "appointment.confirmed"),
        worker(s.BOOKED_UNHEARD, "appointment.confirmed"),
        worker(s.PAID_LATE, "appointment.confirmed"),
    ],
    "payment.stray-fenced": [worker(s.BOOKED_BESIDE_STRAY, "payment.stray-fenced")],
    "payment.listed": [worker(s.BOOKED_UNHEARD, "payment.listed")],
    "payment.earned": [worker(s.EARNED, "payment.earned")],
    "receipts.numbered": [worker(s.BOOKED, "receipts.numbered")],
    "ledger.sealed": [worker(s.BOOKED, "ledger.sealed")],
    **{
        name: [worker(s.BOOKED, name), worker(s.PAID_OUT, name), web(s.PAID_OUT_AND_BACK, name)]
        for name in ("records.stored", "records.booked")
    },
    "matching.stored": [worker(s.BOOKED, "matching.stored")],
    "appointment.time-swapped": [
        web(s.MOVED, "appointment.time-swapped"),
        web(s.MOVED_PAID, "appointment.time-swapped"),
        web(s.MOVED_DEARER, "appointment.time-swapped"),
        web(s.SWAPPED, "appointment.time-swapped"),
    ],
    "appointment.moved": [
        web(s.MOVED, "appointment.moved"),
        web(s.REBOOKED, "appointment.moved"),
        web(s.MOVED_PAID, "appointment.moved"),
    ],
    "appointment.cancelled": [
        web(s.PAID_BACK_AT_ONCE, "appointment.cancelled"),
        web(s.CANCELLED_UNPAID, "appointment.cancelled"),
        web(s.SWAPPED, "appointment.cancelled"),  # what it frees is kept with the same commit
    ],
    "appointment.erased": [web(s.ERASED, "appointment.cancelled", "appointment.erased")],
    "payment.fence-asked": [
        web(s.CANCELLED_UNPAID, "payment.fence-asked"),
        worker(s.EXPIRED_OPEN, "payment.fence-asked"),
        worker(s.MOVED_DEARER_UNPAID, "payment.fence-asked"),
        worker(s.PAID_LATE, "payment.fence-asked"),
    ],
    "hold.expiring": [worker(s.EXPIRED_OPEN, "hold.expiring"), worker(s.PAID_LATE, "hold.expiring")],
    "hold.expired": [
        web(s.CANCELLED_UNPAID, "hold.expired"),
        worker(s.EXPIRED_OPEN, "hold.expired"),
        worker(s.MOVED_DEARER_UNPAID, "hold.expired"),
        worker(s.EXPIRED_UNASKED, "hold.expired"),
        worker(s.EXPIRED_BARE, "hold.expired"),
    ],
    "refund.requested": [web(s.PAID_BACK_AT_ONCE, "refund.requested")],
    "refund.looked-first": [web(s.PAID_BACK_AT_ONCE, "refund.looked-first")],
    "refund.proposed": [web(s.REFUNDED_BY_TWO, "refund.proposed")],
    "refund.approved": [
        web(s.REFUNDED_BY_TWO, "refund.approved"),
        web(s.REFUNDED_BY_TWO_AND_WORKER, "refund.approved"),
    ],
    "dispute.fetched": [web(s.DISPUTED, "dispute.fetched")],
    **{
        name: [web(s.DISPUTED, name), worker(s.DISPUTED_UNHEARD, name)]
        for name in ("dispute.applied", "dispute.stored")
    },
    "dispute.listed": [worker(s.DISPUTED_UNHEARD, "dispute.listed")],
    "transfer.reminded": [web(s.TRANSFER_REMINDED, "transfer.reminded")],
    **{f"transfer.{step}": [web(s.TRANSFER_WAIVED, f"transfer.{step}")] for step in ("waiver-asked", "waived")},
    "transfer.letters-taken": [web(s.TRANSFER_LETTER, "transfer.letters-taken")],
    "transfer.dispute-told": [web(s.TRANSFER_DISPUTED, "transfer.dispute-told")],
    **{name: [web(s.REFUNDED_AT_PROVIDER, name)] for name in ("refund.listed-at-provider", "refund.recognised")},
    "refund.postponed": [web(s.CANCELLED_AND_DISPUTED, "refund.postponed")],
    "ledger.reversal-posted": [web(s.REVERSED, "ledger.reversal-posted")],
    "retention.executed": [worker(s.BOOKED, "retention.executed")],
    **{
        f"transfer.{step}": [web(s.TRANSFERRED, f"transfer.{step}")]
        for step in ("arisen", "account-given", "assessed", "approved", "exported")
    },
    **{
        f"transfer.{step}": [web(s.TRANSFER_GIVEN_UP, f"transfer.{step}")]
        for step in ("returned", "asked-again", "cancelled")
    },
    "payment.take-ordered": [worker(s.TAKEN, "payment.take-ordered")],
    "payment.take-asked": [
        worker(s.TAKEN, "payment.take-asked"),
        web(s.LET_GO, "payment.take-asked"),
        Case(s.LET_GO_BY_WORKER, web=("appointment.cancelled",), drain=("payment.take-asked",)),
    ],
    "payment.take-attempt-raised": [worker(s.TAKEN_IN_BREAKDOWN, "payment.take-attempt-raised")],
    "refund.attempt-raised": [web(s.PAID_BACK_AFTER_BREAKDOWN, "refund.attempt-raised")],
    **{
        name: [
            web(s.PAID_BACK_AT_ONCE, name),
            Case(s.PAID_BACK_BY_WORKER, web=("appointment.cancelled",), drain=(name,)),
        ]
        for name in ("refund.submitted", "refund.answered", "refund.applied", "refund.stored")
    },
    "allocation.word-mailed": [worker(s.WAITING, "allocation.word-mailed")],
    "allocation.word-said": [web(s.BY_TELEPHONE, "allocation.word-said")],
    "allocation.asked": [web(s.BY_NEED, "allocation.asked")],
    "allocation.opened": [web(s.BY_NEED, "allocation.opened")],
    "allocation.closed": [worker(s.BY_NEED, "allocation.closed")],
    "allocation.ranked": [web(s.BY_NEED, "allocation.ranked")],
    "allocation.offered": [web(s.BY_NEED, "allocation.offered", "allocation.offered:2")],
    "allocation.marked": [web(s.NO_LONGER_BY_NEED, "allocation.marked")],
    "allocation.unmarked": [web(s.NO_LONGER_BY_NEED, "allocation.unmarked")],
    "allocation.ended": [worker(s.NO_LONGER_BY_NEED, "allocation.ended")],
    "allocation.released": [web(s.BY_NEED, "allocation.released")],
    "till.asked": [web(s.NEVER_AT_TILL, "till.asked"), web(s.LEFT_FOR_TILL, "till.asked")],
    "till.reminded": [worker(s.NEVER_AT_TILL, "till.reminded")],
    "reconfirm.asked": [worker(s.WILL_COME, "reconfirm.asked")],
    "reconfirm.kept": [web(s.WILL_COME, "reconfirm.kept")],
    "reconfirm.lapsed": [worker(s.ONLY_SEEN, "reconfirm.lapsed")],
    "appointment.released": [worker(s.NOT_ANSWERED, "appointment.released")],
    "overview.asked": [web(s.LINK_SENT, "overview.asked")],
    "overview.answered": [worker(s.LINK_SENT, "overview.answered")],
    "overview.opened": [web(s.LINK_SENT, "overview.opened")],
    "invitation.made": [web(s.INVITED, "invitation.made")],
    "invitation.time-held": [web(s.INVITED, "invitation.time-held")],
    "invitation.reminded": [worker(s.REMINDED, "invitation.reminded")],
    "invitation.letters-taken": [web(s.PRINTED, "invitation.letters-taken")],
    "invitation.list-made": [web(s.LISTED, "invitation.list-made")],
    "waitlist.joined": [web(s.SWAPPED, "waitlist.joined")],
    "waitlist.offered": [worker(s.SWAPPED, "waitlist.offered")],
    "waitlist.swapped": [web(s.SWAPPED, "waitlist.swapped")],
    "waitlist.returned": [worker(s.SUITED_NOBODY, "waitlist.returned")],
    "rebooking.closed": [web(s.REBOOKED, "rebooking.closed")],
    "rebooking.shifted": [worker(s.SHIFTED, "rebooking.shifted")],
    "rebooking.offered": [worker(s.REBOOKED, "rebooking.offered")],
    "rebooking.left-to-telephone": [worker(s.REBOOKED_BY_TELEPHONE, "rebooking.left-to-telephone")],
    "rebooking.time-held": [web(s.REBOOKED_BY_TELEPHONE, "rebooking.time-held")],
    "rebooking.declined": [web(s.WANTS_ANOTHER, "rebooking.declined")],
    "rebooking.silent": [worker(s.NEVER_ANSWERS, "rebooking.silent")],
    "message.claimed": [worker(s.FREE_BOOKED, "message.claimed")],
    # Between sending and marking: the mail comes twice, with the same Message-ID.
    "message.sent": [Case(s.FREE_BOOKED, drain=("message.sent",), mails=2)],
    "message.marked": [worker(s.FREE_BOOKED, "message.marked")],
    "job.claimed": [worker(s.FREE_BOOKED, "job.claimed"), Case(s.JOB, jobs=("job.claimed",), handled=1)],
    "job.handled": [Case(s.JOB, jobs=("job.handled",), handled=2)],  # at least once: handlers are idempotent
}


def test_every_step_has_a_story() -> None:
    assert set(CASES) | set(CALLS) | set(BANK) | set(TILL) | set(CHARGES) == POINTS


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.name) for name in sorted(POINTS) for case in CASES.get(name, [])]
)
async def test_nothing_lost_and_nothing_doubled(case: Case, today_dsn: str, folder: Path) -> None:
    plan = {"web": case.web, "drain": case.drain, "jobs": case.jobs}
    async with asyncio.timeout(LIMIT_S), scene(today_dsn, folder, plan) as city:
        await case.story.tell(city)
        await city.finish()
        assert city.deaths == [(role, spec) for role, specs in plan.items() for spec in specs]  # none of them vacuous
        assert await outcome(city) == case.story.ends
        await assert_sound(city)
        assert copies(city).total() == (len(case.story.ends.mails) if case.mails is None else case.mails)
        if case.jobs:
            assert len(await city.rows("SELECT what FROM handled")) == case.handled

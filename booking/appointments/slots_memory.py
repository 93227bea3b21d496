"""Slots in memory, for simulations; they share the transaction of payment's books in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from booking.appointments.model import AppointmentStatus, CaseState, MoveState, sources
from booking.appointments.policy import Terms
from booking.appointments.slots import TRY_EVERY, Notice
from payment.memory import MemoryTx
from payment.ports import Tx

_ENDED = frozenset(
    {AppointmentStatus.CONFIRMED, AppointmentStatus.EXPIRED, AppointmentStatus.CANCELLED}
)  # no hold_until any more

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BareHold:
    """Time that is kept before there is a case."""

    id: UUID
    hold_until: datetime


def _table(tx: Tx, name: str) -> dict[Any, Any]:
    return cast("MemoryTx", tx)[name]


def _with_waiting(tx: Tx, case: CaseState) -> CaseState:
    moves = _table(tx, "waiting").values()
    return replace(case, waiting=next((move.id for move in moves if move.is_waiting and move.case.id == case.id), None))


def nobody_else(tx: Tx, case: CaseState) -> bool:
    return True


class MemorySlots:
    """Tables: `case` by id, `waiting` (dearer times) by the hold's id,
    `tried` (when) by the case's id, `bare_hold` by id, `notice` by (case, template, what about)."""

    def __init__(self, is_free: Callable[[Tx, CaseState], bool] = nobody_else) -> None:
        """`is_free`: whether all the time that a case had may be had again."""
        self.is_free = is_free

    async def lock(self, tx: Tx, reference: UUID) -> CaseState | None:
        found: CaseState | None = _table(tx, "case").get(reference)
        return _with_waiting(tx, found) if found is not None else None

    async def move(self, tx: Tx, reference: UUID, to: AppointmentStatus, *, at_till: bool = False) -> bool:
        case: CaseState | None = _table(tx, "case").get(reference)
        if case is None or case.status not in sources(to):
            return False
        if case.status is AppointmentStatus.EXPIRED and not self.is_free(tx, case):
            return False
        hold_until = None if to in _ENDED else case.hold_until
        pays_at_till = case.pays_at_till or at_till
        _table(tx, "case")[reference] = replace(case, status=to, hold_until=hold_until, pays_at_till=pays_at_till)
        return True

    async def due(self, tx: Tx, now: datetime, limit: int) -> list[UUID]:
        tried = _table(tx, "tried")
        due = [
            (tried.get(move.case.id, _NEVER), move.hold_until, move.id)
            for move in self._moves(tx)
            if move.is_waiting and move.is_over(now)
        ] + [
            (tried.get(case.id, _NEVER), case.hold_until, case.id)
            for case in _table(tx, "case").values()
            if case.status is AppointmentStatus.EXPIRING
            or (case.status is AppointmentStatus.HELD and case.hold_until <= now)
        ]
        return [ident for at, _, ident in sorted(due) if at <= now - TRY_EVERY][:limit]

    async def mark_tried(self, tx: Tx, reference: UUID, now: datetime) -> None:
        move: MoveState | None = _table(tx, "waiting").get(reference)
        ident = move.case.id if move is not None else reference
        if ident in _table(tx, "case"):
            _table(tx, "tried")[ident] = now

    async def expire_bare(self, tx: Tx, now: datetime, limit: int) -> int:
        holds = _table(tx, "bare_hold")
        over = sorted((hold.hold_until, hold.id) for hold in holds.values() if hold.hold_until <= now)[:limit]
        for _, ident in over:
            del holds[ident]
        return len(over)

    async def lock_move(self, tx: Tx, hold_id: UUID) -> MoveState | None:
        return next((move for move in self._moves(tx) if move.id == hold_id), None)

    async def end_move(self, tx: Tx, hold_id: UUID, taken_at: datetime | None) -> bool:
        move = await self.lock_move(tx, hold_id)
        if move is None or not move.is_waiting:
            return False
        _table(tx, "waiting")[hold_id] = replace(move, is_waiting=False, hold_until=None)
        if taken_at is not None:
            _table(tx, "case")[move.case.id] = replace(
                move.case,
                starts_at=move.starts_at,
                fee=move.fee,
                terms=Terms(move.case.terms.steps, move.case.refund_percent(taken_at)),
                paid_moves=(hold_id, *move.case.paid_moves),
            )
        return True

    def _moves(self, tx: Tx) -> list[MoveState]:
        """With the cases as they are now."""
        cases = _table(tx, "case")
        return [replace(move, case=_with_waiting(tx, cases[move.case.id])) for move in _table(tx, "waiting").values()]

    def add_move(self, tx: Tx, move: MoveState) -> None:
        _table(tx, "waiting")[move.id] = move

    async def announce(self, tx: Tx, reference: UUID, notice: Notice) -> None:
        move = await self.lock_move(tx, reference)
        reference = move.case.id if move is not None else reference
        _table(tx, "notice").setdefault((reference, notice.template, notice.about), notice)

    def add_case(self, tx: Tx, case: CaseState) -> None:
        _table(tx, "case")[case.id] = case

    def add_bare_hold(self, tx: Tx, hold: BareHold) -> None:
        _table(tx, "bare_hold")[hold.id] = hold

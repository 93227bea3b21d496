"""Our books beside what the provider says. Pure: rows in, differences out; the same in whatever order they come.

A payment and a refund are the same here and there if the provider's id is the one we stored, or, where we stored none yet, if the
metadata name it. Money that is the same here and there, on the same day, gives no difference; everything else gives exactly one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from base.money import Money
from payment.ledger import JournalKind
from payment.model import Dispute, Payment, PaymentStatus, Refund, RefundStatus
from payment.ports import RefundState, SessionState, Snapshot
from payment.reconciliation.model import Difference, DifferenceKind, Look, Ours, Posted, Span, Theirs
from payment.statement import Movement, MovementKind, Statement

_NOTHING = Statement((), ())
_P, _S, _R, _T = PaymentStatus, SessionState, RefundStatus, RefundState
_K = DifferenceKind
_DISPUTES = (JournalKind.DISPUTE, JournalKind.DISPUTE_WON)

# What may be seen at the provider of a payment without money; None: it knows no session.
_FITS: Mapping[PaymentStatus, frozenset[SessionState | None]] = {
    _P.INTENDED: frozenset({None}),
    _P.OPEN: frozenset({_S.OPEN}),
    _P.PROCESSING: frozenset({_S.PROCESSING}),
    _P.AUTHORISED: frozenset({_S.AUTHORISED}),
    _P.FENCED: frozenset({_S.DEAD, None}),
    _P.LAPSED: frozenset({_S.OPEN, _S.DEAD}),
    _P.ATTENTION: frozenset(),
}
_REFUND_FITS: Mapping[RefundStatus, frozenset[RefundState]] = {
    _R.SUBMITTED: frozenset({_T.PENDING}),
    _R.SUCCEEDED: frozenset({_T.SUCCEEDED}),
    _R.FAILED: frozenset({_T.FAILED}),
}


@dataclass
class _RefundThere:
    """A refund as the provider shows it; `at` is known of movements only."""

    provider_id: str
    amount: Money | None
    state: RefundState | None
    at: datetime | None = None
    came_back: bool = False


@dataclass
class _Facts:
    """Everything known of one payment."""

    payment: Payment
    refunds: list[Refund] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    disputed_there: list[Movement] = field(default_factory=list)
    charge: Movement | None = None
    session: Snapshot | None = None
    look: Look | None = None
    refunds_there: dict[UUID, _RefundThere] = field(default_factory=dict)

    @property
    def paid_there(self) -> Money | None:
        if self.charge is not None:
            return self.charge.amount
        seen = self.seen
        return seen.amount if seen is not None and seen.state is _S.PAID else None

    @property
    def seen(self) -> Snapshot | None:
        return self.look.session if self.look is not None else self.session

    @property
    def is_looked_into(self) -> bool:
        return self.look is not None or self.session is not None or self.charge is not None

    def journal(self, kind: JournalKind, refund_id: UUID | None = None) -> Posted | None:
        return next((one for one in self.posted if (one.kind, one.refund_id) == (kind, refund_id)), None)


class Matched:
    """Movements and looks laid beside our payments; `strange` are those that belong to none."""

    def __init__(self, ours: Ours, theirs: Theirs) -> None:
        self.facts = {payment.id: _Facts(payment) for payment in ours.payments}
        self.refunds = {refund.id: refund for refund in ours.refunds}
        self.strange: list[Movement] = []
        for refund in ours.refunds:
            self.facts[refund.payment_id].refunds.append(refund)
        for posted in ours.posted:
            self.facts[posted.payment_id].posted.append(posted)
        for dispute in ours.disputes:
            self.facts[dispute.payment_id].disputes.append(dispute)
        self._by_charge = {one.charge_id: one.id for one in ours.payments if one.charge_id is not None}
        self._by_session = {one.session_id: one.id for one in ours.payments if one.session_id is not None}
        self._by_provider_id = {one.provider_id: one.id for one in ours.refunds if one.provider_id is not None}
        for seen in theirs.statement.sessions:
            if (payment_id := self._of_session(seen)) is not None:
                self.facts[payment_id].session = seen
        back = {one.refund_provider_id for one in theirs.statement.movements if one.kind is MovementKind.REFUND_FAILED}
        self._went_out = {
            one.refund_provider_id for one in theirs.statement.movements if one.kind is MovementKind.REFUND
        }
        for movement in theirs.statement.movements:
            if movement.kind is MovementKind.PAYOUT:
                continue  # compared at night, with the bank
            self._take(movement, came_back=movement.refund_provider_id in back)
        for payment_id, look in theirs.looks.items():
            self._look(self.facts[payment_id], look)

    def _take(self, movement: Movement, *, came_back: bool) -> None:
        match movement.kind:
            case MovementKind.CHARGE:
                facts = self.payment_of(movement)
                if facts is not None and facts.charge is None:
                    facts.charge = movement
                elif facts is not None and facts.charge is not None and _is_part(facts.charge, movement):
                    facts.charge = replace(facts.charge, amount=facts.charge.amount + movement.amount)
                else:
                    self.strange.append(movement)
            case MovementKind.REFUND:
                refund = self.refund_of(movement.refund_provider_id, movement.refund_id)
                if refund is not None:
                    there = _RefundThere(
                        movement.refund_provider_id or movement.id,
                        -movement.amount,
                        _T.FAILED if came_back else movement.refund_state,
                        movement.at,
                        came_back,
                    )
                    self.facts[refund.payment_id].refunds_there[refund.id] = there
                elif not came_back:  # what went out and came back on its own has left no trace in the money
                    self.strange.append(movement)
            case MovementKind.REFUND_FAILED:
                refund = self.refund_of(movement.refund_provider_id, movement.refund_id)
                if refund is None and movement.refund_provider_id not in self._went_out:
                    self.strange.append(movement)  # else told by the refund: its state, and `came_back`
            case MovementKind.DISPUTE:
                facts = self.payment_of(movement)
                if facts is None or not self._is_booked(facts, movement):
                    self.strange.append(movement)
            case MovementKind.OTHER:
                self.strange.append(movement)

    def _is_booked(self, facts: _Facts, movement: Movement) -> bool:
        """Each journal of a dispute stands for one movement of its amount."""
        booked = [one.clearing_cents for one in facts.posted if one.kind in _DISPUTES]
        seen = [one.amount.cents for one in (*facts.disputed_there, movement)]
        facts.disputed_there.append(movement)
        return seen.count(movement.amount.cents) <= booked.count(movement.amount.cents)

    def payment_of(self, movement: Movement) -> _Facts | None:
        known = self._by_charge.get(movement.charge_id or "")
        if known is not None:
            return self.facts[known]
        named = self.facts.get(movement.payment_id) if movement.payment_id is not None else None
        return named if named is not None and named.payment.charge_id is None else None

    def refund_of(self, provider_id: str | None, refund_id: UUID | None) -> Refund | None:
        known = self._by_provider_id.get(provider_id or "")
        if known is not None:
            return self.refunds[known]
        named = self.refunds.get(refund_id) if refund_id is not None else None
        return named if named is not None and named.provider_id is None else None

    def owner(self, movement: Movement) -> UUID | None:
        """The payment of ours that a movement belongs to."""
        refund = self.refund_of(movement.refund_provider_id, movement.refund_id)
        if refund is not None:
            return refund.payment_id
        facts = self.payment_of(movement)
        return None if facts is None else facts.payment.id

    def _of_session(self, seen: Snapshot) -> UUID | None:
        known = self._by_session.get(seen.session_id)
        if known is None and seen.payment_id in self.facts and self.facts[seen.payment_id].payment.session_id is None:
            return seen.payment_id
        return known

    def _look(self, facts: _Facts, look: Look) -> None:
        facts.look = look
        for seen in look.refunds:
            refund = self.refund_of(seen.provider_id, seen.refund_id)
            if refund is not None and refund.id not in facts.refunds_there:
                there = _RefundThere(seen.provider_id, seen.amount, seen.state)
                facts.refunds_there[refund.id] = there


def too_little_said(ours: Ours, theirs: Theirs, span: Span) -> list[UUID]:
    """Payments of the day that the statement does not tell enough about to be compared: to be asked for one by one."""
    found = []
    for facts in Matched(ours, theirs).facts.values():
        payment = facts.payment
        of_today = [one for one in facts.posted if one.at in span]
        unseen_charge = any(one.kind is JournalKind.FEE for one in of_today) and facts.charge is None
        unseen_refund = any(one.refund_id is not None and one.refund_id not in facts.refunds_there for one in of_today)
        unseen_session = payment.created_at in span and payment.session_id is not None and not facts.is_looked_into
        if payment.session_id is not None and (unseen_charge or unseen_refund or unseen_session):
            found.append(payment.id)
    return sorted(found)


def moved_by_look(ours: Ours, looks: Mapping[UUID, Look], providers: Collection[str]) -> list[Movement]:
    """Of providers without a statement: what they show, of each payment alone, as paid. The moment is ours; they tell none."""
    paid_at = {one.payment_id: one.at for one in reversed(ours.posted) if one.kind is JournalKind.FEE}
    found = []
    for payment in ours.payments:
        seen = looks[payment.id].session if payment.id in looks and payment.provider in providers else None
        at = paid_at.get(payment.id)
        if seen is None or seen.state is not _S.PAID or seen.amount is None or at is None:
            continue
        found.append(
            Movement(
                id=seen.session_id,
                kind=MovementKind.CHARGE,
                at=at,
                amount=seen.amount,
                fee=Money(0, seen.amount.currency),
                word=seen.word,
                charge_id=seen.charge_id,
                payment_id=payment.id,
            )
        )
    return found


def reconcile_day(ours: Ours, theirs: Theirs, span: Span, zone: ZoneInfo, compared_until: datetime) -> list[Difference]:
    """Of what happened in `span`, except what is younger than `compared_until`: that may still be on its way."""
    matched, found = Matched(ours, theirs), []
    for facts in matched.facts.values():
        if facts.payment.id in theirs.unchecked:
            found.append(Difference(kind=_K.UNCHECKED, payment_id=facts.payment.id))
        elif _is_of(facts, span) and not _is_young(facts, compared_until):
            found += _of_payment(facts)
            found += _other_days(facts, span, zone)
    for movement in matched.strange:
        if movement.at in span and movement.at <= compared_until:
            found.append(_strange(movement, matched.owner(movement)))
    return sorted(found, key=_order)


def reconcile_payment(ours: Ours, look: Look) -> list[Difference]:
    """Of one payment, whatever the day; refunds there that we do not know are differences as well."""
    payment = ours.payments[0]
    theirs = Theirs(_NOTHING, {payment.id: look})
    matched = Matched(ours, theirs)
    found = list(_of_payment(matched.facts[payment.id]))
    for seen in look.refunds:
        if matched.refund_of(seen.provider_id, seen.refund_id) is None and seen.state is not _T.FAILED:
            found.append(
                Difference(
                    kind=_K.MISSING_HERE,
                    payment_id=payment.id,
                    provider_id=seen.provider_id,
                    there=None if seen.amount is None else -seen.amount,
                    their_word=seen.state.value,
                )
            )
    return sorted(found, key=_order)


def reconcile_alone(ours: Ours) -> list[Difference]:
    """What our own books tell without the provider."""
    facts = Matched(ours, Theirs(_NOTHING)).facts.values()
    return sorted((one for each in facts for one in _of_journals(each)), key=_order)


def _of_payment(facts: _Facts) -> Iterator[Difference]:
    yield from _of_journals(facts)
    payment, there = facts.payment, facts.paid_there
    make = _maker(facts)
    if payment.status is _P.PAID:
        if there is None and facts.is_looked_into:
            yield make(_K.MISSING_THERE, ours=Money(payment.captured_cents, payment.currency))
        elif there is not None and there != Money(payment.captured_cents, payment.currency):
            yield make(_K.AMOUNT, ours=Money(payment.captured_cents, payment.currency), there=there)
    elif there is not None:
        yield make(_K.MISSING_HERE, there=there)
    elif facts.is_looked_into or payment.status is _P.ATTENTION:
        seen = facts.seen
        if (seen.state if seen is not None else None) not in _FITS[payment.status]:
            yield make(_K.STATE)
    for refund in facts.refunds:
        yield from _of_refund(facts, refund)


def _of_refund(facts: _Facts, refund: Refund) -> Iterator[Difference]:
    there = facts.refunds_there.get(refund.id)
    ours = Money(-refund.amount_cents, facts.payment.currency)
    provider_id = there.provider_id if there is not None else refund.provider_id or ""
    if there is None:
        if refund.status is _R.SUCCEEDED and facts.look is not None:
            yield _refund_difference(refund, _K.MISSING_THERE, provider_id, ours=ours)
        return
    if there.amount is not None and there.amount != -ours:
        yield _refund_difference(refund, _K.AMOUNT, provider_id, ours=ours, there=-there.amount)
    elif there.state is not None and there.state not in _REFUND_FITS.get(refund.status, frozenset()):
        yield _refund_difference(
            refund, _K.STATE, provider_id, our_word=refund.status.value, their_word=there.state.value
        )


def _of_journals(facts: _Facts) -> Iterator[Difference]:
    """What a payment says it has brought is what its journals say lies with the provider."""
    payment = facts.payment
    arrived = sum(one.amount_cents for one in facts.refunds if one.status is _R.SUCCEEDED)
    disputed = sum(one.taken_cents - one.returned_cents for one in facts.disputes)
    said, booked = payment.captured_cents - arrived - disputed, sum(one.clearing_cents for one in facts.posted)
    if said != booked:
        ours, there = Money(booked, payment.currency), Money(said, payment.currency)
        yield Difference(kind=_K.JOURNAL, payment_id=payment.id, ours=ours, there=there)


def _is_part(charge: Movement, other: Movement) -> bool:
    """Of a reservation that was taken in part the provider tells twice: the whole, and the rest of it back."""
    return charge.charge_id == other.charge_id and charge.amount.cents > -other.amount.cents > 0


def _other_days(facts: _Facts, span: Span, zone: ZoneInfo) -> Iterator[Difference]:
    pairs: list[tuple[Posted | None, datetime | None, UUID | None, str]] = []
    fee = facts.journal(JournalKind.FEE)
    if facts.charge is not None:
        pairs.append((fee, facts.charge.at, None, facts.charge.charge_id or ""))
    for key, there in facts.refunds_there.items():
        pairs.append((facts.journal(JournalKind.REFUND, key), there.at, key, there.provider_id))
    for posted, at, refund_id, provider_id in pairs:
        if posted is None or at is None or (posted.at in span) == (at in span):
            continue
        money = Money(posted.clearing_cents, facts.payment.currency)
        yield Difference(
            kind=_K.OTHER_DAY,
            payment_id=facts.payment.id,
            refund_id=refund_id,
            provider_id=provider_id,
            ours=money,
            there=money,
            our_word=posted.at.astimezone(zone).date().isoformat(),
            their_word=at.astimezone(zone).date().isoformat(),
        )


def _is_of(facts: _Facts, span: Span) -> bool:
    moments = [facts.payment.created_at, *(one.at for one in facts.posted)]
    moments += [one.at for one in facts.refunds_there.values() if one.at is not None]
    moments += [facts.charge.at] if facts.charge is not None else []
    return any(moment in span for moment in moments)


def _is_young(facts: _Facts, compared_until: datetime) -> bool:
    """Something has happened to it just now, here or there, and the other side may not know yet."""
    moments = [facts.payment.created_at, *(one.at for one in facts.posted), *(one.created_at for one in facts.refunds)]
    moments += [one.at for one in facts.refunds_there.values() if one.at is not None]
    moments += [facts.charge.at] if facts.charge is not None else []
    return any(moment > compared_until for moment in moments)


def _maker(facts: _Facts) -> Callable[..., Difference]:
    payment, seen = facts.payment, facts.seen

    def make(kind: DifferenceKind, *, ours: Money | None = None, there: Money | None = None) -> Difference:
        charge_id = facts.charge.charge_id if facts.charge is not None else None
        return Difference(
            kind=kind,
            payment_id=payment.id,
            provider_id=charge_id or payment.charge_id or payment.session_id or "",
            ours=ours,
            there=there,
            our_word=payment.status.value,
            their_word="paid" if facts.charge is not None else seen.state.value if seen is not None else "",
        )

    return make


def _refund_difference(
    refund: Refund,
    kind: DifferenceKind,
    provider_id: str,
    *,
    ours: Money | None = None,
    there: Money | None = None,
    our_word: str = "",
    their_word: str = "",
) -> Difference:
    return Difference(
        kind=kind,
        payment_id=refund.payment_id,
        refund_id=refund.id,
        provider_id=provider_id,
        ours=ours,
        there=there,
        our_word=our_word,
        their_word=their_word,
    )


def _strange(movement: Movement, payment_id: UUID | None) -> Difference:
    return Difference(
        kind=_K.NOT_BOOKED if movement.kind is MovementKind.OTHER else _K.MISSING_HERE,
        payment_id=payment_id,
        provider_id=movement.refund_provider_id or movement.charge_id or movement.id,
        there=movement.amount,
        their_word=movement.word,
    )


def _order(one: Difference) -> tuple[Sequence[object], ...]:
    kinds = list(DifferenceKind)
    return ((kinds.index(one.kind), str(one.payment_id or ""), str(one.refund_id or ""), one.provider_id),)

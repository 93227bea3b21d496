"""Transfer orders as finance says them: states, events, the ten fields of a payment order."""

from __future__ import annotations

from collections.abc import Mapping

from base.i18n import mark as _
from frontend.citizen.words import Words
from frontend.finance.shared import journal_url, payment_url, zone_of
from frontend.finance.views import Fact, Link
from frontend.finance.wording import REASON, cents, money, unless_erased
from frontend.transfers.views import StepLine
from payment.receipts.kassenzeichen import spaced
from payment.transfers.model import Ground, Order, Step, Story, Waiver
from payment.transfers.states import ENDED, OPEN, Occasion, TransferEvent, TransferStatus

STATUS: Mapping[TransferStatus, str] = {
    TransferStatus.ASKED: _("Account asked for"),
    TransferStatus.IBAN_GIVEN: _("To be assessed"),
    TransferStatus.ASSESSED: _("To be approved"),
    TransferStatus.APPROVED: _("Approved, in no file yet"),
    TransferStatus.EXPORTED: _("In a file for the bank"),
    TransferStatus.PAID: _("Transferred"),
    TransferStatus.RETURNED: _("Returned by the bank"),
    TransferStatus.CANCELLED: _("Order cancelled"),
    TransferStatus.WAIVED: _("Owed no more"),
}
EVENT: Mapping[str, str] = {
    Occasion.ASKED.value: _("The refund failed; the payee was asked for an account"),
    Occasion.SUSPENDED.value: _("The payer disputes the payment: nothing is transferred meanwhile"),
    Occasion.RESUMED.value: _("The dispute is over: it goes on"),
    Occasion.REMINDED.value: _("The link was sent again"),
    Occasion.PRINTED.value: _("A letter was printed"),
    Occasion.LOST_TOO_LATE.value: _(
        "The dispute was lost when the bank had this order already: the payer may get the money twice"
    ),
    TransferEvent.GIVE.name.lower(): _("Account named"),
    TransferEvent.ASSESS.name.lower(): _("Correct in substance and sum"),
    TransferEvent.APPROVE.name.lower(): _("Payment ordered"),
    TransferEvent.EXPORT.name.lower(): _("Put into file"),
    TransferEvent.ARRIVE.name.lower(): _("Booked by our bank"),
    TransferEvent.BOUNCE.name.lower(): _("Returned by the bank"),
    TransferEvent.ASK_AGAIN.name.lower(): _("Asked for the account again"),
    TransferEvent.CANCEL.name.lower(): _("Order cancelled"),
    TransferEvent.WAIVE.name.lower(): _("Owed no more: booked as income"),
    TransferEvent.REOPEN.name.lower(): _("That was reversed: it is owed again, and the account is asked for"),
}
GROUND: Mapping[Ground, str] = {
    Ground.WAIVED: _("Waived by the payee in writing"),
    Ground.BARRED: _("Period of limitation passed (sections 195, 199 BGB)"),
}
_WAIVER: Mapping[str, str] = {
    "requested": _("Waits for another person"),
    "approved": _("Approved"),
    "rejected": _("Rejected"),
}
_RECORD: Mapping[str, str] = {
    "amount": _("Amount"),
    "reason": _("Reason"),
    "payee": _("Payee"),
    "payer": _("Payer"),
    "accounts": _("Product accounts"),
    "iban": _("IBAN"),
    "due_on": _("Due on"),
    "budget_year": _("Budget year"),
    "assessed": _("Assessed by"),
    "ordered_on": _("Ordered on"),
    "ordered_by": _("Ordered by"),
}
NONE_YET = _("not yet")


def url(words: Words, order: Order) -> str:
    return f"/{words.language}/transfers/{order.id}"


def title(words: Words, order: Order) -> str:
    return words._("Transfer {kassenzeichen}", kassenzeichen=spaced(order.kassenzeichen))


def row(words: Words, order: Order, *, is_unasked: bool = False) -> tuple[Link, ...]:
    place = str(zone_of(words))
    return (
        Link(label=spaced(order.kassenzeichen), url=url(words, order)),
        Link(label=words._("Nobody can write to the payee") if is_unasked else _state(words, order)),
        Link(label=words.when(order.changed_at, place)),
        Link(label=f"… {order.iban_end}" if order.iban_end else "–"),
        Link(label=money(words, order.amount)),
    )


def _state(words: Words, order: Order) -> str:
    state = words._(STATUS[order.status])
    return words._("{state}, disputed", state=state) if order.is_disputed and order.status in OPEN else state


def facts(words: Words, order: Order) -> tuple[Fact, ...]:
    place = str(zone_of(words))
    found = [
        Fact(label=words._("State"), value=words._(STATUS[order.status])),
        Fact(label=words._("Arisen"), value=words.when(order.created_at, place)),
    ]
    if order.round > 1:
        found.append(Fact(label=words._("Asked for an account"), value=words._("{n} times", n=order.round)))
    if order.sent_at is not None:
        found.append(Fact(label=words._("File"), value=f"{order.file} · {words.when(order.sent_at, place)}"))
    if order.paid_at is not None:
        found.append(Fact(label=words._("Transferred"), value=words.when(order.paid_at, place)))
        found.append(Fact(label=words._("Bank's reference"), value=order.bank_entry_ref or "–"))
    return tuple(found)


def ten_fields(words: Words, story: Story) -> tuple[Fact, ...]:
    """What cash law wants of a payment order; the last ones come with the approval."""
    order, account, place, name = story.order, story.account, str(zone_of(words)), story.names.get
    lines = ", ".join(f"{one.product}: {cents(words, one.amount_cents, 'EUR')}" for one in order.lines)
    reason = f"{words._(REASON[order.reason])} · {order.purpose}"
    nothing = words._(NONE_YET)
    erased = words._("deleted") if order.status in ENDED and order.entered_at is not None else nothing
    assessed = (
        words._("{name}, {when}", name=name(order.assessed_by, ""), when=words.when(order.assessed_at, place))
        if order.assessed_by is not None and order.assessed_at is not None
        else nothing
    )
    return (
        Fact(label=words._("Amount"), value=money(words, order.amount)),
        Fact(label=words._("Reason"), value=reason),
        Fact(label=words._("Payee"), value=account.holder if account else erased),
        Fact(label=words._("Product accounts"), value=lines),
        Fact(label=words._("IBAN"), value=account.spaced if account else erased),
        Fact(label=words._("Due on"), value=words.day(order.due_on) if order.due_on else nothing),
        Fact(label=words._("Budget year"), value=str(order.budget_year) if order.budget_year else nothing),
        Fact(label=words._("Correct in substance and sum"), value=assessed),
        Fact(label=words._("Ordered on"), value=words.when(order.approved_at, place) if order.approved_at else nothing),
        Fact(
            label=words._("Ordered by"), value=name(order.approved_by, "") if order.approved_by is not None else nothing
        ),
    )


def step_line(words: Words, story: Story, step: Step) -> StepLine:
    if step.by is not None:
        by = story.names.get(step.by, "")
    else:
        by = words._("the payee") if step.event == TransferEvent.GIVE.name.lower() else words._("by itself")
    return StepLine(
        at=words.when(step.at, str(zone_of(words))),
        what=words._(EVENT[step.event]),
        by=by,
        note=unless_erased(words, step.note or ""),
        record=tuple(Fact(label=words._(_RECORD[name]), value=value) for name, value in (step.record or {}).items()),
    )


def waiver_facts(words: Words, one: Waiver) -> tuple[Fact, ...]:
    place = str(zone_of(words))
    found = [
        Fact(label=words._("Ground"), value=words._(GROUND[one.ground])),
        Fact(label=words._("What was found"), value=unless_erased(words, one.reason)),
        Fact(label=words._("Evidence"), value=unless_erased(words, one.evidence)),
        Fact(
            label=words._("Asked for"),
            value=words._("{name}, {when}", name=one.asker, when=words.when(one.requested_at, place)),
        ),
        Fact(label=words._("State"), value=words._(_WAIVER[one.status])),
    ]
    if one.decider is not None and one.decided_at is not None:
        decided = words._("{name}, {when}", name=one.decider, when=words.when(one.decided_at, place))
        found.append(Fact(label=words._("Decided"), value=decided))
    if one.journal_id is not None:
        url = journal_url(words, one.journal_id)
        found.append(Fact(label=words._("Journal"), value=str(one.journal_id), url=url))
    return tuple(found)


def links(words: Words, order: Order) -> tuple[Link, ...]:
    found = [Link(label=words._("The payment"), url=payment_url(words, order.payment_id))]
    if order.file is not None:
        found.append(Link(label=words._("File {number}", number=order.file), url=file_url(words, order.file)))
    return tuple(found)


def file_url(words: Words, number: int) -> str:
    return f"/{words.language}/transfers/files/{number}"

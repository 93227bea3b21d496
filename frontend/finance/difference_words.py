"""Causes, proposals and lights as finance says them."""

from __future__ import annotations

from collections.abc import Mapping

from base.i18n import mark as _
from frontend.citizen.words import Words
from frontend.finance import wording
from payment.ledger import CASH_DIFFERENCE, PSP_FEES, UNASSIGNED
from payment.matching.model import Cause, Choice, Proposal, SentKind
from payment.matching.prices import PRICE
from payment.matching.worklist_model import AtBank, Light, Listed, State
from payment.receipts.kassenzeichen import spaced

CAUSE: Mapping[Cause, str] = {
    Cause.MISSING_THERE: _("Missing at the provider"),
    Cause.MISSING_HERE: _("Missing in the ledger"),
    Cause.AMOUNT: _("Different amount"),
    Cause.FEE: _("Different price of the provider"),
    Cause.PAYOUT_SUM: _("Payout is not the sum of its parts"),
    Cause.PAYOUT_NOT_AT_BANK: _("Payout not at the bank"),
    Cause.PAYOUT_LATE: _("Payout arrived late"),
    Cause.PAYOUT_SPLIT: _("Payout in several credits"),
    Cause.PAYOUT_FAILED: _("Payout failed"),
    Cause.PAYOUT_STATE: _("Payout in a state that cannot be"),
    Cause.UNKNOWN_CREDIT: _("Unknown credit"),
    Cause.UNKNOWN_DEBIT: _("Unknown debit"),
    Cause.STATEMENT_GAP: _("Bank statement missing"),
    Cause.FAILED_REFUND: _("Failed refund"),
    Cause.REFUND_AT_PROVIDER: _("Refund made at the provider"),
    Cause.OPEN_DISPUTE: _("Open dispute"),
    Cause.LOST_DISPUTE: _("Lost dispute"),
    Cause.EXPORT_NOT_ACKNOWLEDGED: _("Export not acknowledged"),
    Cause.TILL_AMOUNT: _("Takings of a till with another sum"),
    Cause.TILL_AMBIGUOUS: _("Takings of a till: which ones?"),
    Cause.TILL_LATE: _("Takings of a till arrived late"),
    Cause.TILL_NOT_AT_BANK: _("Takings of a till not at the bank"),
    Cause.BANK_BALANCE: _("The account is not what the statement says"),
}
ADVICE: Mapping[Cause, str] = {
    Cause.MISSING_THERE: _("Look for the money at the provider. If it is not to be found, write it off."),
    Cause.MISSING_HERE: _("Money moved at the provider without us: ask who did it there. If it stays, write it off."),
    Cause.AMOUNT: _("Find out which side is right. What stays is written off, or assigned with the difference."),
    Cause.FEE: _("The provider takes another price than it told. Book the rest as its price."),
    Cause.PAYOUT_SUM: _("Ask the provider what this payout is made of."),
    Cause.PAYOUT_NOT_AT_BANK: _("Ask the bank and the provider. It closes by itself when the credit has come."),
    Cause.PAYOUT_LATE: _("The money is there. Note why it was late."),
    Cause.PAYOUT_SPLIT: _("Assign these credits to the payout."),
    Cause.PAYOUT_FAILED: _("The money lies with the provider again. Check the bank account that is entered there."),
    Cause.PAYOUT_STATE: _(
        "The provider says of this payout what does not follow from what it said before. Ask the provider."
    ),
    Cause.UNKNOWN_CREDIT: _("Keep it as money of which it is not known what for, until that is known."),
    Cause.UNKNOWN_DEBIT: _("Ask the bank. Until that is known, keep it as not assigned."),
    Cause.STATEMENT_GAP: _("Ask the bank for the statement. It closes by itself when the statement has come."),
    Cause.REFUND_AT_PROVIDER: _(
        "Somebody has given this money back on the provider's own pages. It is booked, and the payer knows of it. "
        "Ask who did it and why; two persons confirm it."
    ),
    Cause.FAILED_REFUND: _("Give the money back by another refund or by bank transfer."),
    Cause.OPEN_DISPUTE: _("Answer the dispute at the provider before its deadline."),
    Cause.LOST_DISPUTE: _("The money is lost. Note what follows from it."),
    Cause.EXPORT_NOT_ACKNOWLEDGED: _("Ask the treasury whether it has the batch, and write down its word."),
    Cause.TILL_AMOUNT: _(
        "Ask the bank or the operator of the card terminals why the sum is another one. Choose what the line is: "
        "what is left over is booked as a difference of cash, or as the operator's price."
    ),
    Cause.TILL_AMBIGUOUS: _("The line can be one thing or another. Choose which one it is."),
    Cause.TILL_LATE: _("The money is there. Note why it was late."),
    Cause.TILL_NOT_AT_BANK: _(
        "Ask who carried the cash, the bank, or the operator of the card terminals. It closes by itself when the line has come."
    ),
    Cause.BANK_BALANCE: _(
        "From this day on our account is more or less than the bank's closing balance, although each line is put to something. Look for "
        "what was booked without a line of the statement. It is reversed or booked anew; two persons confirm it."
    ),
}
_ADVICE_OF_PRICE = _(
    "The provider took another price than its list says. Ask it for the rest, and note what it answers."
)
BUTTON: Mapping[Proposal, str] = {
    Proposal.WRITE_OFF: _("Ask for it to be written off"),
    Proposal.ASSIGN: _("Ask for it to be assigned"),
    Proposal.KEEP_UNASSIGNED: _("Ask for it to be kept as not assigned"),
    Proposal.ACKNOWLEDGE: _("Ask for it to be confirmed"),
    Proposal.CLEAR: _("Ask for it to be booked so"),
}
SENT: Mapping[SentKind, str] = {
    SentKind.DEPOSIT: _("Cash to the bank"),
    SentKind.CHANGE: _("Change from the bank"),
    SentKind.TERMINAL: _("Card terminal"),
}
_REST: Mapping[str, str] = {
    CASH_DIFFERENCE: _("{rest} as a difference of cash"),
    PSP_FEES: _("{rest} as the operator's price"),
    UNASSIGNED: _("{rest} not assigned"),
}
STATE: Mapping[State, str] = {
    State.OPEN: _("Open"),
    State.EXPLAINED: _("Settled"),
    State.WRITTEN_OFF: _("Written off"),
    State.CLOSED: _("Gone by itself"),
}
NOTE: Mapping[str, str] = {
    "opened": _("found"),
    "changed": _("another amount"),
    "taken": _("taken over"),
    "left": _("given back"),
    "comment": _("comment"),
    "explained": _("noted as settled"),
    "asked": _("asked for approval"),
    "approved": _("approved"),
    "rejected": _("rejected"),
    "reopened": _("open again: its journal was reversed"),
    "closed": _("gone by itself"),
}
LIGHT: Mapping[Light, str] = {
    Light.GREEN: _("done"),
    Light.YELLOW: _("not done yet"),
    Light.RED: _("open"),
    Light.NONE: "–",
}


TONE: Mapping[Light, str] = {Light.GREEN: "success", Light.YELLOW: "warning", Light.RED: "danger", Light.NONE: ""}


def advice(one: Listed) -> str:
    return _ADVICE_OF_PRICE if one.subject.startswith(PRICE) else ADVICE[one.cause]


def light(words: Words, one: Light, number: int = 0) -> str:
    """In words as well: colour alone says nothing to many."""
    if one is Light.RED and number:
        return words._("{number} open", number=number)
    return LIGHT[one] if one is Light.NONE else words._(LIGHT[one])


def cents(words: Words, amount_cents: int | None) -> str:
    return "–" if amount_cents is None else wording.cents(words, amount_cents, "EUR")


def choice(words: Words, one: Choice, line_cents: int, sent: Mapping[str, AtBank]) -> str:
    """What a line would be: tills, days, sums; and what becomes of the rest."""
    parts = [sent_as(words, sent[subject]) if subject in sent else subject for subject in one.subjects]
    text = f"{words._(SENT[one.kind])}: {', '.join(parts)} = {cents(words, one.cents)}"
    if rest := one.cents - line_cents:
        text += "; " + words._(_REST[one.rest], rest=cents(words, abs(rest)))
    return text


def sent_as(words: Words, one: AtBank) -> str:
    reference = f" ({one.reference})" if one.reference else ""
    return f"{one.till_name}, {words.short_day(one.day)}{reference}"


def about(words: Words, one: Listed) -> str:
    """What a person can look for: a Kassenzeichen, a payout, a line, a statement, a day, or else an id at the provider."""
    kind, _colon, name = one.subject.partition(":")
    if one.kassenzeichen:
        return spaced(one.kassenzeichen)
    match kind:
        case "statement":
            return words._("Statement {number}", number=name.rsplit(":", 1)[-1])
        case "bank":
            return words._("Line {number} of the bank", number=name)
        case "deposit" | "change" | "terminal":
            return words._(SENT[SentKind(kind)])
        case "balance":
            return words.day(one.day)
        case "batch":
            return words._("Batch of {day}", day=words.day(one.day))
        case _:
            return name

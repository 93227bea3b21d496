"""The till's words: statuses, differences, accounts and amounts as finance says them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from base.i18n import format_money
from base.i18n import mark as _
from base.money import Money
from frontend.citizen.words import Words
from frontend.receipts.methods import ONLINE
from payment.model import ERASED_NOTE, DisputeStatus, PaymentStatus, Refund, RefundReason, RefundStatus
from payment.ports import RefundState, SessionState
from payment.reconciliation.model import Difference, DifferenceKind

PAYMENT: Mapping[PaymentStatus, str] = {
    PaymentStatus.INTENDED: _("Intended"),
    PaymentStatus.OPEN: _("Open"),
    PaymentStatus.PROCESSING: _("Under way"),
    PaymentStatus.AUTHORISED: _("Reserved, not taken yet"),
    PaymentStatus.PAID: _("Paid"),
    PaymentStatus.FENCED: _("Cancelled without payment"),
    PaymentStatus.LAPSED: _("Run out, money may still come"),
    PaymentStatus.ATTENTION: _("Does not fit"),
}
SESSION: Mapping[SessionState, str] = {
    SessionState.OPEN: _("Open"),
    SessionState.PROCESSING: _("Under way"),
    SessionState.AUTHORISED: _("Reserved, not taken yet"),
    SessionState.PAID: _("Paid"),
    SessionState.DEAD: _("Cancelled without payment"),
    SessionState.UNKNOWN: _("Unknown to us"),
}
REFUND: Mapping[RefundStatus, str] = {
    RefundStatus.REQUESTED: _("Waiting for approval"),
    RefundStatus.REJECTED: _("Rejected"),
    RefundStatus.APPROVED: _("Approved"),
    RefundStatus.SUBMITTED: _("Handed to the provider"),
    RefundStatus.SUCCEEDED: _("Refunded"),
    RefundStatus.FAILED: _("Failed"),
    RefundStatus.OVERTAKEN: _("Paid back by a lost dispute"),
}
REFUND_THERE: Mapping[RefundState, str] = {
    RefundState.PENDING: _("Under way"),
    RefundState.SUCCEEDED: _("Refunded"),
    RefundState.FAILED: _("Failed"),
    RefundState.UNKNOWN: _("Unknown to us"),
}
REASON: Mapping[RefundReason, str] = {
    RefundReason.CANCELLED: _("Appointment cancelled, by the refund rule"),
    RefundReason.LOST_SLOT: _("Paid, but the time was gone"),
    RefundReason.MOVED: _("Appointment moved, the fee is less now"),
    RefundReason.MANUAL: _("By two persons"),
    RefundReason.AT_PROVIDER: _("Made by hand at the provider"),
}
DISPUTE: Mapping[DisputeStatus, str] = {
    DisputeStatus.INQUIRY: _("Inquiry of the payer's bank"),
    DisputeStatus.OPEN: _("Open: the money was taken back"),
    DisputeStatus.ANSWERED: _("Answered: the bank decides"),
    DisputeStatus.WON: _("Won"),
    DisputeStatus.LOST: _("Lost"),
    DisputeStatus.CLOSED: _("Inquiry closed"),
}
_DISPUTE_REASONS: Mapping[str, str] = {
    "fraudulent": _("The cardholder did not authorise the payment"),
    "bank_cannot_process": _("The bank cannot process the payment"),
    "credit_not_processed": _("A refund that was promised did not come"),
    "duplicate": _("Charged twice"),
    "general": _("No particular reason"),
    "product_not_received": _("The service was not received"),
    "product_unacceptable": _("The service was not as described"),
    "subscription_canceled": _("A subscription had been cancelled"),
    "unrecognized": _("The cardholder does not recognise the payment"),
    "debit_not_authorized": _("The direct debit was not authorised"),
    "insufficient_funds": _("The account had too little money"),
}
DIFFERENCE: Mapping[DifferenceKind, str] = {
    DifferenceKind.MISSING_HERE: _("Money moved at the provider that our books do not know."),
    DifferenceKind.MISSING_THERE: _("Booked here, but the provider knows no such money."),
    DifferenceKind.AMOUNT: _("The amounts differ."),
    DifferenceKind.STATE: _("The states differ."),
    DifferenceKind.OTHER_DAY: _("Booked here on another day than it moved at the provider."),
    DifferenceKind.JOURNAL: _("Our journals do not add up to what the payment says."),
    DifferenceKind.NOT_BOOKED: _("A movement at the provider of a kind that is not booked here."),
    DifferenceKind.UNCHECKED: _("Not compared: there were too many to ask the provider one by one."),
}
JOURNAL: Mapping[str, str] = {
    "fee": _("Fee paid"),
    "earned": _("Fee earned"),
    "refund": _("Refund"),
    "refund_failed": _("Refund came back"),
    "reversal": _("Reversal"),
    "psp_fee": _("Provider's price"),
    "payout": _("Payout"),
    "payout_failed": _("Payout came back"),
    "payout_arrived": _("Payout at the bank"),
    "till_arrived": _("Takings of a till at the bank"),
    "difference_settled": _("Difference settled"),
    "refund_overtaken": _("Refund paid back by a lost dispute"),
    "dispute": _("Payment disputed"),
    "dispute_won": _("Dispute won"),
    "dispute_lost": _("Dispute lost"),
    "drawer_opened": _("Drawer opened"),
    "drawer_closed": _("Drawer closed"),
    "transfer_owed": _("Refund to be transferred"),
    "transfer_cancelled": _("Transfer cancelled"),
    "transfer_paid": _("Refund transferred"),
    "transfer_returned": _("Transfer came back"),
    "refund_waived": _("Refund owed no more"),
}
ACCOUNT: Mapping[str, str] = {
    "receivable": _("Receivables"),
    "psp_clearing": _("Money with the provider"),
    "bank": _("Bank"),
    "bank_in_transit": _("On the way to the bank"),
    "write_off": _("Written off"),
    "terminal_clearing": _("Card payments at counters"),
    "cash_in_transit": _("Cash on its way"),
    "cash_difference": _("Differences of drawers"),
    "received_in_advance": _("Received in advance"),
    "revenue:fees": _("Fee revenue"),
    "psp_fees": _("Provider's prices"),
    "refund_payable": _("Refunds payable"),
    "transfer_payable": _("Transfers payable"),
    "waived_refunds": _("Refunds nobody claims"),
    "unassigned": _("Not assigned yet"),
    "dispute_receivable": _("Disputed payments"),
    "dispute_loss": _("Lost disputes"),
}
METHOD: Mapping[str, str] = {
    "cash": _("Cash"),
    "terminal": _("Card at the counter"),
    **ONLINE,
    "stripe": _("Online, way not told (Stripe)"),
    "xbezahldienste": _("Online, way not told (XBezahldienste)"),
    "counter": _("At the counter, way not told"),
    "none": _("Free of charge"),
    "": _("Without a payment"),
}
_FAILURES: Mapping[str, str] = {
    "lost_or_stolen_card": _("the card is lost or stolen"),
    "expired_or_canceled_card": _("the card is no longer valid"),
    "charge_for_pending_refund_disputed": _("the payer disputes the payment"),
    "insufficient_funds": _("our balance at the provider was too low"),
    "declined": _("the payer's bank declined it"),
    "merchant_request": _("it was cancelled at the provider"),
    "charge_disputed": _("the payer disputes the payment"),
    "charge_already_refunded": _("the provider says that everything is refunded already"),
    "refunded_at_provider": _("it was refunded by hand at the provider before"),
    "not_fetched": _("nobody fetched it at the till"),
}
_WRONG: Mapping[str, str] = {
    "amount": _("The provider shows another amount: {detail}."),
    "metadata": _("What the provider shows names another payment: {detail}."),
    "session": _("The provider shows another session: {detail}."),
    "status": _("The provider shows a state that we do not know: {detail}."),
    "charge": _("The provider says paid, but names no charge: {detail}."),
}
_BY_VALUE: Mapping[str, str] = {
    **{one.value: text for one, text in SESSION.items()},
    **{one.value: text for one, text in REFUND_THERE.items()},
    **{one.value: text for one, text in REFUND.items()},
    **{one.value: text for one, text in PAYMENT.items()},
}


def money(words: Words, amount: Money | None) -> str:
    return "" if amount is None else format_money(amount, words.language)


def cents(words: Words, amount_cents: int, currency: str) -> str:
    return format_money(Money(amount_cents, currency), words.language)


def state(words: Words, word: str) -> str:
    """Of either side: a status, a day, or a word of the provider's own as it is."""
    if word[:1].isdigit():
        return words.short_day(date.fromisoformat(word))
    return words._(_BY_VALUE[word]) if word in _BY_VALUE else word


def journal(words: Words, kind: str) -> str:
    return words._(JOURNAL[kind]) if kind in JOURNAL else kind


def method(words: Words, name: str) -> str:
    return words._(METHOD[name]) if name in METHOD else name


def account(words: Words, name: str) -> str:
    kind, _colon, what = name.partition(":")
    if name not in ACCOUNT and kind == "revenue":
        return words._("Revenue: {what}", what=what)
    if kind == "cash":
        return words._("Cash: {what}", what=what)
    return words._(ACCOUNT[name]) if name in ACCOUNT else name


def side(words: Words, amount: Money | None, word: str) -> str:
    return ", ".join(part for part in (money(words, amount), state(words, word)) if part) or "–"


def difference(words: Words, one: Difference) -> str:
    text = words._(DIFFERENCE[one.kind])
    return words._("Refund: {text}", text=text) if one.refund_id is not None else text


def attention(words: Words, reason: str | None) -> str:
    """What is wrong with a payment, from the reason that was stored with it ("amount: 1400 EUR")."""
    subject, _colon, detail = (reason or "").partition(": ")
    return words._(_WRONG[subject], detail=detail) if subject in _WRONG else reason or ""


def dispute_reason(words: Words, code: str) -> str:
    return words._(_DISPUTE_REASONS[code]) if code in _DISPUTE_REASONS else code


def unless_erased(words: Words, text: str) -> str:
    """In people's words, unless these are erased."""
    return words._("(deleted)") if text == ERASED_NOTE else text


def note(words: Words, refund: Refund) -> str:
    """Why a refund was made: in people's words, unless these are erased with the person, else by which rule."""
    if refund.note == ERASED_NOTE:
        return words._("(reason deleted with the personal data)")
    return refund.note or words._(REASON[refund.reason])


def failure(words: Words, code: str | None) -> str:
    if not code:
        return ""
    if code == "unknown":
        return words._("It failed; the provider gives no reason.")
    why = words._(_FAILURES[code]) if code in _FAILURES else words._("the provider says: {code}", code=code)
    return words._("It failed because {why}.", why=why)

"""What may become of a transfer order: the one graph (docs/payment-states.md); the schema knows it, too (0080_transfer_order.sql)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from payment.graph import IllegalTransition


class TransferStatus(StrEnum):
    """ASKED: the payee is to name an account. EXPORTED: in a file for the bank; only the bank's statement says more."""

    ASKED = "asked"
    IBAN_GIVEN = "iban_given"
    ASSESSED = "assessed"  # found correct in substance and sum
    APPROVED = "approved"  # ordered, by another person
    EXPORTED = "exported"
    PAID = "paid"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    WAIVED = "waived"  # nobody wants it, or can want it any more: income of the city


class TransferEvent(StrEnum):
    GIVE = "account named"
    ASSESS = "assess"
    APPROVE = "approve"
    EXPORT = "put into a file"
    ARRIVE = "left our account"
    BOUNCE = "returned by the bank"
    ASK_AGAIN = "ask for the account again"
    CANCEL = "cancel"
    WAIVE = "waive"
    REOPEN = "reverse the waiver"


_S, _E = TransferStatus, TransferEvent
TRANSITIONS: Mapping[tuple[TransferStatus, TransferEvent], TransferStatus] = {
    (_S.ASKED, _E.GIVE): _S.IBAN_GIVEN,
    (_S.IBAN_GIVEN, _E.GIVE): _S.IBAN_GIVEN,  # a slip put right, while nobody has looked at it
    (_S.RETURNED, _E.GIVE): _S.IBAN_GIVEN,
    (_S.IBAN_GIVEN, _E.ASSESS): _S.ASSESSED,
    (_S.ASSESSED, _E.APPROVE): _S.APPROVED,
    (_S.APPROVED, _E.EXPORT): _S.EXPORTED,
    (_S.EXPORTED, _E.ARRIVE): _S.PAID,
    (_S.EXPORTED, _E.BOUNCE): _S.RETURNED,
    (_S.PAID, _E.BOUNCE): _S.RETURNED,  # the payee's bank sends it back days later
    (_S.IBAN_GIVEN, _E.ASK_AGAIN): _S.ASKED,
    (_S.ASSESSED, _E.ASK_AGAIN): _S.ASKED,
    (_S.APPROVED, _E.ASK_AGAIN): _S.ASKED,
    (_S.ASKED, _E.CANCEL): _S.CANCELLED,
    (_S.IBAN_GIVEN, _E.CANCEL): _S.CANCELLED,
    (_S.ASSESSED, _E.CANCEL): _S.CANCELLED,
    (_S.APPROVED, _E.CANCEL): _S.CANCELLED,
    (_S.RETURNED, _E.CANCEL): _S.CANCELLED,
    (_S.ASKED, _E.WAIVE): _S.WAIVED,
    (_S.IBAN_GIVEN, _E.WAIVE): _S.WAIVED,
    (_S.RETURNED, _E.WAIVE): _S.WAIVED,
    (_S.WAIVED, _E.REOPEN): _S.ASKED,  # by the database, with the journal that takes the waiver's back
}


class Occasion(StrEnum):
    """What stands in an order's history beside its steps. The status stays: it only waits, or it is too late."""

    ASKED = "ask"  # it has arisen, and its payee was asked
    SUSPENDED = "suspend"  # the payer disputes the payment: nothing is approved or sent meanwhile
    RESUMED = "resume"
    REMINDED = "remind"  # the link was sent again
    PRINTED = "print"  # a letter that asks for the account
    LOST_TOO_LATE = (
        "lost_too_late"  # the dispute was lost when the bank had the order: its payee may have the money twice
    )


ENDED = frozenset({_S.PAID, _S.CANCELLED, _S.WAIVED})
OPEN = frozenset(_S) - ENDED  # somebody has still to do something, or the bank
TAKES_ACCOUNT = frozenset(before for before, event in TRANSITIONS if event is _E.GIVE)


def advance(status: TransferStatus, event: TransferEvent) -> TransferStatus:
    """The status after the event; raises IllegalTransition."""
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalTransition(status, event) from None

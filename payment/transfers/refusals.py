"""Why a step of a transfer order is refused, in words for people."""

from __future__ import annotations

from collections.abc import Mapping

from base.errors import Conflict, FieldError, Gone, Invalid
from base.i18n import mark as _

SENTENCES: Mapping[str, str] = {
    "missing": _("This is missing."),
    "too_long": _("This is too long."),
    "no_letter": _("Please write the name in Latin letters, as it stands on the bank card."),
    "wrong_iban": _("This IBAN is not right. Please compare it with your bank card, sign by sign."),
    "not_sepa": _("We can only transfer to an account in the SEPA area. Please name another account, or call us."),
}


class AccountWrong(Invalid):
    """All wrong fields at once."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__([FieldError(f"/{name}", code, SENTENCES[code]) for name, code in wrong.items()])


class NoteWrong(Invalid):
    def __init__(self, note: str) -> None:
        code, text = ("missing", _("Say in a sentence why.")) if not note else ("too_long", SENTENCES["too_long"])
        super().__init__([FieldError("/note", code, text)])


class WaiverWrong(Invalid):
    def __init__(self, wrong: Mapping[str, str]) -> None:
        texts = {"missing": _("Say in a sentence what it rests on."), "too_long": SENTENCES["too_long"]}
        super().__init__([FieldError(f"/{name}", code, texts[code]) for name, code in wrong.items()])


class WaiverWaits(Conflict):
    code = "waiver_waits"
    message = _("That this refund is owed no more was asked for already, and waits for another person.")


class WaiverDecided(Conflict):
    code = "waiver_decided"
    message = _("This was decided meanwhile.")


class OwnWaiver(Conflict):
    code = "own_waiver"
    message = _("You asked for it, so another person has to approve it.")


class NotBarredYet(Conflict):
    code = "not_barred_yet"
    message = _(
        "The period of limitation (sections 195 and 199 BGB: three years from the end of the year in which the refund arose) "
        "has not passed yet."
    )


class TransferMovedOn(Conflict):
    code = "transfer_moved_on"
    message = _(
        "This transfer order has gone on meanwhile, so this cannot be done any more. Please look at it as it is now."
    )


class SamePerson(Conflict):
    code = "transfer_same_person"
    message = _("Whoever entered the account or assessed the order does not approve it. Another person has to do it.")


class PaymentDisputed(Conflict):
    code = "transfer_disputed"
    message = _(
        "The payment is disputed, or a dispute was lost: the payer may get the money that way. Nothing is transferred meanwhile."
    )


class NothingToSend(Conflict):
    code = "nothing_to_send"
    message = _("No approved transfer order waits for a file.")


class OwnOrders(Conflict):
    code = "transfer_own_orders"
    message = _("You have taken part in all orders that wait. Another person has to make the file.")


class NoPayingAccount(Conflict):
    code = "no_paying_account"
    message = _("It is not set up from which account the city pays (TRANSFER_IBAN, TRANSFER_NAME).")


class FileErased(Gone):
    code = "transfer_file_erased"
    message = _("The bank data in this file have been deleted. What it was made of is still in the list.")

"""Mails and texts to an address that anybody may have typed: so many to one contact, and from one network; and the codes in them."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from base.db import Connection
from base.errors import DomainError
from base.i18n import mark as _
from base.identity.model import Limit
from base.identity.store import take_attempt

CODE_GOOD = timedelta(minutes=15)
CODE_TRIES = 5  # as the schema says (guard_code_tries, till_code_tries)
_DIGITS = 6


class CodeWrong(DomainError):
    code = "code_wrong"
    status = 422
    message = _("This is not the code that we sent, or its time is over. After five tries, please have a new one sent.")


class SentTooOften(DomainError):
    code = "code_sent_too_often"
    status = 429
    message = _("Codes were asked for very often. Please try again in 20 minutes, or book by telephone.")


class NoTexts(DomainError):
    code = "no_texts"
    status = 422
    message = _("We cannot send text messages: please give an e-mail address.")


def new_code() -> str:
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


CONTACT_LIMIT = Limit(3, timedelta(minutes=20))  # nobody's mailbox is filled by others
NETWORK_LIMIT = Limit(20, timedelta(minutes=1))  # a library has one network


async def may_write(conn: Connection, now: datetime, *, network: bytes, contact: bytes) -> bool:
    """Counted once more; both are HMACs, of a context of their own for each purpose."""
    return await take_attempt(conn, network, now, NETWORK_LIMIT) and await take_attempt(
        conn, contact, now, CONTACT_LIMIT
    )

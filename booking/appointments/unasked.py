"""Mails and texts to an address that anybody may have typed: so many to one contact, and from one network."""

from __future__ import annotations

from datetime import datetime, timedelta

from base.db import Connection
from base.identity.model import Limit
from base.identity.store import take_attempt

CONTACT_LIMIT = Limit(3, timedelta(minutes=20))  # nobody's mailbox is filled by others
NETWORK_LIMIT = Limit(20, timedelta(minutes=1))  # a library has one network


async def may_write(conn: Connection, now: datetime, *, network: bytes, contact: bytes) -> bool:
    """Counted once more; both are HMACs, of a context of their own for each purpose."""
    return await take_attempt(conn, network, now, NETWORK_LIMIT) and await take_attempt(
        conn, contact, now, CONTACT_LIMIT
    )

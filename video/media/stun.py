"""The only STUN that an ICE-lite end speaks: binding requests with a password, and their answers (RFC 8489, RFC 8445). Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from aioice import stun as wire

Address = tuple[str, int]  # of IPv6 the system adds two numbers, which are kept


@dataclass(frozen=True, slots=True)
class Check:
    """A connectivity check as it came: nothing in it is proven before `is_signed`."""

    message: wire.Message
    ours: str  # the user fragment that it is meant for
    theirs: str
    nominates: bool

    def is_signed(self, password: str) -> bool:
        return self.message.check_message_integrity(password.encode())


def read(datagram: bytes) -> Check | None:
    """None for whatever is not a binding request with both user fragments."""
    try:
        message = wire.parse_message(datagram)
    except (ValueError, LookupError, struct.error):  # an attribute shorter than its kind
        return None
    if message.message_method != wire.Method.BINDING or message.message_class != wire.Class.REQUEST:
        return None
    ours, colon, theirs = message.attributes.get("USERNAME", "").partition(":")
    if not colon:
        return None
    return Check(message, ours, theirs, "USE-CANDIDATE" in message.attributes)


def answer(check: Check, password: str, seen_from: Address) -> bytes:
    response = wire.Message(wire.Method.BINDING, wire.Class.RESPONSE, check.message.transaction_id)
    response.attributes["XOR-MAPPED-ADDRESS"] = seen_from[:2]
    response.add_message_integrity(password.encode())  # a fingerprint comes with it
    return bytes(response)

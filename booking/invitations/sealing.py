"""What proves an invitation, and who is invited. No secret of it lies in the database: token and code are made of the id each time."""

from __future__ import annotations

import json
from dataclasses import asdict
from uuid import UUID

from base.seal import Sealer
from booking.appointments.codes import code_of
from booking.appointments.contact import Contact
from booking.invitations.model import Invited, Terms


class Sealing:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def ident(self, terms: Terms, invited: Invited) -> UUID:
        """The same person invited to the same by a list is the same invitation; nobody outside can tell whom an id is of."""
        given = json.dumps([asdict(terms), invited.contact.model_dump(mode="json"), invited.reference], default=str)
        return UUID(bytes=self._sealer.look_up(given, "invitation.listed")[:16])

    def token(self, ident: UUID) -> str:
        return self._sealer.mac(f"invitation:{ident}")

    def code(self, ident: UUID) -> str:
        return code_of(self._sealer.mac(f"invitation.code:{ident}"))

    def code_hmac(self, code: str) -> bytes:
        """For looking up."""
        return self._sealer.look_up(code, "invitation.code")

    def seal(self, ident: UUID, invited: Invited) -> bytes:
        known = {"contact": invited.contact.model_dump(mode="json"), "reference": invited.reference}
        return self._sealer.seal(json.dumps(known), _context(ident))

    def open(self, ident: UUID, sealed: bytes | None) -> Invited | None:
        """None: erased."""
        if sealed is None:
            return None
        known = json.loads(self._sealer.open(sealed, _context(ident)))
        return Invited(Contact.stored(known["contact"]), known["reference"])


def _context(ident: UUID) -> str:
    return f"invitation.details:{ident}"

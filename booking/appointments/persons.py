"""A contact, sealed field by field to its case, and opened again."""

from __future__ import annotations

import json
from uuid import UUID

from base.seal import Sealer
from booking.appointments.contact import Contact, mailbox
from booking.appointments.person_store import PersonRow
from booking.catalogue.words import fold


def _context(field: str, appointment_id: UUID) -> str:
    return f"person.{field}:{appointment_id}"


def seal_contact(sealer: Sealer, appointment_id: UUID, contact: Contact) -> PersonRow:
    def sealed(field: str, text: str | None) -> bytes | None:
        return None if not text else sealer.seal(text, _context(field, appointment_id))

    needs = {"needs": contact.needs, "note": contact.note} if contact.needs or contact.note else None
    return PersonRow(
        name=sealer.seal(contact.name, _context("name", appointment_id)),
        email=sealed("email", contact.email),
        mobile=sealed("mobile", contact.mobile),
        postal_address=sealed("postal_address", "\n".join(contact.postal_address or ())),
        needs=sealed("needs", json.dumps(needs, ensure_ascii=False) if needs else None),
        email_hmac=sealer.look_up(contact.email, "email") if contact.email else None,
        mobile_hmac=sealer.look_up(contact.mobile, "mobile") if contact.mobile else None,
        name_hmac=sealer.look_up(fold(contact.name), "name"),
        mailbox_hmac=sealer.look_up(mailbox(contact.email), "email") if contact.email else None,
    )


def open_contact(sealer: Sealer, appointment_id: UUID, person: PersonRow, language: str) -> Contact:
    def opened(field: str, sealed: bytes | None) -> str | None:
        return None if sealed is None else sealer.open(sealed, _context(field, appointment_id))

    address = opened("postal_address", person.postal_address)
    needs = json.loads(opened("needs", person.needs) or "{}")
    return Contact.stored(
        {
            "name": opened("name", person.name) or "",
            "email": opened("email", person.email),
            "mobile": opened("mobile", person.mobile),
            "postal_address": address.split("\n") if address else None,
            "language": language,
            **needs,
        }
    )


def nobody(language: str) -> Contact:
    """In the place of a contact that was erased."""
    return Contact.stored({"name": "", "language": language})


def open_name(sealer: Sealer, appointment_id: UUID, sealed: bytes) -> str:
    return sealer.open(sealed, _context("name", appointment_id))


def open_mobile(sealer: Sealer, appointment_id: UUID, sealed: bytes) -> str:
    return sealer.open(sealed, _context("mobile", appointment_id))


def seal_token(sealer: Sealer, appointment_id: UUID, token: str) -> bytes:
    return sealer.seal(token, f"appointment.token:{appointment_id}")


def open_token(sealer: Sealer, appointment_id: UUID, sealed: bytes) -> str:
    return sealer.open(sealed, f"appointment.token:{appointment_id}")

"""What the forms of the page of times send, as it is meant. Raises Malformed: no page of ours sends anything else."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from multidict import MultiMapping

from base.errors import Malformed
from booking.availability.endpoints import read_item, who_of
from booking.availability.model import Visit
from booking.catalogue.model import Channel
from frontend.citizen.choosing import Wanted, Why, read_slot
from frontend.citizen.wishes import wishes_in


def wanted_of(fields: MultiMapping[str], moves: UUID | None = None) -> Wanted:
    try:
        offices = tuple(int(office) for office in fields.get("office", "").split(",") if office)
        also = tuple(filter(None, map(read_item, filter(None, fields.get("also", "").split(",")))))
        who = who_of(*(fields.get(name, "")[:100] for name in ("letters", "postcode", "kind")))
        visit = Visit(int(fields.get("quantity", "1")), also, who)
        asked = int(fields["service"]), Channel(fields["channel"])
        return Wanted(*asked, offices, instead_of(fields), moves, visit, wishes_in(fields))
    except (KeyError, ValueError):
        raise Malformed from None


def instead_of(fields: MultiMapping[str]) -> UUID | None:
    return _id(fields, "instead")


def hold_of(fields: MultiMapping[str]) -> UUID | None:
    return _id(fields, "hold")


def cents_of(fields: MultiMapping[str], name: str) -> int | None:
    try:
        return int(fields[name]) if name in fields else None
    except ValueError:
        raise Malformed from None


def why_of(fields: MultiMapping[str]) -> Why:
    try:
        return Why(fields.get("why", ""))
    except ValueError:
        raise Malformed from None


def slot_of(fields: MultiMapping[str], name: str) -> tuple[int, datetime]:
    slot = read_slot(fields.get(name, ""))
    if slot is None:
        raise Malformed
    return slot


def _id(fields: MultiMapping[str], name: str) -> UUID | None:
    try:
        return UUID(fields[name]) if name in fields else None
    except ValueError:
        raise Malformed from None

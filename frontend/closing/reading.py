"""The form of a closing, from its fields and back."""

from __future__ import annotations

from collections.abc import Mapping

from booking.rebooking.model import IfSilent, Plan
from frontend.citizen.words import Words
from frontend.staff.typed import read_moment

FIELDS = ("counter", "starts_at", "ends_at", "reason", "if_silent", "answer_hours")
DEFAULTS = {"if_silent": IfSilent.TELEPHONE.value, "answer_hours": "72"}
_REASON_LENGTH = 300


def read(
    words: Words, office_id: int, zone_name: str, counters: Mapping[int, str], fields: Mapping[str, str]
) -> Plan | dict[str, str]:
    """The plan, or what is wrong by field."""
    wrong: dict[str, str] = {}
    starts_at, ends_at = (read_moment(fields.get(name, ""), zone_name) for name in ("starts_at", "ends_at"))
    if starts_at is None:
        wrong["starts_at"] = words._("Enter the day and time from which it is closed")
    if ends_at is None:
        wrong["ends_at"] = words._("Enter the day and time until which it is closed")
    elif ends_at <= words.now or (starts_at is not None and ends_at <= starts_at):
        wrong["ends_at"] = words._("The end lies after the beginning, and in the future")
    reason = fields.get("reason", "").strip()
    if not reason or len(reason) > _REASON_LENGTH:
        wrong["reason"] = words._("Enter a reason of at most {n} characters", n=_REASON_LENGTH)
    hours = fields.get("answer_hours", "").strip()
    if not (hours.isascii() and hours.isdigit() and len(hours) < 10 and 1 <= int(hours) <= 336):
        wrong["answer_hours"] = words._("Enter a number of hours from 1 to 336")
    counter = fields.get("counter", "")
    if counter and counter not in map(str, counters):
        wrong["counter"] = words._("Choose a counter of this office, or the whole office")
    if fields.get("if_silent") not in list(IfSilent):
        wrong["if_silent"] = words._("Choose what happens where nobody answers")
    if wrong or starts_at is None or ends_at is None:
        return wrong
    return Plan(
        office_id=office_id,
        counter_id=int(counter) if counter else None,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=reason,
        if_silent=IfSilent(fields["if_silent"]),
        answer_hours=int(hours),
    )

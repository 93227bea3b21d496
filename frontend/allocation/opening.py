"""The form that opens a run: the plan, or a sentence for each field that is wrong. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from base.i18n import mark as _
from booking.allocation.runs import MOST_SLOTS, Plan
from booking.availability.model import Window
from booking.catalogue.model import Channel
from frontend.citizen.need_wording import read_date
from frontend.staff.typed import read_moment

FIELDS = ("service", "channel", "from_day", "to_day", "slots", "closes_at", "seed_source", "seed_at", "release_by")
_BY_FAR, _MOST_DAYS = date(2200, 1, 1), 62
_DAYS = {
    "from_day": _("Enter the first day of the appointments"),
    "to_day": _("Enter the last day of the appointments"),
}
_MOMENTS = {
    "closes_at": _("Enter the day and time at which the list closes"),
    "seed_at": _("Enter the day and time of the draw"),
    "release_by": _("Enter the day and time until which it is released at the latest"),
}
_SERVICE, _CHANNEL = _("Choose a service"), _("Choose how people come")
_TOO_FAR = _("The last day lies up to two months after the first.")
_SLOTS = _("Enter a number from 1 to 500")
_SOURCE = _("Say where the seed comes from")


def read_plan(given: Mapping[str, str], services: Collection[int], zone_name: str) -> Plan | dict[str, str]:
    """`services`: what is given out by need. Messages are English msgids."""
    typed = {name: given.get(name, "").strip() for name in FIELDS}
    days = {name: read_date(typed[name]) for name in _DAYS}
    moments = {name: read_moment(typed[name], zone_name) for name in _MOMENTS}
    [first, last], [closes_at, seed_at, release_by] = days.values(), moments.values()
    service, slots = _number(typed["service"]), _number(typed["slots"])
    wrong = {name: _DAYS[name] for name, day in days.items() if day is None}
    wrong |= {name: _MOMENTS[name] for name, moment in moments.items() if moment is None}
    if first and last and not (first <= last < _BY_FAR and (last - first).days <= _MOST_DAYS):
        wrong["to_day"] = _TOO_FAR
    if service not in services:
        wrong["service"] = _SERVICE
    if typed["channel"] not in list(Channel):
        wrong["channel"] = _CHANNEL
    if not 1 <= slots <= MOST_SLOTS:
        wrong["slots"] = _SLOTS
    if not typed["seed_source"]:
        wrong["seed_source"] = _SOURCE
    if wrong or first is None or last is None or closes_at is None or seed_at is None or release_by is None:
        return {name: wrong[name] for name in FIELDS if name in wrong}  # as they stand on the form
    return Plan(
        service_id=service,
        channel=typed["channel"],
        offices=(),
        days=Window(first, last),
        slots=slots,
        closes_at=closes_at,
        seed_source=" ".join(typed["seed_source"].split())[:500],
        seed_at=seed_at,
        release_by=release_by,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

"""What staff type into fields of their pages."""

from __future__ import annotations

from datetime import UTC, date, datetime

from base.i18n import zone


def read_day(text: str) -> date | None:
    """As <input type=date> sends it. None: no such day, or none that anybody means."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return day if 2000 < day.year < 2200 else None


def read_moment(text: str, zone_name: str) -> datetime | None:
    """As <input type=datetime-local> sends it: the place's local time. None: no such moment."""
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if local.tzinfo is not None or not 2000 < local.year < 2200:
        return None
    return local.replace(tzinfo=zone(zone_name)).astimezone(UTC)

"""What staff type into fields of their pages."""

from __future__ import annotations

from datetime import UTC, datetime

from base.i18n import zone


def read_moment(text: str, zone_name: str) -> datetime | None:
    """As <input type=datetime-local> sends it: the place's local time. None: no such moment."""
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if local.tzinfo is not None or not 2000 < local.year < 2200:
        return None
    return local.replace(tzinfo=zone(zone_name)).astimezone(UTC)

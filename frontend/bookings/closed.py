"""A case whose time the city has closed, as whoever takes its person's call sees it."""

from __future__ import annotations

from collections.abc import Sequence

from booking.rebooking.model import Offered, Rebooking, RebookingStatus
from frontend.citizen.words import Words


def closed_notice(words: Words, found: Rebooking, offered: Sequence[Offered], zone: str) -> tuple[str, str, str]:
    """Kind, title and what is to be done; of one that is not settled yet."""
    title = words._("This time was closed: {reason}", reason=found.reason)
    times = [words.when(one.starts_at, zone) for one in offered if one.is_held]
    if found.status is not RebookingStatus.OFFERED or found.answer_until is None or not times:
        return (
            "warning",
            title,
            words._("The person needs another time, and nothing is agreed yet: choose one with them here."),
        )
    text = words._(
        "Until {until} the person can choose one of these by the link: {times}. You can choose any other with them here.",
        until=words.when(found.answer_until, zone),
        times="; ".join(times),
    )
    return "warning", title, text

"""The waiting room: more people want a time than are served at once, and whoever waits here keeps everything typed."""

from __future__ import annotations

import random

from frontend.citizen.frame import TIME, frame, without_key
from frontend.citizen.views import BusyPage
from frontend.citizen.words import Words

_LEAST_S, _MOST_S = 3, 8  # apart from each other, so that not everybody comes back in one moment


def busy_page(words: Words, fields: tuple[tuple[str, str], ...], path: str = "/holds") -> BusyPage:
    """`path`: where the form was sent, without its language; `fields`: the form as it came, with its key: however often it is sent,
    it is one reservation."""
    title = words._("Very many people are booking just now")
    typed, key = without_key(fields)
    return BusyPage(
        frame=frame(words, title, path, step=TIME, resend=typed, key=key),
        action=f"/{words.language}{path}",
        fields=fields,
        seconds=random.randint(_LEAST_S, _MOST_S),  # noqa: S311  # spreads attempts, guards nothing
    )

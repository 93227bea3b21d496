"""Why a change of hours cannot be, in the words of the page: series as they are typed there, days and services by their names."""

from __future__ import annotations

from datetime import date

from base.errors import DomainError
from booking.catalogue.series_text import read_series, write_series
from frontend.hours.overview import Scene

_SERIES = frozenset(
    {"series_meet", "series_impossible", "series_uncounted", "series_two_rhythms", "series_never", "break_outside"}
)


def refusal(scene: Scene, error: DomainError) -> str:
    words, fields = scene.words, dict(error.fields)
    if error.code in _SERIES:  # their fields are labels as in hours.csv
        for name in fields.keys() - {"day"}:
            fields[name] = write_series(read_series(fields[name]), words.language)
        if "day" in fields:
            fields["day"] = words.day(date.fromisoformat(fields["day"]))
    else:
        names = {one.key: words.pick(one.name) for one in scene.known.services.values()}
        for name in fields.keys() & {"service", "first", "second"}:
            fields[name] = names.get(fields[name], fields[name])
    return words._(error.message, **fields)

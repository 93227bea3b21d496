"""How a treasury wants its files, as JSON says it: `items` and `totals` like CsvFormat, `datev` like DatevFormat. Pure."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from payment.exports.batch import Profile
from payment.exports.datev import DatevFormat
from payment.exports.delimited import CsvFormat

_PARTS: dict[str, type[Any]] = {"items": CsvFormat, "totals": CsvFormat, "datev": DatevFormat}
_PROFILE = TypeAdapter(Profile)


def understood(content: bytes) -> Profile:
    """Raises ValueError with a sentence for what is wrong: no JSON, a name that there is not, a value that does not go."""
    said = json.loads(content)
    for name, part in said.items() if isinstance(said, dict) else ():
        if name not in _PARTS:
            raise ValueError(f"there is no {name!r}")
        known = {field.name for field in fields(_PARTS[name])}
        if unknown := sorted(set(part if isinstance(part, dict) else ()) - known):
            raise ValueError(f"{name}: there is no {unknown[0]!r}")
    try:
        return _PROFILE.validate_python(said)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

"""An e-mail address or a mobile number, as typed into one of two fields of a page: where a link or a code goes."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from base.web.answers import by_field
from booking.appointments.contact import OneContact

FIELDS = ("email", "mobile")


def read_one(
    typed: Mapping[str, str], language: str, *, none: str, both: str
) -> tuple[OneContact | None, dict[str, str]]:
    """Or sentences (English msgids) by field; `none` and `both` are said where not exactly one is filled in."""
    given = {name: typed[name] for name in FIELDS if typed[name]}
    if len(given) != 1:
        return None, {"email": both if given else none}
    try:
        return OneContact.model_validate({**given, "language": language}), {}
    except ValidationError as error:
        return None, by_field(error)

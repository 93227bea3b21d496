"""city.toml: the facts that are there once. Pure."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from typing import Annotated
from zoneinfo import available_timezones

import holidays
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from base.i18n import LANGUAGES
from booking.catalogue.draft import DraftCity, DraftPolicy, LineError
from booking.catalogue.rows import decoded

_FILE = "city.toml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Words(_Strict):
    de: str = Field(min_length=1)
    en: str | None = None

    def text(self) -> dict[str, str]:
        return {"de": self.de, **({"en": self.en} if self.en else {})}


class _Step(_Strict):
    hours: int = Field(ge=0, le=8784)
    percent: int = Field(ge=1, le=100)


class _Policy(_Strict):
    key: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    share_percent: int | None = Field(default=None, ge=0, le=100)
    steps: list[_Step] = Field(default=[], max_length=10)
    text: _Words

    @model_validator(mode="after")
    def _one_of_both(self) -> _Policy:
        if (self.share_percent is None) is not bool(self.steps):
            raise ValueError("Give either share_percent or steps.")
        for before, after in pairwise(self.steps):
            if before.hours <= after.hours or before.percent <= after.percent:
                raise ValueError("Each step is nearer to the start than the one before, and gives back less.")
        return self

    def draft(self) -> DraftPolicy:
        share = self.steps[0].percent if self.share_percent is None else self.share_percent
        steps = tuple((step.hours, step.percent) for step in self.steps)
        return DraftPolicy(key=self.key, share_percent=share, steps=steps, text=self.text.text())


class _Contact(_Strict):
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    address: str | None = None  # of the imprint: lines from the city's full name to the town


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("This is no time zone, like Europe/Berlin.")
    return name


def _holidays(code: str) -> str:
    country, _, subdivision = code.partition("-")
    try:
        holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError:
        raise ValueError("This is no country with subdivision of the package holidays, like DE-BW.") from None
    return code


def _languages(given: list[str]) -> list[str]:
    if "de" not in given or not set(given) <= set(LANGUAGES):
        raise ValueError(f"German must be there; known are {', '.join(LANGUAGES)}.")
    return given


class _City(_Strict):
    name: _Words
    time_zone: Annotated[str, AfterValidator(_zone)]
    holidays: Annotated[str, AfterValidator(_holidays)]
    languages: Annotated[list[str], AfterValidator(_languages)] = ["de", "en"]
    contact: _Contact = _Contact()
    refund_policy: list[_Policy] = Field(min_length=1)


def read_city(raw: bytes, errors: list[LineError]) -> DraftCity | None:
    text = decoded(_FILE, raw, errors)
    if text is None:
        return None
    try:
        city = _City.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        errors.append(LineError(_FILE, int(line[1]) if line else 0, "", "broken_toml", f"{error}."))
        return None
    except ValidationError as error:
        for one in error.errors(include_url=False):
            place = [str(part) for part in one["loc"]]
            message = one["msg"].removeprefix("Value error, ")
            errors.append(LineError(_FILE, _line_of(text, place), ".".join(place), one["type"], message))
        return None
    keys = [policy.key for policy in city.refund_policy]
    if len(set(keys)) < len(keys):
        errors.append(LineError(_FILE, 0, "refund_policy", "duplicate", "Two refund policies have the same key."))
    return DraftCity(
        name=city.name.text(),
        time_zone=city.time_zone,
        holidays=city.holidays,
        contact=city.contact.model_dump(exclude_none=True),
        languages=tuple(city.languages),
        refund_policies=tuple(policy.draft() for policy in city.refund_policy),
    )


def _line_of(text: str, place: list[str]) -> int:
    """Where the outermost name stands; TOML's reader keeps no lines. 0 if it is not there at all."""
    pattern = re.compile(rf"\s*(\[+\s*)?{re.escape(place[0])}\b") if place else None
    for number, line in enumerate(text.splitlines(), 1):
        if pattern and pattern.match(line):
            return number
    return 0

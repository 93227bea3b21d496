"""Typst sets data into a template. What somebody wrote comes as data, so it is never read as a command."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

import typst

from base.typesetting.signs import FONTS, plain, settable

log = logging.getLogger(__name__)

# In the order in which they are asked for a sign: the first is typst's own, the last two have the signs of China, Japan and Korea.
_FAMILIES = (
    "Libertinus Serif", "Noto Serif", "Noto Naskh Arabic", "Noto Serif Armenian", "Noto Serif Bengali",
    "Noto Serif Devanagari", "Noto Serif Ethiopic", "Noto Serif Georgian", "Noto Serif Gujarati", "Noto Serif Gurmukhi",
    "Noto Serif Hebrew", "Noto Serif Kannada", "Noto Serif Khmer", "Noto Serif Lao", "Noto Serif Malayalam",
    "Noto Serif Myanmar", "Noto Serif Sinhala", "Noto Serif Tamil", "Noto Serif Telugu", "Noto Serif Thai",
    "Noto Serif Tibetan", "Noto Sans Adlam", "Noto Sans Mongolian", "Noto Sans NKo", "Noto Sans Oriya",
    "Noto Sans Syriac", "Noto Sans Thaana", "Noto Sans Tifinagh", "Noto Sans Symbols", "Droid Sans Fallback",
    "NanumSquare",
)  # fmt: skip


class Unsettable(Exception):
    """No PDF can be made of this."""


def typeset(template: Path, made_at: datetime, **data: object) -> bytes:
    """PDF/UA-1; each word of `data` is an input of the template, as JSON, and `fonts` is what it sets text in. Takes some milliseconds and
    blocks: for a thread. The same data and moment give the same bytes. Raises Unsettable."""
    try:
        return _compiled(template, made_at, data, settable)
    except typst.TypstError:
        log.warning("set with plain signs", extra={"template": template.name})  # what typst says of it can hold a name
    try:
        return _compiled(template, made_at, data, plain)
    except typst.TypstError as error:
        raise Unsettable(template.name) from error


def _compiled(template: Path, made_at: datetime, data: Mapping[str, object], shown: Callable[[str], str]) -> bytes:
    inputs = {name: json.dumps(_each(value, shown)) for name, value in data.items()}
    made = typst.compile(
        template,
        root=template.parent,
        format="pdf",
        font_paths=_fonts(),
        sys_inputs={"fonts": json.dumps(_FAMILIES), **inputs},
        pdf_standards="ua-1",
        timestamp=made_at.replace(microsecond=0),  # Typst takes whole seconds
    )
    return bytes(made)


@cache
def _fonts() -> typst.Fonts:
    """Without those of the system: the same everywhere."""
    return typst.Fonts(include_system_fonts=False, font_paths=[FONTS])


def _each(value: object, shown: Callable[[str], str]) -> object:
    match value:
        case str():
            return shown(value)
        case Mapping():
            return {key: _each(one, shown) for key, one in value.items()}
        case list() | tuple():
            return [_each(one, shown) for one in value]
        case _:
            return value

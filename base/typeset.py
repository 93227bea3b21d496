"""A sheet as PDF/UA-1, set by Typst with the fonts that come with it: the same everywhere.

These fonts have the letters of Europe, Hebrew and Arabic, but no Chinese, Thai or emoji. PDF/UA-1 refuses what has no letter, and one
name in a print run of two hundred letters would keep all of them from being printed: so what cannot be set is asked for beforehand, or
stands as a question mark.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import typst

FONT = "Libertinus Serif"  # as in the templates
_INSTEAD = "?"
_ALWAYS = 0x250  # below: Latin, which the font has whole
_PROBE = f'#set document(title: "-")\n#set text(font: "{FONT}")\n#sys.inputs.letter'.encode()


def typeset(template: Path, made_at: datetime, **inputs: object) -> bytes:
    """`inputs`: what the template reads as JSON. Takes some milliseconds and blocks: for a thread. The same inputs and moment give the same
    bytes."""
    made = typst.compile(
        template,
        root=template.parent,
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={name: json.dumps(_settable(value)) for name, value in inputs.items()},
        pdf_standards="ua-1",
        timestamp=made_at.replace(microsecond=0),  # Typst takes whole seconds
    )
    return bytes(made)


def is_settable(text: str) -> bool:
    return settable(text) == text


def settable(text: str) -> str:
    """With a question mark for what no font has."""
    if text.isascii():
        return text
    return "".join(letter if _has(letter) else _INSTEAD for letter in text)


def _settable(value: object) -> object:
    match value:
        case str(text):
            return settable(text)
        case Mapping():
            return {key: _settable(one) for key, one in value.items()}
        case list() | tuple():
            return [_settable(one) for one in value]
    return value


@lru_cache(maxsize=4096)
def _has(letter: str) -> bool:
    """Asked of the fonts themselves: a table of our own would be true of one version of them."""
    if ord(letter) < _ALWAYS:
        return True
    shown = f"a{letter}" if unicodedata.combining(letter) else letter
    try:
        typst.compile(
            _PROBE, format="pdf", ignore_system_fonts=True, sys_inputs={"letter": shown}, pdf_standards="ua-1"
        )
    except typst.TypstError:
        return False
    return True

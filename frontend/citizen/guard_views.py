"""What the check before a time of a guarded service shows: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.frame import TIME, frame, without_key
from frontend.citizen.views import Frame, ShownError
from frontend.citizen.words import Words

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPage:
    """The browser works something out by itself, or a code is sent."""

    frame: Frame
    action: str
    fields: Fields  # the choice as it came, with its key
    challenge: str  # JSON
    can_text: bool
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePage:
    frame: Frame
    action: str
    fields: Fields
    again: Fields  # the choice with a new key: else it would be the code that was sent already
    sent_to: str
    until: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


def check_page(
    words: Words,
    path: str,
    fields: Fields,
    challenge: str,
    *,
    can_text: bool,
    values: Mapping[str, str] | None = None,
    messages: Mapping[str, str] | None = None,
    problem: str = "",
) -> CheckPage:
    """`path`: where the choice was sent, without its language."""
    errors = tuple(ShownError(field=name, message=text) for name, text in (messages or {}).items())
    typed, key = without_key(fields)
    return CheckPage(
        frame=frame(words, words._("One short check"), path, step=TIME, errors=errors, resend=typed, key=key),
        action=f"/{words.language}{path}",
        fields=fields,
        challenge=challenge,
        can_text=can_text,
        values=values or {},
        messages=messages or {},
        problem=problem,
    )


def code_page(
    words: Words,
    path: str,
    fields: Fields,
    again: Fields,
    *,
    sent_to: str,
    until: str,
    typed: str = "",
    wrong: str = "",
) -> CodePage:
    errors = (ShownError(field="code", message=wrong),) if wrong else ()
    title, (resend, key) = words._("Type in the code"), without_key(fields)
    return CodePage(
        frame=frame(words, title, path, step=TIME, errors=errors, resend=resend, key=key),
        action=f"/{words.language}{path}",
        fields=fields,
        again=again,
        sent_to=sent_to,
        until=until,
        values={"code": typed},
        messages={"code": wrong} if wrong else {},
    )

"""What the pages of "my appointments" show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Frame, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPage:
    frame: Frame
    action: str
    request_key: str
    can_text: bool
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """The link is still to be used: by a button, because programs that look through mails open links."""

    frame: Frame
    action: str
    request_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCase:
    title: str
    url: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    frame: Frame
    cases: tuple[ListedCase, ...]

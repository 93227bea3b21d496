"""What the page of a refund by bank transfer shows to its payee: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackStep:
    label: str
    text: str
    state: str  # done, now, later


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPage:
    frame: Frame
    kind: str  # of the panel: success, info, warning
    lines: tuple[str, ...]
    track: tuple[TrackStep, ...]
    action: str = ""  # empty: no account can be named now
    form_title: str = ""
    is_folded: bool = False  # an account is named already
    request_key: str = ""
    problem: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)

"""What the pages of need-based allocation show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Frame, Row, Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedPage:
    frame: Frame
    rule: tuple[str, ...]  # how it is decided
    action: str
    request_key: str
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[Tick, ...] = ()
    offices: tuple[Tick, ...] = ()
    times: tuple[Tick, ...] = ()
    asks: tuple[str, ...] = ()  # what decides who is responsible
    kinds: tuple[Tick, ...] = ()
    runs_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePage:
    frame: Frame
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """`url`: where staff read it; `remove_action`: where its sender takes it back."""

    name: str
    url: str = ""
    remove_action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPage:
    frame: Frame
    text: str
    rows: tuple[Row, ...]
    explained: tuple[str, ...] = ()  # why this rank, in the newest result
    documents: tuple[DocumentLine, ...] = ()
    send_action: str = ""  # of a document; empty: none is taken any more
    messages: Mapping[str, str] = field(default_factory=dict)
    verify_action: str = ""
    withdraw_action: str = ""
    request_key: str = ""
    runs_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    title: str
    rows: tuple[Row, ...]
    list_url: str = ""
    result_url: str = ""
    command: str = ""  # that checks a rank in it


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage:
    frame: Frame
    runs: tuple[RunLine, ...]

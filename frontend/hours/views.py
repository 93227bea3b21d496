"""What the pages of hours show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import Row, Tick
from frontend.staff.views import StaffFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class CountersAlike:
    names: str
    lines: tuple[str, ...]
    url: str  # where their series are changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """A day or a closure, with the hidden fields of the change that takes it back."""

    line: str
    hidden: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficePage:
    frame: StaffFrame
    counters: tuple[CountersAlike, ...]
    days: tuple[Single, ...]
    closures: tuple[Single, ...]
    places: tuple[Tick, ...]  # the whole office, then each counter
    history: tuple[Row, ...]  # when and by whom, what
    older_url: str
    is_saved: bool  # just now
    preview_action: str
    rules_url: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPage:
    frame: StaffFrame
    counters: tuple[Tick, ...]
    action: str
    back_url: str
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewPage:
    """What would change; with nobody in its way it can be saved."""

    frame: StaffFrame
    sentence: str
    is_change: bool
    has_moved: bool  # somebody else has changed it since the preview before
    closing_url: str  # where people in the way are offered new times
    affected: tuple[tuple[str, str], ...]  # a line, where to look at the case
    hidden: tuple[tuple[str, str], ...]
    save_action: str
    edit_action: str  # empty: nothing was typed
    back_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    name: str
    terms: str  # empty: as everywhere
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesPage:
    frame: StaffFrame
    q: str
    action: str
    lines: tuple[RuleLine, ...]
    back_url: str
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> Mapping[str, str]:
        return {"q": self.q}


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    frame: StaffFrame
    services: tuple[Tick, ...]
    channels: tuple[Tick, ...]
    action: str
    back_url: str
    values: Mapping[str, str]
    need_url: str = ""  # empty: not for this reader
    shares_url: str = ""  # empty: of several services, or of counters of other offices
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesPage:
    """Of all services that have counters in common."""

    frame: StaffFrame
    service: str  # one of them
    count: str  # "32 services"
    services: tuple[str, ...]
    action: str
    back_url: str
    values: Mapping[str, str]
    messages: Mapping[str, str] = field(default_factory=dict)

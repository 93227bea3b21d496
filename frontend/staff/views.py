"""What the staff's templates show: frozen, every text ready to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.citizen.views import LanguageLink, ShownError


@dataclass(frozen=True, slots=True, kw_only=True)
class NavLink:
    label: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffFrame:
    """What stands around every staff page. `who` is empty before sign-in: then there is neither menu nor sign-out."""

    language: str
    title: str
    city: str
    home_url: str
    languages: tuple[LanguageLink, ...]
    who: str = ""
    areas: tuple[NavLink, ...] = ()
    sign_out_url: str = ""
    password_url: str = ""
    errors: tuple[ShownError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintRun:
    """Letters that were printed together; `url`: of their PDF."""

    id: str
    when: str
    letters: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficesPage:
    frame: StaffFrame
    offices: tuple[NavLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    frame: StaffFrame
    action: str
    next: str
    notice: str = ""  # what went wrong, or that something went well
    is_good: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaCard:
    label: str
    meaning: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    meaning: str
    where: str  # "Bürgerbüro Mitte, Bürgerbüro West", or the whole city


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPage:
    frame: StaffFrame
    areas: tuple[AreaCard, ...]
    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPage:
    frame: StaffFrame
    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)

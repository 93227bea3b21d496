"""Who comes and how to reach them, checked at the edge. One way of contact is enough."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from base.i18n import mark as _

_REGION = "DE"  # a number without country code is a German one
_WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})
_NOT_PRINTED = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
_TURNS_TEXT = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)  # a name must not rearrange a clerk's screen


class Need(StrEnum):
    """What the office prepares for."""

    WHEELCHAIR = "wheelchair"
    INTERPRETER = "interpreter"
    SIGN_LANGUAGE = "sign_language"
    COMPANION = "companion"
    QUIET_PLACE = "quiet_place"


def _none_if_blank(value: Any) -> Any:
    """A form sends every field, empty ones too."""
    return None if isinstance(value, str) and not value.strip() else value


def _text(value: str) -> str:
    value = unicodedata.normalize("NFC", value).strip()
    if any(unicodedata.category(letter) in _NOT_PRINTED or letter in _TURNS_TEXT for letter in value):
        raise PydanticCustomError("schalter_control_character", _("This has characters that cannot be printed."))
    return value


def _filled(value: str) -> str:
    if not value:
        raise PydanticCustomError("missing", _("This is missing."))
    return value


def _lines(value: Any) -> Any:
    """An address is typed into one field of several lines, or sent as a list of lines."""
    if isinstance(value, str):
        value = value.replace("\r\n", "\n").split("\n")
    if isinstance(value, list):
        value = [line for line in value if not isinstance(line, str) or line.strip()]
    return value or None


def _note(value: str) -> str:
    return "\n".join(_text(line) for line in value.replace("\r\n", "\n").split("\n")).strip()


def _email(value: str) -> str:
    try:
        found = validate_email(value.strip(), check_deliverability=False)
    except EmailNotValidError:
        raise PydanticCustomError(
            "schalter_email", _("This is not an e-mail address. An example: name@example.org")
        ) from None
    return found.normalized


def mailbox(email: str) -> str:
    """To compare by, never to write to: what follows a plus is the owner's own note almost everywhere, and Gmail knows no dots."""
    local, _at, domain = email.strip().casefold().rpartition("@")
    local = local.partition("+")[0] or local
    return f"{local.replace('.', '')}@gmail.com" if domain in _WITHOUT_DOTS else f"{local}@{domain}"


def _mobile(value: str) -> str:
    try:
        number = phonenumbers.parse(value, _REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise PydanticCustomError("schalter_mobile", _("This is not a telephone number. An example: 0151 23456789"))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def readable(mobile: str) -> str:
    """ "+49 1512 3456789", as people read a number out."""
    return phonenumbers.format_number(phonenumbers.parse(mobile), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


Line = Annotated[str, Field(max_length=120), AfterValidator(_text)]
Name = Annotated[str, Field(max_length=120), AfterValidator(_text), AfterValidator(_filled)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
Mobile = Annotated[str, Field(max_length=40), AfterValidator(_mobile)]
Address = Annotated[tuple[Line, ...], Field(max_length=6)]


class OneContact(BaseModel):
    """An e-mail address or a mobile number, one of both, to which something is sent."""

    model_config = ConfigDict(extra="forbid")

    email: Email | None = None
    mobile: Mobile | None = None
    language: Literal["de", "en"] = "de"

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.email is None) == (self.mobile is None):
            raise PydanticCustomError("schalter_one_contact", _("Give either an e-mail address or a mobile number."))
        return self

    @property
    def address(self) -> str:
        return self.email or self.mobile or ""


class Contact(BaseModel):
    """Language: of the messages and of the page behind the link."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    email: Annotated[Email | None, BeforeValidator(_none_if_blank)] = None
    mobile: Annotated[Mobile | None, BeforeValidator(_none_if_blank)] = None
    postal_address: Annotated[Address | None, BeforeValidator(_lines)] = None
    needs: Annotated[tuple[Need, ...], Field(max_length=len(Need))] = ()
    note: Annotated[str, Field(max_length=500), AfterValidator(_note)] = ""
    language: Literal["de", "en"]

    @model_validator(mode="after")
    def _one_is_enough(self) -> Self:
        if self.email is None and self.mobile is None and self.postal_address is None:
            raise PydanticCustomError(
                "schalter_no_contact", _("Please give one of these: e-mail address, mobile number or postal address.")
            )
        return self

    @classmethod
    def stored(cls, known: Mapping[str, Any]) -> Contact:
        """Of what `model_dump(mode="json")` gave once. Not validated again: what was right when it was entered stays readable when the
        rules change."""
        address = known.get("postal_address")
        return cls.model_construct(
            name=known["name"],
            email=known.get("email"),
            mobile=known.get("mobile"),
            postal_address=tuple(address) if address else None,
            needs=tuple(Need(code) for code in known.get("needs", ()) if code in set(Need)),
            note=known.get("note", ""),
            language=known["language"],
        )

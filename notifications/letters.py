"""Letters as PDF: one by one, or many in one file for a print run (templates/letter.typ sets them)."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

import segno

from base.i18n import Translations, format_date
from base.i18n import mark as _
from base.typesetting.setting import Unsettable, typeset
from notifications.fields import InvitationFields, Line
from notifications.messages import TEMPLATES_FOLDER
from notifications.refund_letters import RefundLetter, refund_letter

_TEMPLATE = TEMPLATES_FOLDER / "letter.typ"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationLetter:
    """Texts are in the letter's language already."""

    language: str
    written_on: date
    recipient: tuple[Line, ...]  # name and address
    fields: InvitationFields
    phone: Line
    reference: Line = ""
    site: Line  # where the code is typed in, without "https://"
    code: Line


Letter = InvitationLetter | RefundLetter
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class PrintFile:
    """`letters`: the places of those that are in it, of those that were given."""

    pdf: bytes
    letters: frozenset[int]


class Letters:
    def __init__(self, translations: Translations) -> None:
        self._translations = translations

    def pdf(self, letter: Letter, made_at: datetime) -> bytes:
        """PDF/UA-1, so it can be read aloud, too. Takes some milliseconds, and blocks: for a thread. Raises Unsettable."""
        return self._set([self._data(letter)], made_at)

    def run(self, letters: Sequence[Letter], made_at: datetime) -> PrintFile:
        """Many in one file, each on a new sheet. One that cannot be set is left out, and keeps no other from being printed.
        Raises Unsettable where that is all of them."""
        datas = {n: data for n, letter in enumerate(letters) if (data := self._tried(letter)) is not None}
        try:
            made = self._set(list(datas.values()), made_at)
        except Unsettable:  # then each alone, to learn which one it is
            datas = {n: data for n, data in datas.items() if self._is_settable(data, made_at)}
            made = self._set(list(datas.values()), made_at)
        return PrintFile(made, frozenset(datas))

    def _tried(self, letter: Letter) -> dict[str, Any] | None:
        try:
            return self._data(letter)
        except Unsettable:
            return None

    def _is_settable(self, data: dict[str, Any], made_at: datetime) -> bool:
        try:
            return bool(self._set([data], made_at))
        except Unsettable:
            return False

    def _set(self, datas: Sequence[dict[str, Any]], made_at: datetime) -> bytes:
        if not datas:
            raise Unsettable
        return typeset(_TEMPLATE, made_at, letters=datas)

    def _data(self, letter: Letter) -> dict[str, Any]:
        if isinstance(letter, RefundLetter):
            say_it = partial(self._translations.gettext, letter.language)
            return refund_letter(letter, say_it, _square(letter.link))
        asked = letter.fields

        def say(text: str, **fields: object) -> str:
            return self._translations.gettext(letter.language, text, **fields)

        def day(one: date) -> str:
            return format_date(one, letter.language)

        until = format_date(asked.answer_by, letter.language, style="long")
        when = day(asked.first_day)
        if asked.first_day != asked.last_day:
            when = say(_("Between {first} and {last}"), first=when, last=day(asked.last_day))
        info = [
            (say(_("Our reference")), letter.reference),
            (say(_("Date")), format_date(letter.written_on, letter.language, style="long")),
            (say(_("Telephone")), letter.phone),
        ]
        return {
            "language": letter.language,
            "sender": " · ".join((say(_("City of {city}"), city=asked.city), asked.office, asked.address)),
            "recipient": letter.recipient,
            "info": [pair for pair in info if pair[1]],
            "subject": say(
                _("Please choose an appointment until {until}: {service}"), until=until, service=asked.service
            ),
            "opening": [
                say(_("Hello {name},"), name=letter.recipient[0]),
                say(_("we ask you to come for an appointment. You choose yourself when that is:")),
            ],
            "terms": [
                (say(_("Service")), asked.service),
                (say(_("Place")), self._place(letter)),
                (say(_("When")), when),
                (say(_("Choose until")), day(asked.answer_by)),
            ],
            "how": [
                say(_("Open this address and type in the code, or take a picture of the square with your telephone:"))
            ],
            "site": letter.site,
            "code_label": say(_("Code:")),
            "code": letter.code,
            "picture": _square(asked.manage_url),
            "picture_says": say(_("QR code with the address of your invitation")),
            "closing": [
                say(_("The code is yours alone and is good for one appointment.")),
                say(_("You cannot use the internet? Call us: {phone}."), phone=letter.phone),
                say(_("Kind regards")),
                say(_("City of {city}"), city=asked.city) + ", " + asked.office,
            ],
        }

    def _place(self, letter: InvitationLetter) -> str:
        asked = letter.fields
        if asked.channel == "video":
            return self._translations.gettext(letter.language, _("By video, with {office}"), office=asked.office)
        if asked.channel == "phone":
            return self._translations.gettext(letter.language, _("By phone: {office} calls you"), office=asked.office)
        return f"{asked.office}, {asked.address}"


async def print_file(
    setter: Letters, letters: Mapping[K, Letter], made_at: datetime, left_out: Callable[[K], None]
) -> tuple[bytes, list[K]]:
    """The file, and what it was made of: nothing where there is no file. `left_out` is told of each that cannot be set."""
    given = list(letters)
    try:
        made = await asyncio.to_thread(setter.run, list(letters.values()), made_at)
    except Unsettable:
        made = PrintFile(b"", frozenset())
    for place, one in enumerate(given):
        if place not in made.letters:
            left_out(one)
    return made.pdf, [given[place] for place in sorted(made.letters)]


def _square(url: str) -> str:
    """A QR code as SVG. Raises Unsettable."""
    drawn = io.BytesIO()
    try:
        code = segno.make(url, error="m", micro=False)
    except segno.DataOverflowError as error:
        raise Unsettable("more than a square can hold") from error
    code.save(drawn, kind="svg", xmldecl=False, border=2)
    return drawn.getvalue().decode()

"""Mails as people get them. The golden files are what was looked at and found good."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.i18n import LANGUAGES, Translations
from notifications.messages import Messages
from notifications.mime import ascii_domain, mail_bytes
from notifications.model import Template
from tests.golden import check_golden
from tests.notifications.cases import CASE, LINK, MAIL_FROM, NOW, case

GOLDEN = Path(__file__).parent / "golden"
MESSAGE_ID = UUID("00000000-0000-4000-8000-000000000001")
MESSAGES = Messages(Translations.load(), mail_from=MAIL_FROM)

_OWED: dict[str, object] = {
    "sequence": 1,
    "refund_cents": 3700,
    "own_url": f"https://termine.stuttgart.example/de/refunds/link/{'A' * 43}",
}
_INVITED: dict[str, object] = {
    "address": "Eberhardstraße 39, 70173 Ulm",
    "first_day": "2026-12-14",
    "last_day": "2027-01-22",
    "answer_by": "2026-12-11",
    "answer_until": "2026-12-11T23:00:00+00:00",
}

_AT_TILL: dict[str, object] = {
    "answer_until": "2026-12-04T09:00:00+00:00",
    "kassenzeichen": "RF18 2026 0000 17",
    "tills": [
        {
            "name": "Bürgerbüro West",
            "address": "Bebelstraße 22, 70193 Ulm",
            "time_zone": "Europe/Berlin",
            "open": [
                ["2026-12-01T07:30:00+00:00", "2026-12-01T11:00:00+00:00"],
                ["2026-12-01T13:00:00+00:00", "2026-12-01T15:00:00+00:00"],
                ["2026-12-03T07:30:00+00:00", "2026-12-03T12:00:00+00:00"],
            ],
        }
    ],
}
FIELDS: dict[Template, dict[str, object]] = {
    Template.APPOINTMENT_CONFIRMED: {},
    Template.APPOINTMENT_MOVED: {"sequence": 1, "moved_from": "2026-12-03T13:20:00+00:00"},
    Template.APPOINTMENT_CANCELLED: {"sequence": 1, "refund_cents": 3700},
    Template.APPOINTMENT_RESERVED: {"answer_until": "2026-12-01T08:15:00+00:00"},
    Template.APPOINTMENT_OFFERED: {"answer_until": "2026-12-03T08:00:00+00:00"},
    Template.APPOINTMENT_RECONFIRM: {"answer_until": "2026-12-07T08:00:00+00:00", "is_released": True},
    Template.APPOINTMENT_RELEASED: {"sequence": 1, "refund_cents": 3700},
    Template.REBOOKING_OFFERED: {
        "answer_until": "2026-12-04T08:00:00+00:00",
        "reason": "Wasserschaden",
        "offers": [
            {
                "starts_at": f"2026-12-{day:02}T08:40:00+00:00",
                "office": "Bürgerbüro West",
                "address": "Bebelstraße 22, 70193 Ulm",
                "time_zone": "Europe/Berlin",
            }
            for day in (7, 9, 10)
        ],
    },
    Template.REBOOKING_STANDS: {},
    Template.ALLOCATION_REQUEST: {},
    Template.ALLOCATION_WAITS: {"next_on": "2026-12-09"},
    Template.ALLOCATION_ENDED: {},
    Template.OVERVIEW_LINK: {"good_until": "2026-12-01T08:30:00+00:00"},
    Template.GUARD_CODE: {"code": "428173", "good_until": "2026-12-01T08:30:00+00:00"},
    Template.TILL_CODE: {"code": "428173", "good_until": "2026-12-01T08:30:00+00:00"},
    Template.TILL_RESERVED: _AT_TILL,
    Template.TILL_REMINDER: _AT_TILL,
    Template.TILL_LAPSED: {"sequence": 1},
    Template.INVITATION: _INVITED,
    Template.INVITATION_REMINDER: _INVITED,
    Template.WAITLIST_OFFERED: {
        "answer_until": "2026-12-03T08:00:00+00:00",
        "instead_of": "2026-12-17T10:00:00+00:00",
        "leave_url": f"https://termine.stuttgart.example/de/waitlist/{CASE}/leave/{'A' * 43}",
    },
    Template.PAID_TOO_LATE: {"sequence": 1, "refund_cents": 3700},
    Template.REFUND_SUCCEEDED: {"sequence": 1, "refund_cents": 3700},
    Template.REFUND_REJECTED: {
        "sequence": 1,
        "refund_cents": 37000,
        "reason": "Die Bescheinigung wurde schon ausgestellt.",
    },
    Template.FEE_TAKEN: {"sequence": 1, "paid_cents": 3700},
    Template.FEE_DUE_AGAIN: {"sequence": 1, "paid_cents": 3700},
    Template.CHARGE_ASKED: {"own_url": f"https://termine.stuttgart.example/de/charge/{'A' * 43}", "fee_cents": 1300},
    Template.TRANSFER_ASKED: _OWED,
    Template.TRANSFER_RETURNED: _OWED,
    Template.TRANSFER_PAID: _OWED,
}


MAILS = [template for template in Template if template is not Template.CALL_LINK]  # that one is a text only
CODES = (Template.GUARD_CODE, Template.TILL_CODE)
ABOUT_NO_CASE = (
    *CODES,
    Template.OVERVIEW_LINK,
    Template.INVITATION,
    Template.INVITATION_REMINDER,
)
WITH_CALENDAR = (
    Template.APPOINTMENT_CONFIRMED,
    Template.APPOINTMENT_MOVED,
    Template.APPOINTMENT_CANCELLED,
    Template.APPOINTMENT_RELEASED,
    Template.REBOOKING_STANDS,
)


def eml(template: Template, language: str, recipient: str = "erika@post.example", **changes: object) -> bytes:
    fields = case(language, **(FIELDS[template] | changes))
    mail = MESSAGES.mail(template, language, fields, recipient=recipient, now=NOW)
    return mail_bytes(mail, message_id=MESSAGE_ID, sender=MAIL_FROM, recipient=recipient, now=NOW)


def read(data: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=default).parsebytes(data)


def legible(message: EmailMessage) -> str:
    """Headers in the order sent, and each part decoded: what a person can judge in a review."""
    lines = [f"{name}: {value}" for name, value in message.items()]
    for part in message.iter_parts():
        assert isinstance(part, EmailMessage)
        lines += ["", f"===== {part['Content-Type']}, {part['Content-Transfer-Encoding']}", part.get_content()]
    return "\n".join(lines).replace("\r\n", "\n")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", MAILS)
def test_mails_read_as_agreed(template: Template, language: str) -> None:
    check_golden(GOLDEN / f"{template}.{language}.eml", legible(read(eml(template, language))))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_video_appointment_has_its_link(language: str) -> None:
    link = f"https://termine.stuttgart.example/{language}/join/{'A' * 43}"
    message = read(eml(Template.APPOINTMENT_CONFIRMED, language, channel="video", join_url=link))
    check_golden(GOLDEN / f"appointment_confirmed_video.{language}.eml", legible(message))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", WITH_CALENDAR)
def test_calendar_objects_are_as_agreed(template: Template, language: str) -> None:
    fields = case(language, **FIELDS[template])
    mail = MESSAGES.mail(template, language, fields, recipient="erika@post.example", now=NOW)
    assert mail.calendar is not None
    check_golden(GOLDEN / f"{template}.{language}.ics", mail.calendar.decode())


def test_the_file_to_download_is_as_agreed() -> None:
    check_golden(GOLDEN / "download.de.ics", MESSAGES.download("de", case("de"), now=NOW).decode())


def test_only_a_list_can_be_left_by_the_mail_program_itself() -> None:
    """RFC 8058."""
    message = read(eml(Template.WAITLIST_OFFERED, "de"))
    assert message["List-Unsubscribe"] == f"<{FIELDS[Template.WAITLIST_OFFERED]['leave_url']}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read(eml(Template.APPOINTMENT_CONFIRMED, "de"))["List-Unsubscribe"] is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", MAILS)
@pytest.mark.parametrize("channel", ["onsite", "video", "phone"])
@pytest.mark.parametrize("sparse", [False, True])
def test_every_mail_is_whole(template: Template, language: str, channel: str, sparse: bool) -> None:
    less: dict[str, Any] = {"street": None, "directions": None, "documents": [], "fee_cents": 0} if sparse else {}
    message = read(eml(template, language, channel=channel, **less))
    text, html, *calendar = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    for body in (text.get_content(), html.get_content().replace("&amp;", "&")):
        link = str(FIELDS[template].get("own_url", LINK))
        assert (link in body) is (template not in CODES)  # what is typed in needs no link
        assert ("K7F-3QM" in body) is (template not in ABOUT_NO_CASE)
        assert "None" not in body
        assert "{" not in re.sub(r"<style>.*</style>", "", body, flags=re.DOTALL)
    assert "\n\n\n" not in text.get_content().replace("\r\n", "\n")
    assert f'<html lang="{language}">' in html.get_content()
    assert not re.search(r"(?i)<(img|script|link|iframe|object)\b|url\(|@import", html.get_content())
    ways = ("/1", "/2", "/3", "/other", "/cancel") if template is Template.REBOOKING_OFFERED else ()
    links: list[object] = [f"{LINK}/rebooking{way}" for way in ways]
    links = links or [FIELDS[template].get("own_url", LINK), FIELDS[template].get("leave_url")]
    links = [] if template in CODES else links
    assert re.findall(r'(?:src|href)="([^"]*)"', html.get_content()) == [
        str(link).replace("&", "&amp;") for link in links if link
    ]
    assert len(calendar) == (template in WITH_CALENDAR)


@pytest.mark.parametrize("template", MAILS)
def test_another_city_writes_in_its_own_name(template: Template) -> None:
    message = read(eml(template, "de", city="Ulm", place="Ulm"))
    text, html, *calendar = (part.get_content() for part in message.iter_parts() if isinstance(part, EmailMessage))
    assert "Stadt Ulm" in text
    assert "Stadt Ulm" in html
    assert all("Termin K7F-3QM\\, Stadt Ulm" in one for one in calendar)
    assert not any("Stuttgart" in line for one in (text, html) for line in one.splitlines() if LINK not in line)
    assert not any("Stuttgart" in one for one in calendar)


def test_without_a_city_nothing_is_sent() -> None:
    with pytest.raises(ValueError, match="city"):
        eml(Template.APPOINTMENT_CONFIRMED, "de", city=None)


def test_the_calendar_part_is_the_last_alternative_and_no_attachment() -> None:
    message = read(eml(Template.APPOINTMENT_CONFIRMED, "de"))
    assert message.get_content_type() == "multipart/alternative"
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html", "text/calendar"]
    assert parts[2]["Content-Type"] == 'text/calendar; charset="utf-8"; method="REQUEST"'
    assert parts[2]["Content-Disposition"] is None
    assert parts[2]["Content-Transfer-Encoding"] == "base64"
    raw = parts[2].get_payload(decode=True)
    assert isinstance(raw, bytes)
    assert raw.startswith(b"BEGIN:VCALENDAR\r\n")
    assert b"ORGANIZER:mailto:termine@stuttgart.example\r\n" in raw


def test_the_same_message_is_the_same_bytes() -> None:
    assert eml(Template.APPOINTMENT_CONFIRMED, "de") == eml(Template.APPOINTMENT_CONFIRMED, "de")


def test_lines_are_fit_for_smtp() -> None:
    data = eml(Template.APPOINTMENT_CONFIRMED, "de", documents=["Ä" * 3000, "." * 2000])
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert data.count(b"\n") == data.count(b"\r\n")
    assert data.isascii()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", MAILS)
def test_a_subject_stays_on_its_line(template: Template, language: str) -> None:
    for month in (3, 5, 9):  # "März" is encoded, "Mai" is short, "September" is long
        data = eml(template, language, starts_at=f"2027-{month:02}-28T08:40:00Z")
        head = data.partition(b"\r\n\r\n")[0]
        assert b"Subject: \r\n" not in head
        assert max(map(len, head.split(b"\r\n"))) <= 78


@settings(deadline=None)  # machines are busy at times
@given(st.text(st.one_of(st.characters(), st.sampled_from("\r\n<>&\"'%{}:")), max_size=80))
def test_no_text_becomes_a_header_or_markup(text: str) -> None:
    nasty = f"{text}\r\nBcc: x@evil.example\n\n<script>{text}"
    plain = read(eml(Template.APPOINTMENT_CONFIRMED, "de"))
    message = read(
        eml(Template.APPOINTMENT_CONFIRMED, "de", number=nasty, service=nasty, office=nasty, documents=[nasty])
    )
    assert message.keys() == plain.keys()
    assert [part.get_content_type() for part in message.walk()] == [part.get_content_type() for part in plain.walk()]
    html = list(message.iter_parts())[1]
    assert isinstance(html, EmailMessage)
    assert _tags(html.get_content()) <= _tags(read_html(plain))


def read_html(message: EmailMessage) -> str:
    part = list(message.iter_parts())[1]
    assert isinstance(part, EmailMessage)
    content: str = part.get_content()
    return content


def _tags(html: str) -> set[str]:
    tags: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(f"{tag} {sorted(name for name, _ in attrs)}")

    Reader().feed(html)
    return tags


def test_addresses_beyond_ascii() -> None:
    assert ascii_domain("jörg@straße.example") == "jörg@xn--strae-oqa.example"
    data = eml(Template.APPOINTMENT_CONFIRMED, "de", recipient="jörg@xn--strae-oqa.example")
    assert "To: jörg@xn--strae-oqa.example\r\n".encode() in data


@pytest.mark.parametrize("address", ["", "x", "@x.example", "a@b.example\r\nBcc: c@d.example", "a@-ä-.example"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        ascii_domain(address)


def test_a_refund_needs_its_amount() -> None:
    with pytest.raises(ValueError, match="refund_cents"):
        eml(Template.REFUND_SUCCEEDED, "de", refund_cents=0)


def test_in_winter_and_summer_people_read_the_time_on_the_wall() -> None:
    for starts_at, time in [("2026-12-08T08:40:00Z", "09:40"), ("2027-07-01T08:40:00Z", "10:40")]:
        assert f"um {time} Uhr" in str(read(eml(Template.APPOINTMENT_CONFIRMED, "de", starts_at=starts_at))["Subject"])

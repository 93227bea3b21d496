"""The calendar object: what mail programs act on, and that no text can break out of its property."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from notifications.calendar import Method, case_calendar
from notifications.fields import CaseFields, case_fields
from tests.notifications.cases import CASE, LINK, NOW, case

ORGANIZER = "termine@stuttgart.example"


def english(message: str, **fields: object) -> str:
    return message.format(**fields)


def written(fields: CaseFields, method: Method = Method.REQUEST, attendee: str | None = "erika@post.example") -> bytes:
    return case_calendar(fields, method, gettext=english, organizer=ORGANIZER, attendee=attendee, stamp=NOW)


def parsed(data: bytes) -> tuple[Any, Any]:
    calendar: Any = Calendar.from_ical(data)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def test_a_request_is_taken_without_asking_back() -> None:
    calendar, event = parsed(written(case_fields(case())))
    assert calendar["method"] == "REQUEST"
    assert event["uid"] == f"{CASE}@stuttgart.example"
    assert (event["sequence"], event["status"], event["class"]) == (0, "CONFIRMED", "PRIVATE")
    assert event["organizer"] == f"mailto:{ORGANIZER}"
    assert dict(event["organizer"].params) == {}
    assert event["attendee"] == "mailto:erika@post.example"
    assert (event["attendee"].params["PARTSTAT"], event["attendee"].params["RSVP"]) == ("ACCEPTED", "FALSE")
    assert event["summary"] == "Appointment K7F-3QM, City of Stuttgart"
    assert event["location"] == "Bürgerbüro Mitte, Eberhardstraße 39, 70173 Stuttgart"
    assert event["url"] == LINK
    assert event["dtstamp"].dt == NOW
    assert [alarm["trigger"].dt for alarm in event.walk("VALARM")] == [timedelta(days=-1), timedelta(hours=-2)]


def test_a_cancellation_has_the_same_uid_a_higher_sequence_and_no_alarm() -> None:
    calendar, event = parsed(written(case_fields(case(sequence=1)), Method.CANCEL))
    assert (calendar["method"], event["status"], event["sequence"]) == ("CANCEL", "CANCELLED", 1)
    assert event["uid"] == f"{CASE}@stuttgart.example"
    assert event["attendee"] == "mailto:erika@post.example"
    assert event.walk("VALARM") == []


def test_a_file_to_download_has_no_attendee() -> None:
    calendar, event = parsed(written(case_fields(case()), Method.PUBLISH))
    assert calendar["method"] == "PUBLISH"
    assert "attendee" not in event


def test_what_the_entry_says_is_neutral() -> None:
    text = written(case_fields(case())).decode()
    assert "Personalausweis" not in text
    assert "Foto" not in text


@pytest.mark.parametrize(
    ("channel", "location"), [("video", LINK), ("phone", "By telephone: we call you")], ids=["video", "phone"]
)
def test_other_places(channel: str, location: str) -> None:
    assert parsed(written(case_fields(case(channel=channel))))[1]["location"] == location


def test_lines_are_crlf_and_at_most_75_octets() -> None:
    data = written(case_fields(case(office="Ausländerbehörde – Größe 😀 " * 20)))
    lines = data.split(b"\r\n")
    assert data.count(b"\n") == len(lines) - 1
    assert max(map(len, lines)) <= 75
    assert all(line.decode() for line in lines[:-1])  # no character is cut in two


def test_an_address_with_odd_characters_stays_in_its_property() -> None:
    data = written(case_fields(case()), attendee="o'neil+x\"\r\nX-EVIL:1@post.example")
    assert b"\r\nX-EVIL" not in data
    assert parsed(data)[1]["attendee"] == "mailto:o'neil+x%22%0D%0AX-EVIL%3A1@post.example"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x.example/\r\nX:1", 'https://x.example/"a', "x"])
def test_a_wrong_link_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        case_fields(case(manage_url=url))


# The zone, checked against Python's own data


def _onsets() -> dict[str, tuple[int, int, str, str, str]]:
    found = {}
    calendar, _ = parsed(written(case_fields(case())))
    for part in calendar.walk("VTIMEZONE")[0].subcomponents:
        rule = part["rrule"]
        start = part["dtstart"].dt
        assert (rule["BYDAY"], rule["FREQ"]) == (["-1SU"], ["YEARLY"])
        found[part.name] = (
            rule["BYMONTH"][0],
            start.hour,
            part["tzname"],
            part["tzoffsetfrom"].to_ical(),
            part["tzoffsetto"].to_ical(),
        )
    return found


def test_the_zone_changes_at_the_hours_that_clocks_on_the_wall_do() -> None:
    assert _onsets() == {
        "DAYLIGHT": (3, 2, "CEST", "+0100", "+0200"),
        "STANDARD": (10, 3, "CET", "+0200", "+0100"),
    }


@settings(deadline=None)  # machines are busy at times
@given(st.integers(2025, 2060), st.sampled_from([(3, 2, 1, 2), (10, 3, 2, 1)]))
def test_the_zones_rule_is_pythons(year: int, change: tuple[int, int, int, int]) -> None:
    month, hour, before, after = change
    day = max(d for d in range(25, 32) if datetime(year, month, d).weekday() == 6)
    at = datetime(year, month, day, hour, tzinfo=UTC) - timedelta(hours=before)
    berlin = ZoneInfo("Europe/Berlin")
    assert (at - timedelta(seconds=1)).astimezone(berlin).utcoffset() == timedelta(hours=before)
    assert at.astimezone(berlin).utcoffset() == timedelta(hours=after)


# Whatever the texts are

_NASTY = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("\r\n\t\\;:,\"'^%{}\u2028\x00\x1f😀ß")), max_size=60
)
_INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
_FIELDS = st.builds(
    case,
    sequence=st.integers(0, 1000),
    number=_NASTY,
    service=_NASTY,
    office=_NASTY,
    street=_NASTY,
    postcode=_NASTY,
    place=_NASTY,
    directions=_NASTY,
    starts_at=_INSTANTS,
    ends_at=_INSTANTS,
    time_zone=st.sampled_from(["Europe/Berlin", "UTC", "America/New_York"]),
    channel=st.sampled_from(["onsite", "video", "phone"]),
    manage_url=st.text(alphabet=string.ascii_letters + string.digits + "-_.~/?&=%#", max_size=200).map(
        lambda path: f"https://x.example/{path}"
    ),
)
_PROPERTY = re.compile(rb"[A-Z][A-Z-]*(;[A-Z-]+=[^:;]+)*:")
_EXPECTED = {
    "SUMMARY",
    "DTSTART",
    "DTEND",
    "DTSTAMP",
    "UID",
    "SEQUENCE",
    "ATTENDEE",
    "CLASS",
    "DESCRIPTION",
    "LOCATION",
}
_EXPECTED |= {"ORGANIZER", "STATUS", "TRANSP", "URL"}


@settings(deadline=None)  # machines are busy at times
@given(_FIELDS, st.sampled_from(Method))
@example(case(office='"\r\nATTENDEE:mailto:x@evil.example', number="\\n;X=1:"), Method.REQUEST)
@example(case(starts_at=datetime(2026, 10, 25, 1, 30, tzinfo=UTC)), Method.REQUEST)  # the hour that comes twice
@example(case(starts_at=datetime(2026, 10, 25, 0, 30, tzinfo=UTC)), Method.REQUEST)
def test_what_is_written_is_read_again(given_fields: dict[str, object], method: Method) -> None:
    fields = case_fields(given_fields)
    data = written(fields, method)
    calendar, event = parsed(data)
    assert event["uid"] == f"{fields.uid}@stuttgart.example"
    assert event["sequence"] == fields.sequence
    # In UTC: between zones Python calls a time in the repeated hour different from itself.
    assert [event[name].dt.astimezone(UTC) for name in ("dtstart", "dtend")] == [fields.starts_at, fields.ends_at]
    assert event["summary"] == f"Appointment {fields.number}, City of Stuttgart"
    assert event["url"] == fields.manage_url
    assert (
        event["location"]
        == {
            "onsite": fields.address,
            "video": fields.manage_url,
            "phone": "By telephone: we call you",
        }[fields.channel]
    )
    # Nothing was added, no line is stray.
    assert set(event) == (_EXPECTED - {"ATTENDEE"} if method is Method.PUBLISH else _EXPECTED)
    assert set(calendar) == {"PRODID", "VERSION", "CALSCALE", "METHOD"}
    for line in data.replace(b"\r\n ", b"").removesuffix(b"\r\n").split(b"\r\n"):
        assert _PROPERTY.match(line), line
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)

"""A case as an iCalendar object (RFC 5545, 5546, 6047).

Calendars sync to clouds: an entry says little, details are behind its URL.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import quote
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, Timezone, vCalAddress, vUri

from notifications.fields import CaseFields

# By hand: icalendar's own lists single dates up to 2038 and puts the spring onset at 03:00 instead of 02:00 local.
_BERLIN = """\
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""
_ALARMS = (timedelta(days=-1), timedelta(hours=-2))


class Method(StrEnum):
    REQUEST = "REQUEST"  # by mail: put it in the calendar, or move it there
    CANCEL = "CANCEL"  # by mail: take it out
    PUBLISH = "PUBLISH"  # a file to download: no attendee, nothing to answer


def case_calendar(
    fields: CaseFields,
    method: Method,
    *,
    gettext: Callable[..., str],
    organizer: str,
    attendee: str | None,
    stamp: datetime,
) -> bytes:
    """`organizer` is the bare address of From: mail programs want both to agree. Its domain is the UID's host."""
    event = Event()
    event.add("uid", f"{fields.uid}@{organizer.rpartition('@')[2]}")
    event.add("sequence", fields.sequence)
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("dtstart", _local(fields.starts_at, fields.time_zone))
    event.add("dtend", _local(fields.ends_at, fields.time_zone))
    summary: str = gettext("Appointment {number}, City of {city}", number=fields.number, city=fields.city)
    event.add("summary", summary)
    event.add("description", gettext("Details, documents to bring, and cancelling: {url}", url=fields.manage_url))
    event.add("location", _location(fields, gettext))
    event.add("url", vUri(fields.manage_url))
    event.add("class", "PRIVATE")
    event.add("transp", "OPAQUE")
    event.add("status", "CANCELLED" if method is Method.CANCEL else "CONFIRMED")
    event.add("organizer", vCalAddress(_mailto(organizer)))
    if attendee is not None and method is not Method.PUBLISH:
        event.add("attendee", _accepted(attendee))
    if method is not Method.CANCEL:
        for before in _ALARMS:
            event.add_component(_alarm(before, summary))
    calendar = Calendar()  # not Calendar.new(): that invents another calendar UID each time
    calendar.add("prodid", "-//Schalter//Schalter//DE")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method.value)
    calendar.add_component(Timezone.from_ical(_BERLIN))
    calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def _local(instant: datetime, time_zone: str) -> datetime:
    # Only Berlin's rules travel with the file, and the hour that October repeats is ambiguous in them: UTC says both.
    local = instant.astimezone(ZoneInfo(time_zone))
    return local if time_zone == "Europe/Berlin" and not local.fold else instant.astimezone(UTC)


def _location(fields: CaseFields, gettext: Callable[..., str]) -> str:
    if fields.channel == "video":
        return fields.manage_url
    if fields.channel == "phone":
        return gettext("By telephone: we call you")
    return fields.address


def _mailto(address: str) -> str:
    return "mailto:" + quote(address, safe="@!#$&'*+-/=?^_`{|}~.")


def _accepted(address: str) -> vCalAddress:
    """Nobody is asked to answer: the citizen made the appointment."""
    attendee = vCalAddress(_mailto(address))
    attendee.params.update({"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "ACCEPTED", "RSVP": "FALSE"})
    return attendee


def _alarm(before: timedelta, text: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", text)
    alarm.add("trigger", before)
    return alarm

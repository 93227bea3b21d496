"""A template, a language and a case's fields become a text message, or a mail: subject, text, HTML and, for a time, a calendar
object."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from typing import Any

from base.gsm import plain
from base.i18n import Translations, format_date, format_money, format_short_day, format_time, mark
from base.money import Money
from base.templates import Templates
from notifications.calendar import Method, case_calendar
from notifications.fields import (
    CaseFields,
    OfferedTime,
    TillFields,
    case_fields,
    code_fields,
    invitation_fields,
    link_fields,
    request_fields,
)
from notifications.model import Template

TEMPLATES_FOLDER = Path(__file__).parent / "templates"

_SUBJECTS = {
    Template.APPOINTMENT_CONFIRMED: mark("Your appointment {number} on {date} at {time}"),
    Template.APPOINTMENT_MOVED: mark("Moved: your appointment {number} is now on {date} at {time}"),
    Template.APPOINTMENT_CANCELLED: mark("Cancelled: your appointment {number} on {date} at {time}"),
    Template.APPOINTMENT_RESERVED: mark("Please pay until {until}: your appointment on {date} at {time}"),
    Template.APPOINTMENT_OFFERED: mark("Please book until {until}: an appointment on {date} at {time}"),
    Template.APPOINTMENT_RECONFIRM: mark("Do you come on {date} at {time}? Please answer until {until}"),
    Template.APPOINTMENT_RELEASED: mark("Given to others: your appointment {number} on {date} at {time}"),
    Template.REBOOKING_OFFERED: mark("Please choose a new time: your appointment {number} on {date} at {time}"),
    Template.REBOOKING_STANDS: mark("It stays as booked: your appointment {number} on {date} at {time}"),
    Template.ALLOCATION_REQUEST: mark("Please confirm your request {number}"),
    Template.ALLOCATION_WAITS: mark("Your request {number} stays in the list: no appointment this time"),
    Template.ALLOCATION_ENDED: mark("Your request {number} has ended: you can book an appointment"),
    Template.OVERVIEW_LINK: mark("Your link to your appointments, until {until}"),
    Template.INVITATION: mark("Please choose an appointment until {until}: {service}"),
    Template.INVITATION_REMINDER: mark("Only until {until}: please choose an appointment for {service}"),
    Template.TILL_CODE: mark("Your code: {code}"),
    Template.TILL_RESERVED: mark("Please pay at a till until {until}: your appointment on {date} at {time}"),
    Template.TILL_REMINDER: mark("Only until {until}: please pay for your appointment on {date} at {time}"),
    Template.TILL_LAPSED: mark("Not paid in time: your appointment {number} on {date} at {time}"),
    Template.GUARD_CODE: mark("Your code: {code}"),
    Template.WAITLIST_OFFERED: mark("Earlier appointment on {date} at {time}: please answer by {until}"),
    Template.PAID_TOO_LATE: mark("Your payment for appointment {number} came too late"),
    Template.REFUND_SUCCEEDED: mark("We have refunded your fee for appointment {number}"),
    Template.REFUND_REJECTED: mark("We do not refund your fee for appointment {number}"),
    Template.FEE_TAKEN: mark("Your fee for appointment {number} has been charged"),
    Template.FEE_DUE_AGAIN: mark("Please pay again: the fee for appointment {number}"),
    Template.CHARGE_ASKED: mark("Fee of {fee} for appointment {number}: your link to pay"),
    Template.TRANSFER_ASKED: mark("Please name your bank account: refund for appointment {number}"),
    Template.TRANSFER_RETURNED: mark("Please check your bank account: refund for appointment {number}"),
    Template.TRANSFER_PAID: mark("We have transferred your refund for appointment {number}"),
}
_INVITATIONS = (Template.INVITATION, Template.INVITATION_REMINDER)
_ANSWERED = (
    Template.APPOINTMENT_RESERVED,
    Template.APPOINTMENT_OFFERED,
    Template.APPOINTMENT_RECONFIRM,
    Template.REBOOKING_OFFERED,
    Template.WAITLIST_OFFERED,
    Template.TILL_RESERVED,
    Template.TILL_REMINDER,
)
_REFUNDS = (Template.REFUND_SUCCEEDED, Template.REFUND_REJECTED, Template.PAID_TOO_LATE)
_FEES = (Template.FEE_TAKEN, Template.FEE_DUE_AGAIN)
_CODES = (Template.GUARD_CODE, Template.TILL_CODE)
_TRANSFERS = (Template.TRANSFER_ASKED, Template.TRANSFER_RETURNED, Template.TRANSFER_PAID)
_ABOUT_REQUESTS = (Template.ALLOCATION_REQUEST, Template.ALLOCATION_WAITS, Template.ALLOCATION_ENDED)
_METHODS = {
    Template.APPOINTMENT_CONFIRMED: Method.REQUEST,
    Template.APPOINTMENT_MOVED: Method.REQUEST,
    Template.REBOOKING_STANDS: Method.REQUEST,
    Template.APPOINTMENT_CANCELLED: Method.CANCEL,
    Template.APPOINTMENT_RELEASED: Method.CANCEL,
}


@dataclass(frozen=True, slots=True)
class Mail:
    language: str
    subject: str
    text: str
    html: str
    method: Method | None = None
    calendar: bytes | None = None
    leave_url: str = ""  # where one click ends such mails


class Messages:
    def __init__(self, translations: Translations, *, mail_from: str) -> None:
        """`mail_from` may have a name: "Stadt Musterstadt <termine@musterstadt.example>"."""
        self.mail_from = mail_from
        self.address = parseaddr(mail_from)[1]
        self._translations = translations
        self._templates = Templates([TEMPLATES_FOLDER], translations)

    def mail(
        self, template: Template, language: str, fields: Mapping[str, object], *, recipient: str, now: datetime
    ) -> Mail:
        if template in _ABOUT_REQUESTS:
            return self._request_mail(template, language, fields)
        if template is Template.OVERVIEW_LINK:
            return self._link_mail(language, fields)
        if template in _INVITATIONS:
            return self._invitation_mail(template, language, fields)
        if template in _CODES:
            return self._code_mail(template, language, fields)
        case = case_fields(fields)
        if template in _ANSWERED and case.answer_until is None:
            raise ValueError("answer_until is missing")
        if template is Template.WAITLIST_OFFERED and not (case.instead_of and case.leave_url):
            raise ValueError("instead_of or leave_url is missing")
        if template is Template.REBOOKING_OFFERED and not case.offers:
            raise ValueError("offers are missing")
        if template in _REFUNDS and not case.refund_cents:
            raise ValueError("refund_cents is missing")
        if template in _FEES and not case.paid_cents:
            raise ValueError("paid_cents is missing")
        if template in _TRANSFERS and not (case.refund_cents and case.own_url):
            raise ValueError("refund_cents or own_url is missing")
        words = self._words(case, language)
        # Without the day of the week: a subject that needs no second line is shown whole on a telephone.
        date = format_date(case.starts_at, language, case.time_zone, style="long")
        subject = self._translations.gettext(
            language,
            _SUBJECTS[template],
            number=case.number,
            date=date,
            time=words["start"],
            until=words["until"],
            fee=words["fee"],
        )
        offers = [self._offer(one, language) for one in case.offers]
        mail = self._written(template, language, case, subject, offers=offers, **words)
        method = _METHODS.get(template)
        if method is None:
            return replace(mail, leave_url=case.leave_url)
        return replace(mail, method=method, calendar=self._calendar(case, method, language, recipient, now))

    def _written(self, template: Template, language: str, fields: object, subject: str, **words: object) -> Mail:
        """The same text twice: plain, and with links that can be clicked."""
        text, html = (
            self._templates.render(f"{template}.{kind}", language, case=fields, subject=subject, **words)
            for kind in ("txt", "html")
        )
        return Mail(language, subject, text, html)

    def _request_mail(self, template: Template, language: str, fields: Mapping[str, object]) -> Mail:
        asked = request_fields(fields)
        subject = self._translations.gettext(language, _SUBJECTS[template], number=asked.number)
        next_on = format_date(asked.next_on, language, style="long") if asked.next_on else ""
        return self._written(template, language, asked, subject, next_on=next_on)

    def _link_mail(self, language: str, fields: Mapping[str, object]) -> Mail:
        link, until = link_fields(fields), self._link_until(language, fields)
        subject = self._translations.gettext(language, _SUBJECTS[Template.OVERVIEW_LINK], until=until)
        return self._written(Template.OVERVIEW_LINK, language, link, subject, until=until)

    def _invitation_mail(self, template: Template, language: str, fields: Mapping[str, object]) -> Mail:
        asked = invitation_fields(fields)
        until = format_date(asked.answer_by, language, style="long")
        subject = self._translations.gettext(language, _SUBJECTS[template], until=until, service=asked.service)
        days = {
            "first": format_date(asked.first_day, language),
            "last": format_date(asked.last_day, language),
            "until": format_date(asked.answer_by, language),
        }
        return self._written(template, language, asked, subject, **days)

    def _link_until(self, language: str, fields: Mapping[str, object]) -> str:
        link = link_fields(fields)
        return self._clock(language, link.good_until, link.time_zone)

    def _clock(self, language: str, moment: datetime, time_zone: str) -> str:
        """German says "14:40 Uhr", English just "14:40"."""
        return self._translations.gettext(language, "{time}", time=format_time(moment, language, time_zone))

    def _code_mail(self, template: Template, language: str, fields: Mapping[str, object]) -> Mail:
        given = code_fields(fields)
        until = self._clock(language, given.good_until, given.time_zone)
        subject = self._translations.gettext(language, _SUBJECTS[template], code=given.code)
        return self._written(template, language, given, subject, until=until)

    def is_late(self, template: Template, fields: Mapping[str, object], now: datetime) -> bool:
        """Whether nobody has use of a text message any more."""
        if template is Template.OVERVIEW_LINK:
            return link_fields(fields).good_until <= now
        if template in _INVITATIONS:
            return invitation_fields(fields).answer_until <= now
        if template in _CODES:
            return code_fields(fields).good_until <= now
        if template in (*_TRANSFERS, *_FEES, Template.REFUND_REJECTED):  # money is owed whenever the appointment was
            return False
        return case_fields(fields).ends_at <= now

    def text(self, template: Template, language: str, fields: Mapping[str, object]) -> str:
        """For a text message. Whoever holds the telephone, or carries the text, reads neither a name nor a service in it."""
        text = self._templates.render(f"{template}.sms.txt", language, **self._text_words(template, language, fields))
        return plain(" ".join(text.split()))

    def _text_words(self, template: Template, language: str, fields: Mapping[str, object]) -> dict[str, Any]:
        if template is Template.OVERVIEW_LINK:
            return {"case": link_fields(fields), "until": self._link_until(language, fields)}
        if template in _INVITATIONS:
            asked = invitation_fields(fields)
            return {"case": asked, "until": format_date(asked.answer_by, language, style="medium")}
        if template in _CODES:
            given = code_fields(fields)
            return {"case": given, "until": self._clock(language, given.good_until, given.time_zone)}
        case = case_fields(fields)
        return {
            "case": case,
            "day": format_short_day(case.starts_at, language, case.time_zone),
            "start": format_time(case.starts_at, language, case.time_zone),
            "refund": format_money(Money(case.refund_cents, case.currency), language),
            "paid": format_money(Money(case.paid_cents, case.currency), language),
            "until": format_time(case.answer_until, language, case.time_zone) if case.answer_until else "",
            "answer_by": self._short_moment(case, language),
        }

    def download(self, language: str, fields: Mapping[str, object], *, now: datetime) -> bytes:
        """The file behind "add to calendar"."""
        return self._calendar(case_fields(fields), Method.PUBLISH, language, None, now)

    def _calendar(self, case: CaseFields, method: Method, language: str, attendee: str | None, now: datetime) -> bytes:
        gettext = partial(self._translations.gettext, language)
        return case_calendar(case, method, gettext=gettext, organizer=self.address, attendee=attendee, stamp=now)

    def _words(self, case: CaseFields, language: str) -> dict[str, Any]:
        """What people read, where the fields have instants and cents."""
        return {
            "date": format_date(case.starts_at, language, case.time_zone),
            "start": format_time(case.starts_at, language, case.time_zone),
            "end": format_time(case.ends_at, language, case.time_zone),
            "fee": format_money(Money(case.fee_cents, case.currency), language),
            "refund": format_money(Money(case.refund_cents, case.currency), language),
            "paid": format_money(Money(case.paid_cents, case.currency), language),
            "released": format_money(Money(case.released_cents, case.currency), language),
            "until": self._moment(case.answer_until, case, language),
            "before": self._moment(case.moved_from, case, language),
            "instead_of": self._moment(case.instead_of, case, language),
            "tills": [self._till(one, language) for one in case.tills],
            "further": [(format_time(one.starts_at, language, case.time_zone), one.service) for one in case.further],
        }

    def _short_moment(self, case: CaseFields, language: str) -> str:
        """Until when an answer is waited for, in a text message."""
        if case.answer_until is None:
            return ""
        day = format_short_day(case.answer_until, language, case.time_zone)
        time = format_time(case.answer_until, language, case.time_zone)
        return f"{day} {time}"

    def _offer(self, one: OfferedTime, language: str) -> dict[str, str]:
        day = format_date(one.starts_at, language, one.time_zone)
        time = format_time(one.starts_at, language, one.time_zone)
        when = self._translations.gettext(language, "{date}, {time}", date=day, time=time)
        return {"when": when, "where": f"{one.office}, {one.address}"}

    def _till(self, one: TillFields, language: str) -> dict[str, Any]:
        """Days with the hours of each, in order."""
        days: dict[str, list[str]] = {}
        for start, end in one.open:
            day = format_date(start, language, one.time_zone)
            hours = (format_time(start, language, one.time_zone), format_time(end, language, one.time_zone))
            days.setdefault(day, []).append("–".join(hours))
        return {"name": one.name, "address": one.address, "days": [(day, ", ".join(all)) for day, all in days.items()]}

    def _moment(self, at: datetime | None, case: CaseFields, language: str) -> str:
        if at is None:
            return ""
        day = format_date(at, language, case.time_zone, style="long")
        time = format_time(at, language, case.time_zone)
        return self._translations.gettext(language, "{date}, {time}", date=day, time=time)

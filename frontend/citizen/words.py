"""One reader's language: sentences from the catalogue, dates, times, money and lengths as people say them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import babel.dates
import babel.numbers

from base.i18n import Text, Translations, format_date, format_money, format_time, locale_of, pick, zone
from base.money import Money
from booking.catalogue.model import Channel, City, Office

AUTHORITIES_NUMBER = "115"  # answered in all of Germany, where the city names no telephone of its own


@dataclass(frozen=True, slots=True)
class Words:
    translations: Translations
    language: str
    now: datetime
    city: City | None = None  # None before the first import
    here: str = ""  # path and query of the page that is shown; "" where a form was sent

    def _(self, message: str, **fields: object) -> str:
        return self.translations.gettext(self.language, message, **fields)

    def ngettext(self, one: str, many: str, n: int) -> str:
        return self.translations.ngettext(self.language, one, many, n)

    def pick(self, text: Text | None) -> str:
        return pick(text, self.language)

    @property
    def phone(self) -> str:
        return (self.city.contact.get("phone") if self.city else None) or AUTHORITIES_NUMBER

    def fee(self, amount: Money | None) -> str:
        """In words where there is nothing to pay or nothing is known."""
        if amount is None:
            return self._("Told at the appointment")
        return format_money(amount, self.language) if amount else self._("Free of charge")

    def minutes(self, n: int) -> str:
        return self.ngettext("about {n} minute", "about {n} minutes", n)

    def channel(self, channel: str) -> str:
        return {
            Channel.ONSITE: self._("On site"),
            Channel.VIDEO: self._("By video"),
            Channel.PHONE: self._("By phone"),
        }[Channel(channel)]

    def channel_meaning(self, channel: str) -> str:
        return {
            Channel.ONSITE: self._("You come to an office."),
            Channel.VIDEO: self._("In your browser, without installing anything."),
            Channel.PHONE: self._("We call you at the agreed time."),
        }[Channel(channel)]

    def time(self, moment: datetime, zone_name: str) -> str:
        return format_time(moment, self.language, zone_name)

    def clock(self, moment: datetime, zone_name: str) -> str:
        """German says "14:40 Uhr", English just "14:40"."""
        return self._("{time}", time=self.time(moment, zone_name))

    def day(self, day: date) -> str:
        """ "Mittwoch, 25. November 2026"."""
        return format_date(day, self.language)

    def short_day(self, day: date) -> str:
        """ "Mi., 25. Nov."."""
        return babel.dates.format_skeleton("MMMEd", _noon(day), locale=locale_of(self.language))

    def near_day(self, day: date, zone_name: str) -> str:
        """Today and tomorrow by name."""
        today = self.now.astimezone(zone(zone_name)).date()
        if day == today:
            return self._("Today")
        if day == today + timedelta(days=1):
            return self._("Tomorrow")
        return self.short_day(day)

    def near(self, moment: datetime, zone_name: str) -> str:
        """ "Heute, 14:40 Uhr"."""
        day = moment.astimezone(zone(zone_name)).date()
        return self._("{day}, {clock}", day=self.near_day(day, zone_name), clock=self.clock(moment, zone_name))

    def when(self, moment: datetime, zone_name: str) -> str:
        """ "Mittwoch, 25. November 2026, 09:40 Uhr"."""
        day = format_date(moment, self.language, zone_name)
        return self._("{day}, {clock}", day=day, clock=self.clock(moment, zone_name))

    def km(self, distance: float) -> str:
        """ "1,3 km"."""
        return self._("{km} km", km=babel.numbers.format_decimal(round(distance, 1), locale=locale_of(self.language)))

    def address(self, office: Office) -> str:
        return f"{office.street}, {office.postcode} {office.place}"

    def step_free(self, office: Office) -> str:
        return (
            self._("Step-free access")
            if office.is_step_free
            else self._("Not step-free: call {phone} and we find another way", phone=self.phone)
        )


def _noon(day: date) -> datetime:
    """Babel's skeletons take a moment; noon is the same day in every zone it might think of."""
    return datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001

"""The page of times: the next free ones at once, then days with their number of free times, then the times of a day."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum
from urllib.parse import urlencode
from uuid import UUID

from base.i18n import zone
from base.money import Money
from booking.availability.endpoints import MOST_OTHERS
from booking.availability.model import JUST_ONE, Item, Slot, Visit, Who
from booking.catalogue.model import Channel, Office, ServiceDetail
from booking.catalogue.nearby import Point, point_of
from frontend.citizen.frame import TIME, frame
from frontend.citizen.views import DayLink, OfficeTimes, PartOfDay, Row, Selection, ShownError, SlotChoice, TimesPage
from frontend.citizen.wishes import NO_PLACES, NO_WISHES, Nearby, Wishes, wish_form
from frontend.citizen.words import Words

DAYS_SHOWN = 7
_SLOT = re.compile(r"([0-9]{1,10})@(20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader has chosen so far. No office means any. `instead`: the case, not booked yet, that the new time replaces;
    `moves`: the booked one that is to get it."""

    service_id: int
    channel: Channel
    office_ids: tuple[int, ...] = ()
    instead: UUID | None = None
    moves: UUID | None = None
    visit: Visit = JUST_ONE
    wishes: Wishes = NO_WISHES

    @property
    def items(self) -> tuple[Item, ...]:
        return (Item(self.service_id, self.visit.quantity), *self.visit.also)

    @property
    def path(self) -> str:
        """Where a time is sent that was chosen."""
        return f"/appointments/{self.moves}/times" if self.moves else "/holds"

    def pairs(self) -> tuple[tuple[str, str], ...]:
        offices = (("office", str(office)) for office in self.office_ids)
        return (
            ("service", str(self.service_id)),
            ("channel", self.channel.value),
            *visit_pairs(self.visit),
            *offices,
            *replaced_pair(self.instead, self.moves),
            *self.wishes.pairs(),
        )

    def query(self, **more: str) -> str:
        return urlencode([*self.pairs(), *more.items()])


@dataclass(frozen=True, slots=True)
class Offered:
    """What is free: `days` from the first shown one, `slots` of the chosen day."""

    next_free: Sequence[Slot]
    days: Mapping[date, int]
    first: date
    last: date  # of the booking window
    day: date
    slots: Sequence[Slot]


class Why(Enum):
    """Why the wanted time cannot be had."""

    TAKEN = "taken"
    RUN_OUT = "run_out"


def visit_pairs(visit: Visit) -> tuple[tuple[str, str], ...]:
    quantity = (("quantity", str(visit.quantity)),) if visit.quantity > 1 else ()
    return (*quantity, *(("also", str(item)) for item in visit.also), *who_pairs(visit.who))


def who_pairs(who: Who) -> tuple[tuple[str, str], ...]:
    """For whom: only the first letters of a name stand in an address."""
    said = (("letters", who.letters), ("postcode", who.postcode), ("kind", who.kind))
    return tuple(pair for pair in said if pair[1])


def joined(before: Sequence[Item], last: Item) -> tuple[int, Visit]:
    """What was chosen before, and then another service: the visit's first service, and the rest of it."""
    first, *others = (*(item for item in before if item.service_id != last.service_id), last)
    return first.service_id, Visit(first.quantity, tuple(others))


def instead_pair(instead: UUID | None) -> tuple[tuple[str, str], ...]:
    return (("instead", str(instead)),) if instead else ()


def replaced_pair(instead: UUID | None, moves: UUID | None) -> tuple[tuple[str, str], ...]:
    return (("moves", str(moves)),) if moves else instead_pair(instead)


def times_page(
    words: Words,
    detail: ServiceDetail,
    wanted: Wanted,
    offered: Offered,
    request_key: str,
    others: Sequence[ServiceDetail] = (),
    nearby: Nearby = NO_PLACES,
    matter: str = "",
) -> TimesPage:
    """`others`: of the other services of the visit. `matter`: what it is about, in words.

    A place that we do not know is no wish but an error at its field."""
    offices = {office.id: office for office in detail.offices.get(wanted.channel, ())}
    base = f"/{words.language}/times?"
    shown = [day for day in offered.days if offered.first <= day][:DAYS_SHOWN]
    zone_name = next(iter(offices.values())).time_zone
    today = words.now.astimezone(zone(zone_name)).date()
    later = offered.first + timedelta(days=DAYS_SHOWN)
    query = (*wanted.pairs(), ("day", offered.day.isoformat()))
    unknown = (("near", nearby.unknown), ("within_km", str(wanted.wishes.within_km))) if nearby.unknown else ()
    wishes = wish_form(
        words,
        wanted.wishes,
        nearby,
        wanted.channel,
        _choice_of(wanted, detail),
        replace(wanted, wishes=NO_WISHES).pairs(),
        f"{base}{replace(wanted, wishes=NO_WISHES).query()}",
    )
    return TimesPage(
        frame=frame(
            words,
            _title(words, detail),
            "/times",
            query=(*query, *unknown),
            step=None if wanted.moves else TIME,
            errors=(ShownError(field="near", message=wishes.near_error),) if wishes.near_error else (),
            back_url=f"/{words.language}/appointments/{wanted.moves}" if wanted.moves else _back(words, wanted),
        ),
        heading=words._("Choose another time") if wanted.moves else words._("Choose a time"),
        kept=_kept(words, wanted),
        selection=selection(words, detail, wanted, others, matter),
        add_url="" if wanted.moves or len(others) >= MOST_OTHERS else f"/{words.language}/?{wanted.query()}",
        action=f"/{words.language}{wanted.path}",
        request_key=request_key,
        hidden=hidden(wanted),
        wishes=wishes,
        next_free=tuple(_soon(words, slot, offices[slot.office_id], nearby.centre) for slot in offered.next_free),
        is_by_office=bool(wanted.wishes.near),
        days=tuple(
            DayLink(
                name=words.near_day(day, zone_name) if (day - today).days < 2 else words.short_day(day),
                count=count_in_words(words, offered.days[day]),
                url=f"{base}{wanted.query(day=day.isoformat())}#times" if offered.days[day] else "",
                is_current=day == offered.day,
            )
            for day in shown
        ),
        earlier_url=_week(base, wanted, max(offered.first - timedelta(days=DAYS_SHOWN), today))
        if offered.first > today
        else "",
        later_url=_week(base, wanted, later) if later <= offered.last else "",
        day=words.day(offered.day),
        offices=office_times(words, offered.slots, offices),
    )


def _choice_of(wanted: Wanted, detail: ServiceDetail) -> list[Office]:
    """The offices among which the reader has left the choice to us."""
    all_of_them = detail.offices.get(wanted.channel, ())
    return [office for office in all_of_them if not wanted.office_ids or office.id in wanted.office_ids]


def gone_page(
    words: Words,
    detail: ServiceDetail,
    wanted: Wanted,
    nearest: Sequence[Slot],
    request_key: str,
    *,
    why: Why,
    gone: Slot,
    kept: tuple[tuple[str, str], ...] = (),
    path: str = "",
    others: Sequence[ServiceDetail] = (),
    matter: str = "",
) -> TimesPage:
    """The wanted time cannot be had: the nearest ones, with everything already typed in hidden fields.

    `path`: the page's own, empty where it answers a form. That form is sent once more to see the page in another language.
    """
    offices = {office.id: office for office in detail.offices.get(wanted.channel, ())}
    all_times = f"/{words.language}/times?{wanted.query()}"
    heading = words._("This time is no longer free") if why is Why.TAKEN else words._("The reservation is over")
    again = (*hidden(wanted), *kept, ("gone", slot_value(gone)), ("why", why.value))
    return TimesPage(
        frame=frame(
            words,
            heading,
            path or wanted.path,
            step=None if wanted.moves else TIME,
            resend=() if path else again,
            key=request_key,
        ),
        heading=heading,
        selection=selection(words, detail, wanted, others, matter),
        action=f"/{words.language}{wanted.path}",
        request_key=request_key,
        hidden=hidden(wanted) + kept,
        next_free=tuple(_soon(words, slot, offices[slot.office_id]) for slot in nearest if slot.office_id in offices),
        is_gone=True,
        gone_title=words._("Somebody was faster") if why is Why.TAKEN else words._("The time is free for others again"),
        keeps_contact=bool(kept),
        kept=_kept(words, wanted),
        all_times_url=all_times,
    )


def _kept(words: Words, wanted: Wanted) -> str:
    return words._("Your appointment stays as it is until you have confirmed a new time.") if wanted.moves else ""


def office_times(words: Words, slots: Sequence[Slot], offices: Mapping[int, Office]) -> tuple[OfficeTimes, ...]:
    by_office: dict[int, list[Slot]] = {}
    for slot in slots:  # in order of time, so the office with the first free one comes first
        by_office.setdefault(slot.office_id, []).append(slot)
    return tuple(
        _office(words, offices[office], of_office) for office, of_office in by_office.items() if office in offices
    )


def _office(words: Words, office: Office, slots: Sequence[Slot]) -> OfficeTimes:
    name, local = words.pick(office.name), zone(office.time_zone)
    morning = [slot for slot in slots if slot.starts_at.astimezone(local).hour < 12]
    named = ((words._("Morning"), morning), (words._("Afternoon"), slots[len(morning) :]))
    return OfficeTimes(
        office=name,
        note=count_in_words(words, len(slots)),
        parts=tuple(
            PartOfDay(name=part, slots=tuple(_slot(words, slot, office, name) for slot in some))
            for part, some in named
            if some
        ),
    )


def _slot(words: Words, slot: Slot, office: Office, name: str) -> SlotChoice:
    time = words.time(slot.starts_at, office.time_zone)
    places = _places(words, slot)
    label = ", ".join(part for part in (time, places, name) if part)
    return SlotChoice(value=slot_value(slot), time=time, label=label, note=places)


def _places(words: Words, slot: Slot) -> str:
    return "" if slot.places is None else words.ngettext("{n} place left", "{n} places left", slot.places)


def _soon(words: Words, slot: Slot, office: Office, centre: Point | None = None) -> SlotChoice:
    name = words.pick(office.name)
    if centre is not None and centre != point_of(office):
        name = f"{name} · {words.km(centre.km_to(point_of(office)))}"
    return SlotChoice(
        value=slot_value(slot),
        time=words.time(slot.starts_at, office.time_zone),
        label=words.near(slot.starts_at, office.time_zone),
        note=_places(words, slot),
        office=name,
    )


def selection(
    words: Words, detail: ServiceDetail, wanted: Wanted, others: Sequence[ServiceDetail] = (), matter: str = ""
) -> Selection:
    names = [
        words.pick(office.name) for office in detail.offices.get(wanted.channel, ()) if office.id in wanted.office_ids
    ]
    services = chosen_services(words, wanted.items, (detail, *others))
    rows = [
        Row(label=words._("Service"), value=services[0]),
        *(Row(label=words._("Further service"), value=service) for service in services[1:]),
        Row(label=words._("How"), value=words.channel(wanted.channel)),
        Row(label=words._("Where"), value=", ".join(names) or words._("Any office")),
        Row(label=words._("Fee"), value=words.fee(_fee(wanted.items, (detail, *others)))),
    ]
    if wanted.visit.who.letters:
        rows.append(
            Row(
                label=words._("Surname"),
                value=words._("Surname: {letters}…", letters=wanted.visit.who.letters.capitalize()),
            )
        )
    if wanted.visit.who.postcode:
        rows.append(Row(label=words._("Postcode"), value=wanted.visit.who.postcode))
    if matter:
        rows.append(Row(label=words._("What it is about"), value=matter))
    if detail.service.duration_min:
        rows.append(Row(label=words._("Duration"), value=words.minutes(_minutes(wanted.items, (detail, *others)))))
    return Selection(rows=tuple(rows), change_url=_back(words, wanted))


def chosen_services(words: Words, items: Sequence[Item], details: Sequence[ServiceDetail]) -> tuple[str, ...]:
    """ "3 × Fahrzeug abmelden"."""
    return tuple(item.named(words.pick(detail.service.name)) for item, detail in zip(items, details, strict=True))


def _fee(items: Sequence[Item], details: Sequence[ServiceDetail]) -> Money | None:
    """None: of one of them it is not known."""
    fees = [detail.fee for detail in details]
    if None in fees:
        return None
    cents = sum(fee.amount_cents * item.quantity for fee, item in zip(fees, items, strict=True) if fee)
    return Money(cents, fees[0].currency if fees[0] else "EUR")


def _minutes(items: Sequence[Item], details: Sequence[ServiceDetail]) -> int:
    return sum(detail.service.minutes_for(item.quantity) for item, detail in zip(items, details, strict=True))


def count_in_words(words: Words, n: int) -> str:
    return words.ngettext("{n} free time", "{n} free times", n) if n else words._("none free")


def slot_value(slot: Slot) -> str:
    return f"{slot.office_id}@{slot.starts_at:%Y-%m-%dT%H:%MZ}"


def read_slot(value: str) -> tuple[int, datetime] | None:
    """What `slot_value` has written, in this century; None for anything else."""
    written = _SLOT.fullmatch(value)
    if written is None:
        return None
    try:
        return int(written[1]), datetime.fromisoformat(written[2])
    except ValueError:
        return None


def hidden(wanted: Wanted) -> tuple[tuple[str, str], ...]:
    """One field per name: several offices with commas between them."""
    offices = (("office", ",".join(map(str, wanted.office_ids))),) if wanted.office_ids else ()
    pairs = (("service", str(wanted.service_id)), ("channel", wanted.channel.value))
    also = (("also", ",".join(map(str, wanted.visit.also))),) if wanted.visit.also else ()
    quantity = (("quantity", str(wanted.visit.quantity)),) if wanted.visit.quantity > 1 else ()
    who = who_pairs(wanted.visit.who)
    return (
        *pairs,
        *quantity,
        *also,
        *who,
        *offices,
        *replaced_pair(wanted.instead, wanted.moves),
        *wanted.wishes.pairs(),
    )


def _title(words: Words, detail: ServiceDetail) -> str:
    return words._("Choose a time: {service}", service=words.pick(detail.service.name))


def _back(words: Words, wanted: Wanted) -> str:
    offices = [("office", str(office)) for office in wanted.office_ids]
    *before, last = wanted.items
    visit = [*visit_pairs(Visit(last.quantity)), *(("before", str(item)) for item in before)]
    replaced = replaced_pair(wanted.instead, wanted.moves)
    query = urlencode([("channel", wanted.channel.value), *visit, *offices, *replaced, *wanted.wishes.pairs()])
    return f"/{words.language}/services/{last.service_id}?{query}"


def _week(base: str, wanted: Wanted, first: date) -> str:
    return f"{base}{wanted.query(day=first.isoformat())}#days"

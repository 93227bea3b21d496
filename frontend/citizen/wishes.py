"""What somebody wishes of a time: when on the day, without steps, not far from a place. It stands in the address, so it can be kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from booking.availability.model import ANY_TIME, TimeOfDay, TimesOfDay
from booking.catalogue.model import Channel, Office
from booking.catalogue.nearby import Point, Reach, point_of, suitable
from booking.catalogue.snapshot import Snapshot
from booking.catalogue.words import fold
from frontend.citizen.views import Tick, WishForm
from frontend.citizen.words import Words

NEARS_KM = (2, 5, 10, 20)
_MOST_LETTERS = 80


@dataclass(frozen=True, slots=True)
class Wishes:
    """`near`: a postcode, a district or an office, as it was typed; nobody is asked where they are."""

    at: TimeOfDay | None = None
    step_free: bool = False
    near: str = ""
    within_km: int = 5

    @property
    def times(self) -> TimesOfDay:
        return frozenset({self.at}) if self.at else ANY_TIME

    def pairs(self) -> tuple[tuple[str, str], ...]:
        at = (("at", self.at.value),) if self.at else ()
        step_free = (("step_free", "1"),) if self.step_free else ()
        near = (("near", self.near), ("within_km", str(self.within_km))) if self.near else ()
        return (*at, *step_free, *near)

    @property
    def anywhere(self) -> Wishes:
        """Where nobody goes to an office."""
        return replace(self, step_free=False, near="")

    def suitable(self, offices: Iterable[Office], centre: Point | None) -> frozenset[int]:
        reach = Reach(centre, self.within_km) if centre else None
        return suitable(offices, step_free=self.step_free, reach=reach)


NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class Nearby:
    """The places that may be typed, and the point that was meant; or what was typed and is no place that we know."""

    names: tuple[str, ...] = ()
    centre: Point | None = None
    unknown: str = ""


NO_PLACES = Nearby()


def nearby_in(words: Words, typed: str, offices: Iterable[Office], known: Snapshot) -> Nearby:
    """A place before an office of that name: "Mitte" is the district."""
    named = sorted(offices, key=lambda office: words.pick(office.name))
    names = (*(place.name for place in known.named_places.values()), *(words.pick(office.name) for office in named))
    meant = known.find_place(typed) or next(
        (office for office in named if fold(typed) in map(fold, office.name.values())), None
    )
    return Nearby(names, point_of(meant)) if meant else Nearby(names, unknown=typed)


def wishes_in(fields: Mapping[str, str]) -> Wishes:
    """What is none is no wish: this is a filter, not an order. Whether a place is known is seen later."""
    at, near, km = (fields.get(name, "") for name in ("at", "near", "within_km"))
    return Wishes(
        TimeOfDay(at) if at in list(TimeOfDay) else None,
        fields.get("step_free") == "1",
        near.strip()[:_MOST_LETTERS],
        int(km) if km in map(str, NEARS_KM) else 5,
    )


def wish_form(
    words: Words,
    wishes: Wishes,
    nearby: Nearby,
    channel: Channel,
    offices: Iterable[Office],
    hidden: tuple[tuple[str, str], ...],
    clear_url: str,
) -> WishForm:
    """Where several offices are to choose from, also which; one has nothing to be filtered but its hours. What is wished is shown."""
    asks_where = len(list(offices)) > 1 or wishes != wishes.anywhere or bool(nearby.unknown)
    problem = words._(
        "We do not know the place “{place}”. Please enter a postcode, a district or an office.", place=nearby.unknown
    )
    named = {
        TimeOfDay.MORNING: words._("in the morning, before 12"),
        TimeOfDay.AFTERNOON: words._("in the afternoon, 12 to 16"),
        TimeOfDay.AFTER_WORK: words._("after work, from 16 on"),
    }
    return WishForm(
        action=f"/{words.language}/times",
        hidden=hidden,
        clear_url=clear_url if wishes.pairs() or nearby.unknown else "",
        at=tuple(Tick(value=one.value, label=named[one], is_chosen=one is wishes.at) for one in TimeOfDay),
        asks_where=channel is Channel.ONSITE and asks_where,
        is_step_free=wishes.step_free,
        near=nearby.unknown or wishes.near,
        near_names=nearby.names,
        near_error=problem if nearby.unknown else "",
        km=tuple(
            Tick(value=str(km), label=words._("{km} km", km=km), is_chosen=km == wishes.within_km) for km in NEARS_KM
        ),
    )

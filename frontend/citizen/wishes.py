"""What somebody wishes of a time: when on the day, without steps, not far from an office. It stands in the address, so it can be kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from booking.availability.model import ANY_TIME, TimeOfDay, TimesOfDay
from booking.catalogue.model import Channel, Office
from booking.catalogue.nearby import Reach, point_of, suitable
from frontend.citizen.views import Tick, WishForm
from frontend.citizen.words import Words

NEARS_KM = (2, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Wishes:
    """`near`: the id of an office; nobody is asked where they are."""

    at: TimeOfDay | None = None
    step_free: bool = False
    near: int | None = None
    within_km: int = 5

    @property
    def times(self) -> TimesOfDay:
        return frozenset({self.at}) if self.at else ANY_TIME

    def pairs(self) -> tuple[tuple[str, str], ...]:
        at = (("at", self.at.value),) if self.at else ()
        step_free = (("step_free", "1"),) if self.step_free else ()
        near = (("near", str(self.near)), ("within_km", str(self.within_km))) if self.near is not None else ()
        return (*at, *step_free, *near)

    def suitable(self, offices: Iterable[Office]) -> frozenset[int]:
        """Of these offices; a centre that is none of them is no wish."""
        known = {office.id: office for office in offices}
        centre = known.get(self.near) if self.near is not None else None
        reach = Reach(point_of(centre), self.within_km) if centre else None
        return suitable(known.values(), step_free=self.step_free, reach=reach)


NO_WISHES = Wishes()


def wishes_in(fields: Mapping[str, str]) -> Wishes:
    """What is none is no wish: this is a filter, not an order."""
    at, near, km = (fields.get(name, "") for name in ("at", "near", "within_km"))
    return Wishes(
        TimeOfDay(at) if at in list(TimeOfDay) else None,
        fields.get("step_free") == "1",
        int(near) if near.isascii() and near.isdigit() and len(near) < 10 else None,
        int(km) if km in map(str, NEARS_KM) else 5,
    )


def wish_form(
    words: Words,
    wishes: Wishes,
    channel: Channel,
    offices: Iterable[Office],
    hidden: tuple[tuple[str, str], ...],
    clear_url: str,
) -> WishForm:
    """Where several offices are to choose from, also which; one has nothing to be filtered but its hours."""
    places = sorted(offices, key=lambda office: words.pick(office.name)) if channel is Channel.ONSITE else []
    named = {
        TimeOfDay.MORNING: words._("in the morning, before 12"),
        TimeOfDay.AFTERNOON: words._("in the afternoon, 12 to 16"),
        TimeOfDay.AFTER_WORK: words._("after work, from 16 on"),
    }
    return WishForm(
        action=f"/{words.language}/times",
        hidden=hidden,
        clear_url=clear_url if wishes.pairs() else "",
        at=tuple(Tick(value=one.value, label=named[one], is_chosen=one is wishes.at) for one in TimeOfDay),
        asks_where=len(places) > 1,
        is_step_free=wishes.step_free,
        near=tuple(
            Tick(value=str(one.id), label=words.pick(one.name), is_chosen=one.id == wishes.near) for one in places
        ),
        km=tuple(
            Tick(value=str(km), label=words._("{km} km", km=km), is_chosen=km == wishes.within_km) for km in NEARS_KM
        ),
    )

"""The first two pages: find a service; see what it costs and needs, choose how and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from uuid import UUID

from base.money import Money
from booking.availability.endpoints import MOST_OTHERS
from booking.availability.model import Item, Slot, Visit
from booking.catalogue.model import Channel, Fee, Office, Service, ServiceDetail, ServiceHit
from frontend.citizen.choosing import Wanted, chosen_services, instead_pair, replaced_pair, visit_pairs
from frontend.citizen.frame import SERVICE, frame
from frontend.citizen.views import ChannelChoice, OfficeChoice, Row, ServiceCard, ServicePage, StartPage, Tick
from frontend.citizen.wishes import NO_WISHES, Wishes
from frontend.citizen.words import Words

BEST = 8


def start_page(words: Words, q: str, hits: Sequence[ServiceHit], *, shows_all: bool = False) -> StartPage:
    """The best hits first: one everyday word finds thirty services, and nearly everybody means one of the first."""
    is_cut = bool(q) and not shows_all and len(hits) > BEST
    if not q:
        title, heading = words._("Book an appointment"), words._("Often needed")
    elif hits:
        title = words._("Search: {q}", q=q)
        heading = words.ngettext("{n} service found", "{n} services found", len(hits))
    else:
        title = heading = words._("Nothing found for “{q}”", q=q)
    query = (("q", q), *((("all", "1"),) if shows_all else ())) if q else ()
    return StartPage(
        frame=frame(words, title, "/", query=query),
        q=q,
        heading=heading,
        cards=tuple(_card(words, hit) for hit in (hits[:BEST] if is_cut else hits)),
        all_url=f"/{words.language}/?{urlencode({'q': q, 'all': 1})}#hit-{BEST + 1}" if is_cut else "",
    )


def add_page(
    words: Words,
    q: str,
    hits: Sequence[ServiceHit],
    wanted: Wanted,
    have: Sequence[ServiceDetail],
    *,
    shows_all: bool = False,
) -> StartPage:
    """The same for another service that goes with what was chosen."""
    chosen = {item.service_id for item in wanted.items}
    fitting = [hit for hit in hits if wanted.channel in hit.service.channels and hit.service.id not in chosen]
    found = start_page(words, q, fitting, shows_all=shows_all)
    hidden, query = wanted.pairs(), (*wanted.pairs(), *((("q", q),) if q else ()))
    offices = (("office", str(office)) for office in wanted.office_ids)
    before = urlencode(
        [
            ("channel", wanted.channel.value),
            *(("before", str(item)) for item in wanted.items),
            *offices,
            *instead_pair(wanted.instead),
            *wanted.wishes.pairs(),
        ]
    )
    times_url = f"/{words.language}/times?{wanted.query()}"
    return replace(
        found,
        frame=frame(words, words._("Add another service"), "/", query=query),
        cards=tuple(replace(card, url=f"{card.url}?{before}") for card in found.cards),
        all_url=f"/{words.language}/?{urlencode([*query, ('all', '1')])}#hit-{BEST + 1}" if found.all_url else "",
        hidden=hidden,
        chosen=chosen_services(words, wanted.items, have),
        without_url=times_url,
    )


def _card(words: Words, hit: ServiceHit) -> ServiceCard:
    service = hit.service
    facts = [words.channel(channel) for channel in service.channels] or [words._("Not bookable online yet")]
    if service.duration_min:
        facts.insert(0, words.minutes(service.duration_min))
    if hit.fee is not None:
        facts.insert(0, words.fee(hit.fee.amount))
    return ServiceCard(
        name=words.pick(service.name),
        url=f"/{words.language}/services/{service.id}",
        summary=words.pick(service.summary),
        facts=tuple(facts),
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader has chosen beside the service itself. `before`: other services of the visit; `instead`, `moves`: see Wanted."""

    channel: Channel | None
    offices: frozenset[int] = frozenset()
    quantity: int = 1
    before: tuple[tuple[Item, Service], ...] = ()
    instead: UUID | None = None
    moves: UUID | None = None
    wishes: Wishes = NO_WISHES


@dataclass(frozen=True, slots=True)
class Place:
    """Where it can be had, how long it takes there, and when it is free first on this channel."""

    office: Office
    minutes: int
    next_free: Slot | None


def service_page(
    words: Words, detail: ServiceDetail, choice: Choice, places: Sequence[Place], *, asks_first: bool = False
) -> ServicePage:
    """`places`: where all of it can be had. `asks_first`: whose times can be shown is asked on the next page, so none are known here."""
    service, language, channel = detail.service, words.language, choice.channel
    name, path = words.pick(service.name), f"/services/{service.id}"
    wishes = choice.wishes.pairs()
    kept = (*replaced_pair(choice.instead, choice.moves), *wishes)
    items = tuple(("before", str(item)) for item, _ in choice.before)
    query = ((("channel", channel.value),) if channel else ()) + items + kept
    ticked = tuple(("office", str(office)) for office in sorted(choice.offices))
    number = visit_pairs(Visit(choice.quantity))
    chooses_number = service.most > 1 and not choice.moves  # what is booked stays what it is
    lengths = {place.minutes for place in places}
    hidden = (("service", str(service.id)), *query, *(() if chooses_number else number))
    return ServicePage(
        frame=frame(words, name, path, query=(*query, *number, *ticked), step=SERVICE, back_url=f"/{language}/"),
        hidden=hidden,
        name=name,
        summary=words.pick(service.summary),
        fee=words.fee(detail.fee.amount if detail.fee else None),
        legal_basis=legal_basis(words, detail.fee),
        duration=_duration(words, service, choice, lengths),
        documents=documents(words, service.documents),
        channels=tuple(
            ChannelChoice(
                name=words.channel(one),
                meaning=words.channel_meaning(one),
                url=f"/{language}{path}?{urlencode([('channel', one.value), *items, *number, *kept])}#channel",
                is_current=one == channel,
            )
            for one in service.channels
        ),
        offices=tuple(
            _office(words, place, place.office.id in choice.offices, len(lengths) > 1)
            for place in sorted(places, key=_soonest)
        ),
        action=f"/{language}/times",
        any_url=f"/{language}/times?{urlencode(hidden)}" if channel and not chooses_number else "",
        has_times=None if asks_first else any(place.next_free for place in places),
        before=tuple(item.named(words.pick(other.name)) for item, other in choice.before),
        alone_url=f"/{language}{path}{f'?{urlencode(wishes)}' if wishes else ''}" if choice.before else "",
        counted=words.pick(service.counted) or words._("How many?"),
        numbers=tuple(
            Tick(value=str(n), label=str(n), is_chosen=n == choice.quantity) for n in range(1, service.most + 1)
        )
        if chooses_number
        else (),
        add_action="" if choice.moves or len(choice.before) >= MOST_OTHERS else f"/{language}/",
        reductions=_reductions(words, detail),
    )


def _reductions(words: Words, detail: ServiceDetail) -> tuple[Row, ...]:
    currency = detail.fee.currency if detail.fee else "EUR"
    return tuple(
        Row(
            label=words.pick(one.name),
            value=words.fee(Money(cents, currency)),
            lines=(words._("Please bring: {proof}", proof=words.pick(one.proof)),),
        )
        for one, cents in detail.reduced
    )


def _duration(words: Words, service: Service, choice: Choice, lengths: Set[int]) -> str:
    """Of the service alone, once. Where every office has the same rule of its own, that is it."""
    is_alone = not choice.before and choice.quantity == 1
    minutes = next(iter(lengths)) if is_alone and len(lengths) == 1 else service.duration_min
    return words.minutes(minutes) if minutes else ""


def _soonest(place: Place) -> tuple[bool, float, int]:
    slot = place.next_free
    return slot is None, slot.starts_at.timestamp() if slot else 0.0, place.office.id


def _office(words: Words, place: Place, is_chosen: bool, says_minutes: bool) -> OfficeChoice:
    office, slot = place.office, place.next_free
    return OfficeChoice(
        id=office.id,
        name=words.pick(office.name),
        address=words.address(office),
        step_free=words.step_free(office),
        duration=words.minutes(place.minutes) if says_minutes else "",
        next_free=words.near(slot.starts_at, office.time_zone) if slot else "",
        is_chosen=is_chosen,
    )


def legal_basis(words: Words, fee: Fee | None) -> str:
    basis = words.pick(fee.legal_basis) if fee else ""
    return words._("Legal basis: {basis}", basis=basis) if basis else ""


def documents(words: Words, *of_services: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Each once, in the reader's language, else in German: the list must not vanish because nobody translated it."""
    found = (one for of_service in of_services for one in of_service.get(words.language) or of_service.get("de") or ())
    return tuple(dict.fromkeys(found))

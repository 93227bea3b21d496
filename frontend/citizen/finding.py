"""The first two pages: find a service; see what it costs and needs, choose how and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode
from uuid import UUID

from booking.availability.model import Slot
from booking.catalogue.model import Channel, Fee, Office, ServiceDetail, ServiceHit
from frontend.citizen.choosing import replaced_pair
from frontend.citizen.frame import SERVICE, frame
from frontend.citizen.views import ChannelChoice, OfficeChoice, ServiceCard, ServicePage, StartPage
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


def service_page(
    words: Words,
    detail: ServiceDetail,
    channel: Channel | None,
    chosen: frozenset[int],
    next_free: Mapping[int, Slot],
    instead: UUID | None = None,
    moves: UUID | None = None,
) -> ServicePage:
    """`next_free`: office -> its first free time on this channel. `instead`, `moves`: see Wanted."""
    service, language = detail.service, words.language
    name, path = words.pick(service.name), f"/services/{service.id}"
    offices = detail.offices.get(channel, ()) if channel else ()
    replaced = replaced_pair(instead, moves)
    query = ((("channel", channel.value),) if channel else ()) + replaced
    ticked = tuple(("office", str(office)) for office in sorted(chosen))
    hidden = (("service", str(service.id)), *query)
    return ServicePage(
        frame=frame(words, name, path, query=(*query, *ticked), step=SERVICE, back_url=f"/{language}/"),
        hidden=hidden,
        name=name,
        summary=words.pick(service.summary),
        fee=words.fee(detail.fee.amount if detail.fee else None),
        legal_basis=legal_basis(words, detail.fee),
        duration=words.minutes(service.duration_min) if service.duration_min else "",
        documents=documents(words, service.documents),
        channels=tuple(
            ChannelChoice(
                name=words.channel(one),
                meaning=words.channel_meaning(one),
                url=f"/{language}{path}?{urlencode([('channel', one.value), *replaced])}#channel",
                is_current=one == channel,
            )
            for one in service.channels
        ),
        offices=tuple(
            _office(words, office, office.id in chosen, next_free.get(office.id))
            for office in sorted(offices, key=lambda office: _soonest(office, next_free))
        ),
        action=f"/{language}/times",
        any_url=f"/{language}/times?{urlencode(hidden)}" if channel else "",
        has_times=bool(next_free),
    )


def _soonest(office: Office, next_free: Mapping[int, Slot]) -> tuple[bool, float, int]:
    slot = next_free.get(office.id)
    return slot is None, slot.starts_at.timestamp() if slot else 0.0, office.id


def _office(words: Words, office: Office, is_chosen: bool, slot: Slot | None) -> OfficeChoice:
    return OfficeChoice(
        id=office.id,
        name=words.pick(office.name),
        address=words.address(office),
        step_free=words.step_free(office),
        next_free=words.near(slot.starts_at, office.time_zone) if slot else "",
        is_chosen=is_chosen,
    )


def legal_basis(words: Words, fee: Fee | None) -> str:
    basis = words.pick(fee.legal_basis) if fee else ""
    return words._("Legal basis: {basis}", basis=basis) if basis else ""


def documents(words: Words, of_service: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """In the reader's language, else in German: the list must not vanish because nobody translated it."""
    return of_service.get(words.language) or of_service.get("de") or ()

"""Whatever lines there are: no road takes anybody to a counter that serves others, and everybody may stay where they are."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from booking.availability.model import ANYBODY, Offer, OfficeOffer, Team, Who
from booking.availability.responsible import Served
from booking.catalogue.responsibility import Lines

COUNTERS = range(1, 7)
letters = st.sampled_from("abcdefgh")
lines = st.builds(
    lambda pair, codes, kind: Lines(min(pair), max(pair), frozenset(codes), kind),
    st.tuples(letters, letters),
    st.sets(st.sampled_from(["70173", "70174"]), max_size=2),
    st.sampled_from(["", "study"]),
)
whos = st.builds(Who, letters, st.sampled_from(["", "70173", "70174"]), st.sampled_from(["", "study", "work"]))


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    """Two offices, each counter with up to two lines."""
    found = {}
    for office_id, counters in ((1, COUNTERS[:3]), (2, COUNTERS[3:])):
        teams = [Team(counter, line) for counter in counters for line in draw(st.lists(lines, max_size=2))]
        found[office_id] = OfficeOffer(office_id, "Europe/Berlin", tuple(counters), teams=tuple(teams))
    asks = ("letters", "postcode", "kind") if any(office.teams for office in found.values()) else ()
    return Offer(1, "onsite", 20, found, asks=asks)


def lines_of(offer: Offer, counter_id: int) -> list[Lines]:
    return [team.covers for office in offer.offices.values() for team in office.teams if team.counter_id == counter_id]


def covered(own: list[Lines], who: Who) -> bool:
    return not own or any(line.covers(who.letters, who.postcode, who.kind) for line in own)


@given(offers(), whos, st.sampled_from(COUNTERS))
def test_who_has_said_it_comes_only_to_counters_that_cover_it(offer: Offer, who: Who, booked: int) -> None:
    """Also those whom staff have booked elsewhere; and as for a first booking."""
    left = Served(who, (booked,)).at_responsible(offer)
    serving = {counter for office in left.offices.values() for counter in office.counters}
    assert serving == {counter for counter in COUNTERS if covered(lines_of(offer, counter), who)}
    first = {ident: cut for ident, office in offer.offices.items() if (cut := office.for_whom(who)) is not None}
    assert serving == {counter for office in first.values() for counter in office.counters}


@given(offers(), whos, st.sampled_from(COUNTERS))
def test_who_has_said_nothing_stays_with_the_team(offer: Offer, who: Who, booked: int) -> None:
    """Whoever it is: if they are right where they are, they are right wherever they may go; and they may stay."""
    them = Served(ANYBODY, (booked,))
    assert them.may_be_served(offer, booked)
    assume(lines_of(offer, booked) and covered(lines_of(offer, booked), who))
    for counter in COUNTERS:
        if them.may_be_served(offer, counter):
            assert covered(lines_of(offer, counter), who)

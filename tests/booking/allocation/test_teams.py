"""Runs of a service with teams: nobody gets a time at a counter that serves others, and everybody can check that."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.i18n import Translations
from booking.allocation.canonical import list_bytes, parse_list, parse_result, result_bytes
from booking.allocation.model import ClosedList, Listed
from booking.allocation.ranking import rank
from booking.allocation.teams import checked, numbered, serving
from booking.allocation.verifying import verify
from booking.appointments.contact import Contact
from booking.availability.model import ANYBODY, Who
from booking.availability.offering import NobodyResponsible, WhoNeeded
from booking.catalogue.responsibility import Lines
from tests.booking.allocation.making import lists, seeds
from tests.booking.allocation.world import SEED, NeedWorld

FIRST, LAST = frozenset({Lines("a", "k")}), frozenset({Lines("l", "z")})
TEAMS = {1: FIRST, 2: LAST, 3: LAST}
NUMBERS = ("1", "2")


def test_what_is_asked_and_who_may_serve() -> None:
    assert numbered(TEAMS) == {FIRST: "1", LAST: "2"}
    assert (serving(TEAMS, Who("mei")), serving(TEAMS, Who("adl")), serving(TEAMS, ANYBODY)) == (
        ("2",),
        ("1",),
        NUMBERS,
    )
    assert checked(TEAMS, Who("mei", "70173", "study")) == Who("mei")  # nobody asks the rest, so nobody keeps it
    with pytest.raises(WhoNeeded):
        checked(TEAMS, Who("", "70173"))
    with pytest.raises(NobodyResponsible):
        checked({1: FIRST}, Who("mei"))
    assert checked({1: FIRST, 4: frozenset()}, Who("mei")) == Who("mei")  # one serves everybody
    assert checked({1: frozenset()}, Who("mei")) == ANYBODY


@given(lists, seeds, st.data())
def test_no_time_of_another_team_and_the_files_say_so(closed: ClosedList, seed: str, data: st.DataObject) -> None:
    slots = tuple(replace(one, team=data.draw(st.sampled_from(("", *NUMBERS)))) for one in closed.slots)
    requests = tuple(
        replace(one, teams=data.draw(st.sampled_from((("1",), ("2",), NUMBERS)))) for one in closed.requests
    )
    closed = ClosedList(closed.terms, slots, requests)
    assert parse_list(list_bytes(closed)) == closed
    team_of, teams_of = {one.id: one.team for one in slots}, {one.id: one.teams for one in requests}
    result = rank(closed, seed)
    for place in result.places:
        assert place.slot is None or team_of[place.slot] in ("", *teams_of[place.id])
    assert result_bytes(rank(parse_list(list_bytes(closed)), seed)) == result_bytes(result)


async def with_teams(world: NeedWorld) -> None:
    async with world.db.connection() as conn:
        for counter, first, last in zip(world.city.counters, "al", "kz", strict=True):
            sql = "INSERT INTO responsibility (service_id, counter_id, first, last) VALUES ($1, $2, $3, $4)"
            await conn.execute(sql, world.city.service_id, counter, first, last)


async def take_part(world: NeedWorld, name: str, who: Who) -> UUID:
    contact = Contact(name=name, email=f"{name.lower()}@example.org", language="de")
    ident = await world.allocation.ask(world.asked(contact, who=who), uuid4())
    await world.allocation.verify(ident)
    await world.allocation.confirm(ident, None, "Document seen", world.clerk)
    return ident


async def test_a_run_gives_each_a_time_of_their_team(world: NeedWorld) -> None:
    await with_teams(world)
    with pytest.raises(WhoNeeded):
        await take_part(world, "Nobody", ANYBODY)
    asked = {
        name: await take_part(world, name, Who(name.lower()[:3]))
        for name in ("Meier", "Müller", "Adler", "Berg", "Ott")
    }
    run = await world.ranked(4)
    await world.runs.release(run, world.clerk)
    placed = {}
    for name, ident in asked.items():
        row = await world.allocation.find(ident)
        if row.appointment_id is not None:
            placed[name] = row.appointment_id
            assert (await world.appointments.case(row.appointment_id)).who == Who(name.lower()[:3])
    async with world.db.connection() as conn:
        for name, case in placed.items():
            counter = await conn.fetchval("SELECT counter_id FROM claim WHERE appointment_id = $1", case)
            assert counter == world.city.counters[name > "L"], name
    assert len(placed) == 4  # two of each team's times
    listed, result = await world.files(run)
    [left] = set(asked) - set(placed)
    left_id = (await world.allocation.find(asked[left])).public_id
    verdict = verify(Translations.load(), "de", listed, result, seed=SEED, request_id=left_id)
    assert verdict.is_right


async def test_who_is_left_over_reads_that_another_team_is_responsible(world: NeedWorld) -> None:
    await with_teams(world)
    for name in ("Meier", "Ott"):
        await take_part(world, name, Who(name.lower()[:3]))
    run = await world.ranked(2)  # one time of each team, at the same moment
    row = await world.runs.run(run)
    _listed, result = await world.files(run)
    [last] = [place for place in parse_result(result).places if place.slot is None]
    assert "ein anderes Team ist zuständig" in (await world.runs.explain(row, last.id, "de"))[-1]


async def test_who_asked_before_there_were_lines_may_get_any_time(world: NeedWorld) -> None:
    ident = await world.take_part("Zoe Ziegler")
    await with_teams(world)
    run = await world.ranked(1)
    listed, _result = await world.files(run)
    assert parse_list(listed).requests == (
        Listed(
            id=(await world.allocation.find(ident)).public_id,
            deadline_class=4,
            waited_days=0,
            offices=(),
            windows=(),
            teams=NUMBERS,
        ),
    )

"""A change of hours: who is in its way is known before, it is in force with its commit, and the history tells of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from base.clock import SettableClock
from base.db import Database
from base.errors import NotFound
from base.i18n import Translations
from booking.catalogue.changes import (
    BreakOutside,
    Change,
    ClosureChange,
    DayOver,
    Entry,
    ExceptionChange,
    HoursInTheWay,
    HoursMoved,
    NotOfThisOffice,
    RuleChange,
    SeriesChange,
    SeriesImpossible,
    SeriesMeet,
    SeriesNever,
    SeriesTwoRhythms,
    SeriesUncounted,
    ServiceTooLong,
    SharesDiffer,
    Terms,
    TimesImpossible,
)
from booking.catalogue.history_words import HistoryWords
from booking.catalogue.hours import Rule
from booking.catalogue.hours_changes import HoursChanges
from booking.catalogue.shares import Plan, ReleasePart
from booking.catalogue.usecases import Catalogue
from tests.booking.catalogue.folders import folder
from tests.booking.catalogue.test_import import book, open_times
from tests.booking.holds.world import SEALER

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
THURSDAY = datetime(2026, 11, 25, 23, tzinfo=UTC)  # midnight in Stuttgart
MORNINGS = tuple(Rule(weekday, time(8), time(12)) for weekday in range(1, 6))
OFFICE, DESK_1, DESK_2, VIDEO = 1, 1, 2, 3
AUSWEIS, BERATUNG = 1, 2


@pytest.fixture
async def hours(db: Database, clock: SettableClock, tmp_path: Path) -> HoursChanges:
    """Two desks and a video lane; Thursdays until six."""
    clock.set(MONDAY)
    await Catalogue(db, clock, horizon_days=14).import_folder(folder(tmp_path / "mini"))
    async with db.connection() as conn:
        await conn.execute("INSERT INTO account (login, name, password_hash) VALUES ('alex', 'Alex A', '$argon2id$x')")
    return HoursChanges(db, clock, draw=SEALER.draw, horizon_days=14)


async def version(db: Database) -> int:
    async with db.connection() as conn:
        found: int = await conn.fetchval("SELECT version FROM city")
    return found


async def opened(db: Database, day: datetime, counter: str = "rathaus/desk-1") -> list[tuple[str, str]]:
    spans = await open_times(db, counter, day, 1)
    return [tuple(f"{t + timedelta(hours=1):%H:%M}" for t in span) for span in spans]  # type: ignore[misc]


class TestSaving:
    async def test_series_are_in_force_with_the_commit(self, hours: HoursChanges, db: Database) -> None:
        before = await version(db)
        done = await hours.save(OFFICE, SeriesChange((DESK_1,), MORNINGS), by=1)
        assert done.affected == ()
        assert await opened(db, THURSDAY) == [("08:00", "12:00")]
        assert await opened(db, THURSDAY, "rathaus/desk-2") == [("08:00", "12:00"), ("14:00", "18:00")]
        assert await version(db) == before + 1

    async def test_the_same_again_is_no_change(self, hours: HoursChanges, db: Database) -> None:
        change = SeriesChange((DESK_1,), MORNINGS)
        await hours.save(OFFICE, change, by=1)
        again = await hours.save(OFFICE, change, by=1)
        assert again.before == again.after
        assert len(await hours.history(OFFICE)) == 1

    async def test_every_second_thursday_with_a_break(self, hours: HoursChanges, db: Database) -> None:
        long = Rule(4, time(8), time(16), date(2026, 11, 24), None, 2)
        rest = Rule(4, time(10), time(10, 30), is_break=True)
        await hours.save(OFFICE, SeriesChange((DESK_1,), (long, rest)), by=1)
        assert await opened(db, THURSDAY) == [("08:00", "10:00"), ("10:30", "16:00")]
        assert await opened(db, THURSDAY + timedelta(days=7)) == []

    async def test_an_exception_of_the_office_and_of_a_counter(self, hours: HoursChanges, db: Database) -> None:
        day = date(2026, 11, 26)
        await hours.save(OFFICE, ExceptionChange(day, None, (), "Betriebsversammlung"), by=1)
        await hours.save(OFFICE, ExceptionChange(day, DESK_1, ((time(9), time(10)),), "Notdienst"), by=1)
        assert await opened(db, THURSDAY) == [("09:00", "10:00")]
        assert await opened(db, THURSDAY, "rathaus/desk-2") == []
        await hours.save(OFFICE, ExceptionChange(day, None, None), by=1)
        await hours.save(OFFICE, ExceptionChange(day, DESK_1, None), by=1)
        assert await opened(db, THURSDAY) == [("08:00", "12:00"), ("14:00", "18:00")]

    async def test_a_closure_and_back(self, hours: HoursChanges, db: Database) -> None:
        span = THURSDAY + timedelta(hours=9), THURSDAY + timedelta(hours=15)
        await hours.save(OFFICE, ClosureChange(None, *span, "Wasserschaden"), by=1)
        assert await opened(db, THURSDAY) == [("08:00", "09:00"), ("15:00", "18:00")]
        await hours.save(OFFICE, ClosureChange(None, *span, is_lifted=True), by=1)
        assert await opened(db, THURSDAY) == [("08:00", "12:00"), ("14:00", "18:00")]

    async def test_shares_of_all_services_of_the_counters(self, hours: HoursChanges, db: Database) -> None:
        terms = Terms(plan=Plan(0, 50, 50))
        await hours.save(OFFICE, RuleChange({AUSWEIS: terms, BERATUNG: terms}), by=1)
        assert await opened(db, THURSDAY) == []
        async with db.connection() as conn:
            kinds = await conn.fetch("SELECT DISTINCT kind FROM claim WHERE status = 5 AND kind > 1 ORDER BY 1")
        assert [row["kind"] for row in kinds] == [6, 7]
        await hours.save(OFFICE, RuleChange({AUSWEIS: None, BERATUNG: None}), by=1)
        assert await opened(db, THURSDAY) == [("08:00", "12:00"), ("14:00", "18:00")]


class TestInTheWay:
    async def test_who_is_affected_is_known_before(self, hours: HoursChanges, db: Database) -> None:
        start = THURSDAY + timedelta(hours=15)
        assert await book(db, "rathaus/desk-1", start)
        assert await book(db, "rathaus/desk-2", start)
        change = SeriesChange((DESK_1, VIDEO), MORNINGS)
        before = await version(db)
        preview = await hours.preview(OFFICE, change)
        assert [(one.counter_id, one.starts_at, one.appointment_id) for one in preview.affected] == [
            (DESK_1, start, None)
        ]
        assert await version(db) == before
        with pytest.raises(HoursInTheWay) as caught:
            await hours.save(OFFICE, change, by=1)
        assert caught.value.affected == preview.affected
        assert await opened(db, THURSDAY) == [("08:00", "12:00"), ("14:00", "18:00")]
        assert await hours.history(OFFICE) == []

    async def test_a_preview_leaves_nothing_behind(self, hours: HoursChanges, db: Database) -> None:
        as_it_was = await hours.hours(OFFICE)
        preview = await hours.preview(OFFICE, SeriesChange((DESK_1,), MORNINGS))
        assert preview.before != preview.after
        assert await hours.hours(OFFICE) == as_it_was
        assert len(await opened(db, THURSDAY)) == 2

    async def test_who_was_served_this_morning_is_in_nobodys_way(
        self, hours: HoursChanges, db: Database, clock: SettableClock
    ) -> None:
        assert await book(db, "rathaus/desk-1", THURSDAY + timedelta(hours=9))
        clock.set(THURSDAY + timedelta(hours=10, minutes=2))
        afternoon = SeriesChange((DESK_1,), (Rule(4, time(14), time(18)),))
        await hours.save(OFFICE, afternoon, by=1)
        assert await opened(db, THURSDAY + timedelta(hours=10, minutes=5)) == [("14:00", "18:00")]

    async def test_shares_are_in_nobodys_way(self, hours: HoursChanges, db: Database) -> None:
        assert await book(db, "rathaus/desk-1", THURSDAY + timedelta(hours=15))
        terms = Terms(plan=Plan(0, 0, 100))
        await hours.save(OFFICE, RuleChange({AUSWEIS: terms, BERATUNG: terms}), by=1)
        async with db.connection() as conn:
            assert await conn.fetchval("SELECT count(*) FROM claim_audit") == 0

    async def test_holds_and_changes_meet(self, hours: HoursChanges, db: Database) -> None:
        """Whoever commits first is right: the hold is in the way, or finds the door closed. Never both."""
        closed = SeriesChange((DESK_1,), MORNINGS)
        whole = SeriesChange((DESK_1,), (*MORNINGS, Rule(4, time(14), time(18))))
        outcomes = set()
        for attempt in range(12):
            start = THURSDAY + timedelta(hours=14, minutes=15 * attempt)
            saved, booked = await asyncio.gather(
                hours.save(OFFICE, closed, by=1), book(db, "rathaus/desk-1", start), return_exceptions=True
            )
            is_saved = not isinstance(saved, HoursInTheWay)
            assert isinstance(booked, list)
            assert is_saved is not bool(booked)
            outcomes.add(is_saved)
            async with db.connection() as conn:
                assert await conn.fetchval("SELECT count(*) FROM claim_audit") == 0
                await conn.execute("UPDATE claim SET status = 9, hold_until = NULL WHERE kind = 0 AND status = 1")
            await hours.save(OFFICE, whole, by=1)
        assert outcomes

    async def test_many_changes_at_once_come_one_after_the_other(self, hours: HoursChanges, db: Database) -> None:
        days = [date(2026, 12, day) for day in range(1, 5)]
        changes = [ExceptionChange(day, None, (), "x") for day in days]
        await asyncio.gather(*(hours.save(OFFICE, change, by=1) for change in changes))
        assert len(await hours.history(OFFICE)) == 4
        assert [one["day"] for one in (await hours.hours(OFFICE)).exceptions] == [day.isoformat() for day in days]


class TestImpossible:
    @pytest.mark.parametrize(
        ("rules", "error", "fields"),
        [
            (
                (*MORNINGS, Rule(1, time(11), time(13), date(2027, 1, 5))),
                SeriesMeet,
                {"first": "mo 08:00–12:00", "second": "mo 11:00–13:00 2027-01-05…", "day": "2027-01-11"},
            ),
            (
                (Rule(1, time(8), time(12), week_of_month=5), Rule(1, time(11), time(13), date(2026, 12, 1), None, 3)),
                SeriesMeet,
                {"first": "mo 08:00–12:00 #5", "second": "mo 11:00–13:00 1/3 2026-12-01…", "day": "2027-08-30"},
            ),
            ((*MORNINGS, Rule(6, time(9), time(10), is_break=True)), BreakOutside, {"series": "sa 09:00–10:00"}),
            ((Rule(1, time(12), time(12)),), SeriesImpossible, {"series": "mo 12:00–12:00"}),
            ((Rule(1, time(22), time(2)),), SeriesImpossible, {"series": "mo 22:00–02:00"}),
            ((Rule(1, time(8), time(9), every_weeks=2),), SeriesUncounted, {"series": "mo 08:00–09:00 1/2"}),
            (
                (Rule(2, time(8), time(9), date(2026, 12, 1), None, 2, 1),),
                SeriesTwoRhythms,
                {"series": "tu 08:00–09:00 1/2 #1 2026-12-01…"},
            ),
            (
                (Rule(1, time(8), time(9), date(2026, 12, 1), date(2026, 12, 4)),),
                SeriesNever,
                {"series": "mo 08:00–09:00 2026-12-01…2026-12-04"},
            ),
            ((Rule(1, time(8), time(8, 10)),), ServiceTooLong, {"service": "ausweis", "minutes": 15, "longest": 10}),
        ],
    )
    async def test_series(
        self, hours: HoursChanges, rules: tuple[Rule, ...], error: type[Exception], fields: dict[str, Any]
    ) -> None:
        as_it_was = await hours.hours(OFFICE)
        change = SeriesChange((DESK_1, DESK_2), rules)
        with pytest.raises(error) as caught:
            await hours.preview(OFFICE, change)
        assert caught.value.fields == fields  # type: ignore[attr-defined]
        with pytest.raises(error):
            await hours.save(OFFICE, change, by=1)
        assert await hours.hours(OFFICE) == as_it_was

    async def test_a_buffer_may_be_too_much_too(self, hours: HoursChanges) -> None:
        with pytest.raises(ServiceTooLong):
            await hours.save(OFFICE, RuleChange({AUSWEIS: Terms(duration_min=240, buffer_min=5)}), by=1)
        await hours.save(OFFICE, RuleChange({AUSWEIS: Terms(duration_min=240)}), by=1)

    async def test_services_of_one_counter_share_alike(self, hours: HoursChanges) -> None:
        with pytest.raises(SharesDiffer) as caught:
            await hours.save(OFFICE, RuleChange({AUSWEIS: Terms(plan=Plan(80, 20, 0))}), by=1)
        assert caught.value.fields["counter"] == "rathaus/desk-1"
        assert {caught.value.fields["first"], caught.value.fields["second"]} == {"ausweis", "beratung"}

    @pytest.mark.parametrize(
        "change",
        [
            ExceptionChange(date(2026, 12, 1), None, ((time(9), time(11)), (time(10), time(12))), "x"),
            ExceptionChange(date(2026, 12, 1), None, ((time(9), time(9)),), "x"),
            ClosureChange(None, THURSDAY, THURSDAY, "x"),
        ],
    )
    async def test_times(self, hours: HoursChanges, change: Change) -> None:
        with pytest.raises(TimesImpossible):
            await hours.save(OFFICE, change, by=1)

    @pytest.mark.parametrize(
        "change",
        [
            ExceptionChange(date(2025, 12, 8), None, (), "x"),
            ClosureChange(None, THURSDAY - timedelta(days=366), THURSDAY - timedelta(days=365), "x"),
        ],
    )
    async def test_what_is_over(self, hours: HoursChanges, change: Change) -> None:
        with pytest.raises(DayOver):
            await hours.save(OFFICE, change, by=1)

    async def test_two_who_change_the_same_at_once(self, hours: HoursChanges) -> None:
        longer, shorter = (SeriesChange((DESK_1,), (*MORNINGS, Rule(6, time(9), time(until)))) for until in (12, 11))
        seen = (await hours.preview(OFFICE, longer)).seen
        assert seen == (await hours.preview(OFFICE, shorter)).seen
        await hours.save(OFFICE, longer, by=1, seen=seen)
        await hours.save(OFFICE, longer, by=1, seen=seen)  # said twice is said once
        with pytest.raises(HoursMoved):
            await hours.save(OFFICE, shorter, by=1, seen=seen)
        assert len(await hours.history(OFFICE)) == 1
        await hours.save(OFFICE, shorter, by=1, seen=(await hours.preview(OFFICE, shorter)).seen)

    async def test_of_another_office_or_none(self, hours: HoursChanges) -> None:
        for change in (
            SeriesChange((99,), MORNINGS),
            RuleChange({99: Terms()}),
            ExceptionChange(MONDAY.date(), 99, ()),
        ):
            with pytest.raises(NotOfThisOffice):
                await hours.save(OFFICE, change, by=1)
        with pytest.raises(NotFound):
            await hours.save(99, SeriesChange((DESK_1,), MORNINGS), by=1)


class TestHistory:
    async def sentences(self, hours: HoursChanges, language: str) -> list[str]:
        words = HistoryWords(
            Translations.load(),
            language,
            "Europe/Berlin",
            {DESK_1: {"de": "Schalter 1"}, DESK_2: {"de": "Schalter 2"}},
            {AUSWEIS: {"de": "Personalausweis", "en": "Identity card"}, BERATUNG: {"de": "Beratung"}},
        )
        return [words.sentence(one) for one in reversed(await hours.history(OFFICE))]

    def test_of_many_the_first_are_named(self) -> None:
        many = {n: {"de": f"Leistung {n}"} for n in range(1, 11)}
        words = HistoryWords(Translations.load(), "de", "Europe/Berlin", {}, many)
        terms = {str(n): {"duration_min": 20} for n in many}
        entry = Entry(id=0, at=THURSDAY, by="", kind="rule", subject={"services": list(many)}, before={}, after=terms)
        assert "Leistung 7 und 3 weitere: Dauer 20 Minuten" in words.sentence(entry)

    async def test_days_that_are_alike_stand_together(self, hours: HoursChanges) -> None:
        week = [Rule(day, time(8), time(16)) for day in (1, 2, 3, 5)] + [Rule(4, time(8), time(18))]
        pause = [Rule(day, time(12), time(13), is_break=True) for day in (1, 2)]
        await hours.save(OFFICE, SeriesChange((DESK_1,), (*week, *pause)), by=1)
        [german] = await self.sentences(hours, "de")
        assert "Mo.–Mi., Fr. 08:00–16:00; " in german
        assert "Pause Mo.–Di. 12:00–13:00" in german
        assert "Do. 08:00–18:00" in german

    async def test_tells_in_the_readers_language(self, hours: HoursChanges) -> None:
        day, span = date(2026, 12, 24), (THURSDAY + timedelta(hours=9), THURSDAY + timedelta(hours=15))
        plan = Plan(80, 20, 0, (ReleasePart(100, 14, time(8), 30),))
        terms = Terms(duration_min=20, plan=plan)
        for change in (
            SeriesChange((DESK_1,), (Rule(1, time(8), time(12)), Rule(1, time(10), time(10, 30), is_break=True))),
            SeriesChange(
                (DESK_1,),
                (Rule(4, time(8), time(12), date(2026, 12, 1), None, 2), Rule(5, time(8), time(9), week_of_month=-1)),
            ),
            ExceptionChange(day, None, ((time(8), time(10)),), "Heiligabend"),
            ExceptionChange(day, None, (), "Heiligabend"),
            ExceptionChange(day, None, None),
            ClosureChange(DESK_1, *span, "Wasserschaden"),
            ClosureChange(DESK_1, *span, is_lifted=True),
            RuleChange({AUSWEIS: terms, BERATUNG: terms}),
        ):
            await hours.save(OFFICE, change, by=1)
        assert (await hours.history(OFFICE))[0].by == "Alex A"
        english = await self.sentences(hours, "en")
        assert english[1:] == [
            "Hours of Schalter 1: Thu 08:00–12:00 every 2 weeks from 1 Dec 2026; Fri 08:00–09:00, the last of the month only. "
            "Before: Mon 08:00–12:00; break Mon 10:00–10:30.",
            "The whole office, Thursday, 24 December 2026: open 08:00–10:00 (Heiligabend).",
            "The whole office, Thursday, 24 December 2026: closed (Heiligabend). Before: open 08:00–10:00 (Heiligabend).",
            "The whole office, Thursday, 24 December 2026: the ordinary hours hold again. Before: closed (Heiligabend).",
            "Schalter 1 is closed from 26 Nov 2026, 09:00 to 26 Nov 2026, 15:00 (Wasserschaden).",
            "Schalter 1 is no longer closed from 26 Nov 2026, 09:00 to 26 Nov 2026, 15:00.",
            "Rule for Identity card, Beratung: duration 20 min; 80 % for everybody; 20 % for staff; "
            "100 % released 14 days before at 08:00, up to 30 min later. Before: as everywhere.",
        ]
        german = await self.sentences(hours, "de")
        assert german[1].startswith("Öffnungszeiten von Schalter 1: Do. 08:00–12:00")
        assert not any(word in " ".join(german) for word in ("Before", "office", "closed", "Hours", "every"))

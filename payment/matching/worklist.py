"""What people do with a difference: take it over, comment, note it, and settle it by two."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID, uuid5

import asyncpg

from base.clock import Clock
from base.db import Connection, Database, freeze, violates
from base.errors import Conflict, FieldError, Invalid, NotFound
from base.i18n import mark as _
from base.idempotency import KeyReused
from payment.ledger import Entry, JournalKind
from payment.matching import sent_store
from payment.matching import store as matching_store
from payment.matching import worklist_store as store
from payment.matching.balance import balances
from payment.matching.lights import lights
from payment.matching.model import Cause, Choice, Proposal
from payment.matching.settling import NothingToBook, entries_of
from payment.matching.worklist_model import (
    NOTE_LENGTH,
    AtBank,
    AtBankBook,
    DayLights,
    Filter,
    Listed,
    Request,
    State,
    Story,
    Worklist,
)

MOST_SHOWN = 500
_SENT_WITHIN = timedelta(days=31)
UNASSIGNED = "unassigned"  # instead of a choice
# A line, or what tills have sent, that was put to something else meanwhile; a terminal's day that is another sum now.
_PUT_ELSEWHERE = ("bank_match_once", "bank_cleared_drawer_once", "bank_cleared_terminal_once", "bank_cleared_as_sent")
_NAMESPACE = UUID("6f1f0f6e-5f1c-4f5e-9f60-0d7b7e5b3a11")


class NotOpen(Conflict):
    code = "difference_not_open"
    message = _("This difference is not open any more.")


class AlreadyAsked(Conflict):
    code = "settlement_already_asked"
    message = _("Settling this difference is waiting for approval already.")


class NothingIsBooked(Conflict):
    code = "nothing_to_book"
    message = _("There is nothing to book for this difference. It can be noted, or goes by itself.")


class NeedsTwo(Conflict):
    code = "needs_two"
    message = _("This takes two persons: one asks for it and says why, another one approves.")


class OwnSettlement(Conflict):
    code = "own_settlement"
    message = _("Nobody approves what they have asked for. Another person has to do it.")


class SettlementDecided(Conflict):
    code = "settlement_decided"
    message = _("This has been decided already.")


class ChangedMeanwhile(Conflict):
    code = "difference_changed"
    message = _("The difference is another one than when this was asked for. Please reject, and ask anew.")


class Differences:
    """`providers`: by name, those that tell their transactions."""

    def __init__(self, db: Database, clock: Clock, providers: Collection[str]) -> None:
        self._db = db
        self._clock = clock
        self._providers = providers

    async def list(self, wanted: Filter) -> Worklist:
        async with self._db.transaction() as conn:
            await freeze(conn)
            today = await matching_store.today(conn, self._clock())
            rows = await store.listed(conn, wanted, today, MOST_SHOWN + 1)
            return Worklist(
                tuple(rows[:MOST_SHOWN]),
                await store.open_by_cause(conn),
                await store.owners(conn),
                len(rows) > MOST_SHOWN,
            )

    async def get(self, difference_id: int) -> Story:
        """Raises NotFound."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            listed = await _found(conn, difference_id)
            return Story(
                listed=listed,
                notes=tuple(await store.notes(conn, difference_id)),
                requests=tuple(await store.requests(conn, difference_id)),
                lines=tuple(await store.lines(conn, listed)),
                sent=await _sent(conn, listed),
            )

    async def at_bank(self, first: date, last: date) -> AtBankBook:
        """What tills have sent in these days, and the account beside the statements that end in them."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            sent = await sent_store.at_bank(conn, first, last)
            days = balances(await sent_store.stated(conn), await sent_store.unlike(conn))
            return AtBankBook(sent=tuple(sent), balances=tuple(one for one in days if first <= one.day <= last)[::-1])

    async def take(self, difference_id: int, *, by: int) -> None:
        """It is theirs now, whoever had it. Raises NotFound, NotOpen."""
        async with self._db.transaction() as conn:
            listed = await _locked(conn, difference_id)
            if listed.owner != by:
                await store.set_owner(conn, difference_id, by)
                await store.note(conn, difference_id, self._clock(), by, "taken")

    async def leave(self, difference_id: int, *, by: int) -> None:
        """Nobody's again, where it was theirs. Raises NotFound, NotOpen."""
        async with self._db.transaction() as conn:
            listed = await _locked(conn, difference_id)
            if listed.owner == by:
                await store.set_owner(conn, difference_id, None)
                await store.note(conn, difference_id, self._clock(), by, "left")

    async def comment(self, difference_id: int, *, by: int, text: str) -> None:
        """Also of one that is over. Raises NotFound, Invalid."""
        text = _checked(text)
        async with self._db.transaction() as conn:
            await _found(conn, difference_id)
            await store.note(conn, difference_id, self._clock(), by, "comment", text)

    async def explain(self, difference_id: int, *, by: int, text: str) -> None:
        """It is noted why, and nothing is booked. Raises NotFound, NotOpen, NeedsTwo, Invalid."""
        text = _checked(text)
        async with self._db.transaction() as conn:
            listed = await _locked(conn, difference_id)
            if listed.takes_two:
                raise NeedsTwo
            await store.end(conn, difference_id, State.EXPLAINED, self._clock())
            await store.note(conn, difference_id, self._clock(), by, "explained", text)

    async def ask(self, difference_id: int, *, by: int, text: str, key: UUID, choice: str = "") -> Request:
        """For what is proposed to be booked; `choice`: of a line of the bank, which of its choices, or `UNASSIGNED`. The same key again:
        the same request.

        Raises NotFound, NotOpen, NothingIsBooked, AlreadyAsked, Invalid, KeyReused."""
        text, ident = _checked(text), uuid5(_NAMESPACE, f"{difference_id}:{by}:{key}")
        try:
            async with self._db.transaction() as conn:
                await store.lock(conn, difference_id)
                known = await store.find_request(conn, ident)
                if known is not None:
                    if known.note != text or (choice and choice != _name(known)):
                        raise KeyReused
                    return known
                listed = await _locked(conn, difference_id)
                proposal, chosen = _wanted(listed, choice)
                _check_askable(listed, proposal, chosen)
                await store.insert_request(conn, ident, listed, proposal, chosen, text, by, self._clock())
                await store.note(conn, difference_id, self._clock(), by, "asked", text)
                made = await store.find_request(conn, ident)
        except asyncpg.UniqueViolationError as error:
            if violates(error, "difference_request_one_open"):
                raise AlreadyAsked from None
            raise
        assert made is not None
        return made

    async def approve(self, difference_id: int, request_id: UUID, *, by: int) -> None:
        """The journal is posted, if there is one, and the difference is settled. Again by the same person: as it stands.

        Raises NotFound, OwnSettlement, SettlementDecided, NotOpen, ChangedMeanwhile."""
        try:
            async with self._db.transaction() as conn:
                await self._approve(conn, difference_id, request_id, by)
        except asyncpg.IntegrityConstraintViolationError as error:
            if any(violates(error, rule) for rule in _PUT_ELSEWHERE):
                raise ChangedMeanwhile from None
            raise

    async def _approve(self, conn: Connection, difference_id: int, request_id: UUID, by: int) -> None:
        now = self._clock()
        request = await _request(conn, difference_id, request_id)
        if request.decided_at is not None:
            if request.approved and request.decided_by == by:
                return
            raise SettlementDecided
        if request.requested_by == by:
            raise OwnSettlement
        listed = await _locked(conn, difference_id)
        is_as_asked = (listed.here_cents, listed.there_cents) == (request.here_cents, request.there_cents)
        if not is_as_asked or not listed.allows(request.proposal, request.choice):
            raise ChangedMeanwhile
        subject = f"{listed.subject}#{request.id}"
        journal = None
        if listed.posts:
            kind, entries = JournalKind.DIFFERENCE_SETTLED, _entries(listed, request.proposal, request.choice)
            journal = await matching_store.post(conn, kind, subject, now, entries)
        await store.decide(conn, request_id, by, now, approved=True, journal_id=journal)
        if listed.lines and journal is not None:
            await store.put_lines(conn, listed, request_id, journal, now)
        if request.choice is not None and journal is not None:
            await sent_store.clear(conn, journal, request.choice.subjects)
        state = State.WRITTEN_OFF if listed.proposal is Proposal.WRITE_OFF else State.EXPLAINED
        await store.end(conn, difference_id, state, now)
        await store.note(conn, difference_id, now, by, "approved")

    async def reject(self, difference_id: int, request_id: UUID, *, by: int) -> None:
        """Whoever asked may do so too. Raises NotFound, SettlementDecided."""
        async with self._db.transaction() as conn:
            request = await _request(conn, difference_id, request_id)
            if request.decided_at is not None:
                if not request.approved and request.decided_by == by:
                    return
                raise SettlementDecided
            await store.decide(conn, request_id, by, self._clock(), approved=False)
            await store.note(conn, difference_id, self._clock(), by, "rejected")

    async def days(self, first: date, last: date) -> Sequence[DayLights]:
        """The youngest first."""
        async with self._db.transaction() as conn:
            await freeze(conn)
            return await lights(conn, first, last, self._clock(), self._providers)


async def _sent(conn: Connection, listed: Listed) -> Mapping[str, AtBank]:
    if not listed.choices and listed.cause not in (Cause.TILL_LATE, Cause.TILL_NOT_AT_BANK):
        return {}
    found = await sent_store.at_bank(conn, listed.day - _SENT_WITHIN, listed.day + _SENT_WITHIN)
    return {one.subject: one for one in found}


async def _found(conn: Connection, difference_id: int) -> Listed:
    found = await store.find(conn, difference_id)
    if found is None:
        raise NotFound
    return found


async def _locked(conn: Connection, difference_id: int) -> Listed:
    await store.lock(conn, difference_id)
    found = await _found(conn, difference_id)
    if found.state is not State.OPEN:
        raise NotOpen
    return found


async def _request(conn: Connection, difference_id: int, request_id: UUID) -> Request:
    """With its difference locked first, as wherever one is asked for."""
    await store.lock(conn, difference_id)
    found = await store.find_request(conn, request_id)
    if found is None or found.difference_id != difference_id:
        raise NotFound
    return found


def _wanted(listed: Listed, choice: str) -> tuple[Proposal, Choice | None]:
    """Raises Invalid."""
    if not choice and listed.proposal is not Proposal.CLEAR:
        return listed.proposal, None
    if choice == UNASSIGNED and listed.allows(Proposal.KEEP_UNASSIGNED, None):
        return Proposal.KEEP_UNASSIGNED, None
    chosen = next((one for one in listed.choices if one.key == choice), None)
    if chosen is None:
        raise Invalid([FieldError("/choice", "missing", _("Please choose what this line is."))])
    return Proposal.CLEAR, chosen


def _name(request: Request) -> str:
    return UNASSIGNED if request.choice is None else request.choice.key


def _check_askable(listed: Listed, proposal: Proposal, choice: Choice | None) -> None:
    if listed.posts or not listed.takes_two:
        _entries(listed, proposal, choice)


def _entries(listed: Listed, proposal: Proposal, choice: Choice | None) -> Sequence[Entry]:
    try:
        return entries_of(listed.difference, proposal, choice)
    except NothingToBook:
        raise NothingIsBooked from None


def _checked(text: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise Invalid([FieldError("/note", "missing", _("Please say it in a sentence."))])
    if len(text) > NOTE_LENGTH:
        raise Invalid([FieldError("/note", "string_too_long", _("This is too long."))])
    return text

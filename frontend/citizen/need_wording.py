"""Need-based allocation in words, for citizens and for staff alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from shlex import quote

from base.i18n import CITY_ZONE
from booking.allocation.documents_store import DocumentRow
from booking.allocation.model import RequestStatus, RunStatus
from booking.allocation.runs_store import FormerSeed, RunRow
from booking.allocation.store import Marked, RequestRow
from frontend.citizen.need_views import RunLine
from frontend.citizen.views import Row
from frontend.citizen.words import Words


def zone_name(words: Words) -> str:
    return words.city.time_zone if words.city else CITY_ZONE


def rule(words: Words, marked: Marked) -> tuple[str, ...]:
    days = ", ".join(str(limit) for limit in marked.class_days)
    return (
        words._("Appointments for this service go to those who need them most urgently, not to the first click."),
        words._(
            "First comes how soon your deadline is when the list closes (groups: up to {days} days, later), "
            "then how many days your request has waited, then a lot.",
            days=days,
        ),
        words._(
            "The lot is drawn with a number from a public source that is named beforehand. Anybody can check the result."
        ),
        words.ngettext("There is a run about every day.", "There is a run about every {n} days.", marked.rhythm_days),
        words._("Each person counts once. Who withdraws a request and makes a new one waits anew."),
        words._("The appointment is bound to your name. Nobody can sell it or pass it on."),
    )


def request_status(words: Words, status: RequestStatus) -> str:
    return {
        RequestStatus.UNVERIFIED: words._("Not yet confirmed by the link of the e-mail"),
        RequestStatus.ASKED: words._("Waits until the document has been seen"),
        RequestStatus.CONFIRMED: words._("Takes part"),
        RequestStatus.REFUSED: words._("Refused"),
        RequestStatus.WITHDRAWN: words._("Withdrawn"),
        RequestStatus.ENDED: words._("Ended: the service is no longer given out by need"),
        RequestStatus.PLACED: words._("Has an appointment: the offer came by e-mail"),
    }[status]


def run_status(words: Words, status: RunStatus) -> str:
    return {
        RunStatus.OPEN: words._("Takes requests"),
        RunStatus.CLOSED: words._("List closed, waits for the draw"),
        RunStatus.RANKED: words._("Drawn, waits for release"),
        RunStatus.RELEASED: words._("Released"),
        RunStatus.GIVEN_UP: words._("Given up"),
    }[status]


def request_rows(words: Words, row: RequestRow, service: str) -> tuple[Row, ...]:
    place = zone_name(words)
    found = [
        Row(label=words._("Service"), value=service),
        Row(label=words._("Number of the request"), value=row.public_id),
        Row(label=words._("Asked on"), value=words.when(row.made_at, place)),
        Row(label=words._("State"), value=request_status(words, row.status)),
    ]
    if row.claimed_deadline:
        found.append(Row(label=words._("Deadline, as the applicant says"), value=words.day(row.claimed_deadline)))
    if row.check_reason:
        deadline = words.day(row.deadline) if row.deadline else words._("No deadline")
        found.append(Row(label=words._("Deadline, as staff have seen it"), value=deadline, lines=(row.check_reason,)))
    return tuple(found)


def run_line(
    words: Words, row: RunRow, service: str, former: Sequence[FormerSeed] = (), *, names_staff: bool = False
) -> RunLine:
    """Who entered and who set right is named to staff; everybody reads that they were two."""
    place, files = zone_name(words), f"/api/allocation/runs/{row.id}"
    rows = [
        Row(label=words._("State"), value=run_status(words, row.status)),
        Row(label=words._("List closes"), value=words.when(row.closes_at, place)),
        Row(
            label=words._("Seed of the lot"),
            value=row.seed or words._("Not drawn yet"),
            lines=(row.seed_source, words.when(row.seed_at, place)),
        ),
    ]
    rows += [_former(words, one, names_staff) for one in former]
    if row.list_sha256:
        rows.append(Row(label=words._("SHA-256 of the closed list"), value=row.list_sha256.hex()))
    if row.given_up_because:
        rows.append(Row(label=words._("Reason"), value=row.given_up_because))
    return RunLine(
        title=words._("{service}, run {id}", service=service, id=str(row.id)[:8]),
        rows=tuple(rows),
        list_url=f"{files}/list" if row.list_sha256 is not None else "",
        result_url=f"{files}/result" if row.seed is not None else "",
        command=_command(row) if row.seed is not None else "",
    )


def _former(words: Words, one: FormerSeed, names_staff: bool) -> Row:
    place = zone_name(words)
    entered, changed = words.when(one.seeded_at, place), words.when(one.set_right_at, place)
    if names_staff:
        lines = (
            words._("Entered {when} by {name}", when=entered, name=one.seeded_by),
            words._("Set right {when} by {name}", when=changed, name=one.set_right_by),
        )
    else:
        lines = (
            words._("Entered {when}", when=entered),
            words._("Set right {when} by a second person", when=changed),
        )
    reason = words._("Reason: {reason}", reason=one.because)
    return Row(label=words._("Seed entered before, no longer counts"), value=one.seed, lines=(*lines, reason))


def _command(row: RunRow) -> str:
    """As it is typed into a shell; the number is filled in by whoever has one."""
    seed, sha256 = quote(row.seed or ""), (row.list_sha256 or b"").hex()
    return f"schalter verify-rank list.jsonl result.jsonl --seed {seed} --hash {sha256} --id …"


def document_name(words: Words, n: int, row: DocumentRow) -> str:
    """ "Document 1: PDF, 240 KB"."""
    size = f"{max(1, row.size_bytes // 1024)}"
    return words._("Document {n}: {kind}, {size} KB", n=n, kind=row.kind.upper(), size=size)


def read_date(text: str) -> date | None:
    """As <input type=date> sends it."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None

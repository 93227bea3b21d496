"""Documents of requests: what they are by content, how many and how large, and that they go with their person."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from base.errors import Conflict, NotFound
from base.seal import Unsealable
from booking.allocation.documents import MOST_BYTES, DocumentTooLarge, NoDocument, NotADocument, TooManyDocuments
from booking.allocation.kinds import Kind, kind_of
from booking.allocation.usecases import NotAsking
from tests.booking.allocation.test_runs import SOON
from tests.booking.allocation.world import NeedWorld

PDF, JPEG, PNG = b"%PDF-1.7\n", b"\xff\xd8\xff\xe0....", b"\x89PNG\r\n\x1a\n...."


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (PDF, Kind.PDF),
        (JPEG, Kind.JPEG),
        (PNG, Kind.PNG),
        (b"", None),
        (b"%PD", None),
        (b" %PDF-1.7", None),
        (b"<html>%PDF-1.7", None),
        (b"GIF89a", None),
        (b"MZ\x90", None),
    ],
)
def test_a_file_is_what_it_begins_like(raw: bytes, kind: Kind | None) -> None:
    assert kind_of(raw) is kind


async def kept(world: NeedWorld) -> int:
    [(n,)] = await world.rows("SELECT count(*)::int FROM allocation_document")
    assert isinstance(n, int)
    return n


async def test_kept_sealed_and_read_again(world: NeedWorld) -> None:
    ident, key = await world.ask("Anna Häberle"), uuid4()
    document = await world.documents.add(ident, PDF, key)
    assert await world.documents.add(ident, PDF, key) == document  # the same form again
    world.clock.advance(seconds=1)
    await world.documents.add(ident, PNG, uuid4())
    rows = (await world.documents.of([ident]))[ident]
    assert [(row.kind, row.size_bytes) for row in rows] == [(Kind.PDF, len(PDF)), (Kind.PNG, len(PNG))]
    assert await world.documents.content(document) == (Kind.PDF, PDF)
    [(sealed,)] = await world.rows("SELECT content FROM allocation_document WHERE id = $1", document)
    assert isinstance(sealed, bytes)
    assert PDF not in sealed
    for _twice in range(2):
        await world.documents.remove(ident, document)
    with pytest.raises(NotFound):
        await world.documents.content(document)
    assert await kept(world) == 1


async def test_moved_to_another_row_it_does_not_open(world: NeedWorld) -> None:
    ident, other = await world.ask("Anna Häberle"), uuid4()
    document = await world.documents.add(ident, PDF, uuid4())
    await world.rows(
        """
        INSERT INTO allocation_document (id, request_id, kind, size_bytes, content, sent_at)
        SELECT $2, request_id, kind, size_bytes, content, sent_at FROM allocation_document WHERE id = $1""",
        document,
        other,
    )
    with pytest.raises(Unsealable):
        await world.documents.content(other)


async def test_nobody_removes_what_is_anothers(world: NeedWorld) -> None:
    mine, others = await world.ask("Anna Häberle"), await world.ask("Ben Blau")
    document = await world.documents.add(others, PDF, uuid4())
    await world.documents.remove(mine, document)
    assert await kept(world) == 1


async def test_what_is_not_taken(world: NeedWorld) -> None:
    ident = await world.ask("Anna Häberle")
    for raw, refusal in (
        (b"", NoDocument),
        (b"GIF89a", NotADocument),
        (PDF + bytes(MOST_BYTES - len(PDF) + 1), DocumentTooLarge),
    ):
        with pytest.raises(refusal):
            await world.documents.add(ident, raw, uuid4())
    await world.documents.add(ident, PDF + bytes(MOST_BYTES - len(PDF)), uuid4())  # just small enough
    await world.allocation.withdraw(ident)
    with pytest.raises(NotAsking):
        await world.documents.add(ident, PDF, uuid4())


async def test_five_also_when_eight_come_at_once(world: NeedWorld) -> None:
    ident = await world.ask("Anna Häberle")
    answers = await asyncio.gather(
        *(world.documents.add(ident, PDF, uuid4()) for _n in range(8)), return_exceptions=True
    )
    refused = [one for one in answers if not isinstance(one, UUID)]
    assert (len(refused), {type(one) for one in refused}) == (3, {TooManyDocuments})
    assert issubclass(TooManyDocuments, Conflict)
    assert await kept(world) == 5


async def test_it_goes_with_its_person(world: NeedWorld) -> None:
    refused = await world.ask("Ben Blau")
    placed = await world.take_part("Anna Häberle", SOON)
    for ident in (refused, placed):
        await world.documents.add(ident, PDF, uuid4())
    await world.allocation.refuse(refused, "Not legible", world.clerk)
    await world.runs.release(await world.ranked(), world.clerk)
    case = (await world.allocation.find(placed)).appointment_id
    assert case is not None
    assert await kept(world) == 2
    await world.appointments.erase(case)
    assert await kept(world) == 1
    world.clock.advance(days=31)
    await world.allocation.erase_due()
    assert await kept(world) == 0

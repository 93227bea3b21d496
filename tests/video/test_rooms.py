"""A worker's rooms by hand, with a clock that the test moves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from video.media.counters import Counters
from video.media.dtls import make_certificate
from video.media.peers import Site
from video.media.rooms import EMPTY_KEPT_S, Refused, Rooms
from video.media.udp import UdpPort
from video.model import (
    CONSENT_S,
    KINDS,
    PARTICIPANTS_MOST,
    Answered,
    AnsweredLine,
    Fingerprint,
    Layout,
    Publication,
    PubLine,
    Refusal,
    Source,
)

PRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
CAMERA = PubLine("0", "camera", 96, 97, {}, 1, 2)
lost: list[tuple[UUID, int, int, str]] = []


@pytest.fixture
async def rooms() -> AsyncIterator[Rooms]:
    counters = Counters()
    port = UdpPort("127.0.0.1", 0, counters)
    port.open()
    site = Site(port, *make_certificate(), (("127.0.0.1", port.port),), counters)
    lost.clear()
    made = Rooms(site, lambda *what: lost.append(what), lambda: busy)
    yield made
    made.close_all()
    for task in list(site.ending):
        await task
    port.close()


busy = False


def answer_to(layout: Layout) -> Answered:
    lines = tuple(
        AnsweredLine(line.mid, takes=True, rtx=True, abs_send_time=True, audio_level=False) for line in layout.lines
    )
    return Answered("them", (PRINT,), lines)


async def test_who_is_silent_for_thirty_seconds_is_lost(rooms: Rooms) -> None:
    room = uuid4()
    rooms.create(room, 1)
    rooms.publish(room, 1, 1, Publication("them", (PRINT,), (CAMERA,)))
    layout = rooms.subscribe(room, 1, 2, [Source(1, "camera")], restart=False)
    rooms.next_second(time.monotonic() + CONSENT_S - 1)
    assert lost == []
    rooms.next_second(time.monotonic() + CONSENT_S + 1)
    assert lost == [(room, 1, 1, "pub")]  # nobody has answered `sub` yet: it is not expected
    rooms.answered(room, 1, 2, answer_to(layout))
    rooms.next_second(time.monotonic() + CONSENT_S + 1)
    assert lost == [(room, 1, 1, "pub"), (room, 1, 2, "sub")]
    fresh = rooms.subscribe(room, 1, 2, [Source(1, "camera")], restart=False)
    assert fresh.endpoint.session != layout.endpoint.session


async def test_a_restart_that_is_not_answered_is_the_same_when_asked_again(rooms: Rooms) -> None:
    room, wanted = uuid4(), [Source(1, "camera")]
    rooms.create(room, 1)
    first = rooms.subscribe(room, 1, 2, wanted, restart=False)
    rooms.answered(room, 1, 2, answer_to(first))
    restarted = rooms.subscribe(room, 1, 2, wanted, restart=True)
    assert restarted.endpoint.ufrag != first.endpoint.ufrag
    assert (restarted.endpoint.session, restarted.endpoint.version) == (first.endpoint.session, 2)
    assert rooms.subscribe(room, 1, 2, wanted, restart=True) == restarted
    rooms.answered(room, 1, 2, answer_to(restarted))
    assert rooms.subscribe(room, 1, 2, wanted, restart=True) != restarted


async def test_more_lines_than_a_description_may_have_are_refused_and_old_ones_do_not_count(rooms: Rooms) -> None:
    room = uuid4()
    rooms.create(room, 1)
    cameras = [Source(number, "camera") for number in range(16)]
    with pytest.raises(Refused, match=Refusal.TOO_LARGE):
        rooms.subscribe(room, 1, 2, cameras, restart=False)
    rooms.subscribe(room, 1, 2, cameras[:15], restart=False)
    voices = rooms.subscribe(room, 1, 2, [Source(number, "audio") for number in range(5)], restart=False)
    assert len(voices.lines) == 5


async def test_everything_that_five_others_send_fits(rooms: Rooms) -> None:
    room = uuid4()
    rooms.create(room, 1)
    all_of_them = [Source(number, kind) for number in range(2, PARTICIPANTS_MOST + 1) for kind in KINDS]
    assert len(rooms.subscribe(room, 1, 1, all_of_them, restart=False).lines) == 15


async def test_a_busy_worker_takes_no_further_room_but_serves_those_that_it_has(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = uuid4()
    rooms.create(room, 1)
    monkeypatch.setitem(globals(), "busy", True)
    rooms.create(room, 1)
    rooms.create(room, 2)
    with pytest.raises(Refused, match=Refusal.BUSY):
        rooms.create(uuid4(), 1)


async def test_a_room_that_nobody_is_in_is_forgotten(rooms: Rooms) -> None:
    room = uuid4()
    rooms.create(room, 1)
    now = time.monotonic()
    rooms.next_second(now)
    rooms.next_second(now + EMPTY_KEPT_S - 1)
    assert rooms.has(room)
    rooms.next_second(now + EMPTY_KEPT_S + 1)
    assert not rooms.has(room)

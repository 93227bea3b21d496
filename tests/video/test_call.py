"""Calls through a real worker process, by real UDP on loopback, between clients that write their own packets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from struct import unpack_from
from uuid import UUID, uuid4

import pytest

from tests.video.client import Client, Far, picture, pub_offer, sub_answer, voice
from tests.video.worker_process import Running, media, until
from video.control import MediaPool
from video.media import rtcp
from video.model import Refusal, Source
from video.ports import MediaEvent, MediaRefused, MediaUnavailable, PeerLost, SubOffer, WorkerDown, WorkerHeard

MIDS = {"a": "audio", "v": "camera"}


@dataclass
class Person:
    number: int
    room: Room
    pub: Client = field(default_factory=Client)
    sub: Client = field(default_factory=Client)
    offer: SubOffer | None = None

    async def publish(self) -> None:
        self.answer = await self.room.pool.publish(self.room.id, 1, self.number, pub_offer(self.pub), MIDS)
        await self.pub.connect(self.answer)

    async def subscribe(self, *wanted: Source) -> None:
        first = self.offer is None
        self.offer = await self.room.pool.subscribe(self.room.id, 1, self.number, wanted)
        await self.room.pool.answered(self.room.id, 1, self.number, sub_answer(self.sub, self.offer.sdp))
        if first:
            await self.sub.connect(self.offer.sdp)

    def got(self, payload_type: int) -> list[bytes]:
        return [packet for packet in self.sub.rtp if packet[1] & 127 == payload_type]

    def has(self, count: int) -> bool:
        return len(self.got(111)) == len(self.got(96)) == count

    def asked_key_frames(self) -> int:
        return sum(
            packet.kind == rtcp.PAYLOAD_FEEDBACK and packet.count == rtcp.PLI
            for compound in self.pub.rtcp
            for packet in rtcp.packets(compound)
        )


@dataclass
class Room:
    running: Running
    pool: MediaPool
    id: UUID = field(default_factory=uuid4)
    people: list[Person] = field(default_factory=list)

    def person(self, number: int) -> Person:
        self.people.append(Person(number, self))
        return self.people[-1]


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    async with media() as (running, pool):
        opened = Room(running, pool)
        await pool.create_room(opened.id, 1)
        yield opened
        for person in opened.people:
            person.pub.vanish()
            person.sub.vanish()


async def talk(client: Client, *packets: bytes) -> None:
    for packet in packets:
        client.send(packet)
        await asyncio.sleep(0)


def number(packet: bytes) -> int:
    return int(unpack_from("!H", packet, 2)[0])


async def two(room: Room) -> tuple[Person, Person]:
    kim, sasha = room.person(1), room.person(2)
    for person in (kim, sasha):
        await person.publish()
    await kim.subscribe(Source(2, "audio"), Source(2, "camera"))
    await sasha.subscribe(Source(1, "audio"), Source(1, "camera"))
    return kim, sasha


async def test_two_people_hear_and_see_each_other(room: Room) -> None:
    kim, sasha = await two(room)
    for speaker, listener in ((kim, sasha), (sasha, kim)):
        await talk(speaker.pub, *(voice(n, transport=n) for n in range(5)), *(picture(n, key=n == 0) for n in range(5)))
        await until(partial(listener.has, 5), "voice and picture")
    heard, seen = sasha.got(111), sasha.got(96)
    assert [packet[-6:] for packet in heard] == [b"\xfcvoice"] * 5
    assert [packet[-7:] for packet in seen] == [b"picture"] * 5
    assert [number(packet) for packet in seen] == [0, 1, 2, 3, 4]
    assert sasha.offer is not None
    assert f"a=ssrc:{unpack_from('!I', seen[0], 8)[0]} " in sasha.offer.sdp
    assert heard[0][12:14] == b"\xbe\xde"  # with abs-send-time and the level in our ids
    assert heard[0][20:22] == bytes((0x10, 0x85))


async def test_the_sender_is_told_when_its_packets_came(room: Room) -> None:
    kim, _ = await two(room)
    await talk(kim.pub, *(voice(n, transport=n) for n in range(20)))
    await until(lambda: any(packet[1] == 205 and packet[0] & 31 == 15 for packet in kim.pub.rtcp), "transport feedback")
    feedback = next(packet for packet in kim.pub.rtcp if packet[1] == 205)
    base, count = unpack_from("!HH", feedback, 12)
    assert base == 0
    assert count >= 1
    await until(lambda: any(packet[1] == 201 for packet in kim.pub.rtcp), "a receiver report")


async def test_the_senders_clock_is_passed_on_in_the_receivers_numbers(room: Room) -> None:
    """By it the browser keeps lips and voice in step."""
    kim, sasha = await two(room)
    await talk(kim.pub, voice(3))
    await until(lambda: sasha.got(111), "the voice")
    kim.pub.send(rtcp.sender_report((1001).to_bytes(4, "big"), b"ntp-time", 3 * 960 + 480, 1, 6))
    await until(lambda: sasha.sub.rtcp, "the report")
    ssrc, ntp, timestamp, packets = unpack_from("!4s8sII", sasha.sub.rtcp[0], 4)
    heard = sasha.got(111)[0]
    assert (ssrc, ntp, packets) == (heard[8:12], b"ntp-time", 1)
    assert timestamp - unpack_from("!I", heard, 4)[0] == 480


async def test_who_comes_late_gets_a_key_frame_first(room: Room) -> None:
    kim, sasha = await two(room)
    await talk(kim.pub, *(picture(n, key=n == 0) for n in range(10)))
    await until(lambda: len(sasha.got(96)) == 10, "the picture")
    asked = kim.asked_key_frames()
    late = room.person(3)
    await late.subscribe(Source(1, "camera"))
    await talk(kim.pub, *(picture(n) for n in range(10, 15)))
    await until(lambda: kim.asked_key_frames() > asked, "a wish for a key frame", 2)
    await until(lambda: len(sasha.got(96)) == 15, "the others' picture goes on")
    assert late.got(96) == []
    await talk(kim.pub, *(picture(n, key=n == 15) for n in range(15, 20)))
    await until(lambda: len(late.got(96)) == 5, "the latecomer's picture")
    assert late.got(96)[0][-8:] == b"\x10picture"


async def test_a_wish_for_a_key_frame_is_relayed_and_joined(room: Room) -> None:
    kim, sasha = await two(room)
    await talk(kim.pub, picture(0, key=True))
    await until(lambda: sasha.got(96), "the picture")
    asked, ssrc = kim.asked_key_frames(), sasha.got(96)[0][8:12]
    for _ in range(20):
        sasha.sub.send(rtcp.pli(b"\0\0\0\1", ssrc))
    await until(lambda: kim.asked_key_frames() == asked + 1, "the wish", 2)
    await until(lambda: kim.asked_key_frames() == asked + 2, "the wish again, as no key frame came", 2)
    await talk(kim.pub, picture(1, key=True))
    await until(lambda: len(sasha.got(96)) == 2, "the key frame")


async def test_what_was_missed_is_sent_again(room: Room) -> None:
    kim, sasha = await two(room)
    await talk(kim.pub, *(picture(n, key=n == 0) for n in range(10)))
    await until(lambda: len(sasha.got(96)) == 10, "the picture")
    sasha.sub.send(rtcp.nack(b"\0\0\0\1", sasha.got(96)[0][8:12], [3, 5]))
    await until(lambda: len(sasha.got(97)) == 2, "both packets again")
    again = sasha.got(97)
    assert [unpack_from("!H", packet, 20)[0] for packet in again] == [3, 5]  # behind the header with abs-send-time
    assert again[0][22:] == sasha.got(96)[3][20:]


async def test_the_worker_asks_for_what_it_missed(room: Room) -> None:
    kim, sasha = await two(room)
    await talk(kim.pub, picture(0, key=True), picture(1), picture(4))

    def asked() -> set[int]:
        return {
            missing
            for compound in kim.pub.rtcp
            for packet in rtcp.packets(compound)
            if packet.kind == rtcp.TRANSPORT_FEEDBACK and packet.count == rtcp.NACK
            for missing in rtcp.nacked(packet.body)
        }

    await until(lambda: asked() == {2, 3}, "the wish", 2)
    original = picture(2)
    rtx = original[:1] + bytes((0x80 | 124, 0, 9)) + original[4:8] + (2003).to_bytes(4, "big")
    await talk(kim.pub, rtx + original[2:4] + original[12:])
    await until(lambda: len(sasha.got(96)) == 4, "the packet that came late")
    assert {number(packet) for packet in sasha.got(96)} == {0, 1, 2, 4}


async def test_a_muted_source_goes_to_nobody_and_comes_back_without_a_gap(room: Room) -> None:
    kim, sasha = await two(room)
    await talk(kim.pub, *(voice(n) for n in range(3)))
    await until(lambda: len(sasha.got(111)) == 3, "the voice")
    for _ in range(2):
        await room.pool.mute(room.id, 1, 1, "audio", True)
    await talk(kim.pub, *(voice(n) for n in range(3, 8)), picture(0, key=True))
    await until(lambda: sasha.got(96), "the picture, which is not muted")
    assert len(sasha.got(111)) == 3
    await room.pool.mute(room.id, 1, 1, "audio", False)
    await talk(kim.pub, *(voice(n) for n in range(8, 10)))
    await until(lambda: len(sasha.got(111)) == 5, "the voice again")
    assert [number(packet) for packet in sasha.got(111)] == [0, 1, 2, 3, 4]


async def test_a_new_connection_of_the_sender_goes_on_in_the_same_stream(room: Room) -> None:
    kim, sasha = await two(room)
    await talk(kim.pub, *(picture(n, key=n == 100) for n in range(100, 105)))
    await until(lambda: len(sasha.got(96)) == 5, "the picture")
    kim.pub.vanish()
    kim.pub = Client()
    await kim.publish()
    await talk(kim.pub, *(picture(n, key=n == 7) for n in range(7, 10)))
    await until(lambda: len(sasha.got(96)) == 8, "the picture from the new connection")
    seen = sasha.got(96)
    assert [number(packet) for packet in seen] == list(range(100, 108))
    assert len({packet[8:12] for packet in seen}) == 1
    assert [unpack_from("!H", packet, 22)[0] & 0x7FFF for packet in seen] == list(range(100, 108))
    times = [unpack_from("!I", packet, 4)[0] for packet in seen]
    assert times == sorted(times)


async def test_an_ice_restart_keeps_the_call(room: Room) -> None:
    kim, sasha = await two(room)
    kim.pub.ufrag = "fresh123"
    answer = await room.pool.publish(room.id, 1, 1, pub_offer(kim.pub), MIDS)
    again = await room.pool.publish(room.id, 1, 1, pub_offer(kim.pub), MIDS)
    assert answer == again != kim.answer
    await talk(kim.pub, picture(0, key=True))
    await until(lambda: sasha.got(96), "the picture by the old way")
    await kim.pub.check(Far.of(answer))
    await talk(kim.pub, picture(1))
    await until(lambda: len(sasha.got(96)) == 2, "the picture by the new way")
    with pytest.raises(TimeoutError):
        await kim.pub.check(Far.of(kim.answer), limit_s=0.5)
    await kim.pub.check(Far.of(answer))
    offer = await room.pool.subscribe(room.id, 1, 2, [Source(1, "audio"), Source(1, "camera")], restart=True)
    assert Far.of(offer.sdp).pwd != Far.of(sasha.offer.sdp if sasha.offer else "").pwd
    await room.pool.answered(room.id, 1, 2, sub_answer(sasha.sub, offer.sdp))
    await sasha.sub.check(Far.of(offer.sdp))
    await talk(kim.pub, picture(2))
    await until(lambda: len(sasha.got(96)) == 3, "the picture to the restarted receiver")


async def test_a_check_with_a_wrong_password_is_not_answered_and_no_address_moves(room: Room) -> None:
    kim, sasha = await two(room)
    far = Far.of(kim.answer)
    forger = Client()
    await forger.open()
    with pytest.raises(TimeoutError):
        await forger.check(Far(far.ufrag, "x" * 32, far.host, far.port, far.fingerprint), limit_s=0.5)
    forger.send_raw(bytes((0x80, 109)) + bytes(40))
    await talk(kim.pub, voice(0))
    await until(lambda: sasha.got(111), "the voice")
    stats = await room.pool.stats()
    assert stats["stun_refused"] >= 1
    assert stats["unknown_sender"] == 1
    forger.vanish()


async def test_a_participant_cannot_take_anothers_address(room: Room) -> None:
    kim, sasha = await two(room)
    stolen = Far.of(sasha.offer.sdp if sasha.offer else "")
    with pytest.raises(TimeoutError):
        await kim.pub.check(stolen, limit_s=0.5)  # signed with Sasha's password, sent from Kim's address
    await kim.pub.check(Far.of(kim.answer))
    await talk(kim.pub, voice(0))
    await until(lambda: sasha.got(111), "the voice goes on")


async def test_more_than_a_connection_may_send_is_dropped(room: Room) -> None:
    kim, _ = await two(room)
    kim.pub.send(voice(0))
    for n in range(1, 1500):
        kim.pub.send(picture(n, rest=bytes(1100)))
        if n % 50 == 0:
            await asyncio.sleep(0.001)
    async with asyncio.timeout(5):
        while not (await room.pool.stats())["policed"]:  # noqa: ASYNC110  # the worker is another process
            await asyncio.sleep(0.05)


async def test_leaving_and_coming_back_recycles_lines(room: Room) -> None:
    kim, sasha = await two(room)
    assert kim.offer is not None
    assert kim.offer.mids == {"0": Source(2, "audio"), "1": Source(2, "camera")}
    await room.pool.leave(room.id, 1, 2)
    await room.pool.leave(room.id, 1, 2)
    await kim.subscribe()
    assert kim.offer.mids == {}
    await kim.subscribe(Source(3, "camera"), Source(3, "screen"))
    assert kim.offer.mids == {"1": Source(3, "camera"), "2": Source(3, "screen")}
    assert kim.offer.sdp.count("m=") == 3
    again = await room.pool.subscribe(room.id, 1, 1, [Source(3, "camera"), Source(3, "screen")])
    assert again == kim.offer
    with pytest.raises(MediaRefused, match=Refusal.NO_OFFER):
        await room.pool.answered(room.id, 1, 2, sub_answer(sasha.sub, again.sdp))


async def test_refusals(room: Room) -> None:
    with pytest.raises(MediaRefused, match=Refusal.BAD_SDP):
        await room.pool.publish(room.id, 1, 1, "nonsense", MIDS)
    with pytest.raises(MediaRefused, match=Refusal.NO_ROOM):
        await room.pool.subscribe(uuid4(), 1, 1, [])
    with pytest.raises(MediaRefused, match=Refusal.NO_ROOM):
        await room.pool.subscribe(room.id, 2, 1, [])
    for person in range(6):
        await room.pool.subscribe(room.id, 1, person, [])
    with pytest.raises(MediaRefused, match=Refusal.FULL):
        await room.pool.subscribe(room.id, 1, 6, [])
    await room.pool.create_room(room.id, 2)
    with pytest.raises(MediaRefused, match=Refusal.STALE):
        await room.pool.create_room(room.id, 1)
    for _ in range(2):
        await room.pool.close_room(room.id, 2)
    with pytest.raises(MediaRefused, match=Refusal.STALE):
        await room.pool.create_room(room.id, 2)


async def test_a_killed_worker_is_noticed_and_its_successor_told_apart(room: Room) -> None:
    told: list[MediaEvent] = []

    async def listen() -> None:
        async for event in room.pool.events():
            if not told or not isinstance(event, WorkerHeard) or not isinstance(told[-1], WorkerHeard):
                told.append(event)  # of its heartbeats in a row the first

    listening = asyncio.create_task(listen())
    await until(lambda: told, "the worker that is up")
    room.running.kill()
    await until(lambda: len(told) == 2, "the death", 3)
    with pytest.raises(MediaUnavailable):
        await room.pool.create_room(room.id, 1)
    room.running.start()
    await until(lambda: len(told) == 3, "the successor")
    up, down, again = told
    assert isinstance(up, WorkerHeard)
    assert isinstance(again, WorkerHeard)
    assert down == WorkerDown(up.worker, up.instance)
    assert again.instance != up.instance
    with pytest.raises(MediaRefused, match=Refusal.NO_ROOM):
        await room.pool.subscribe(room.id, 1, 1, [])
    await room.pool.create_room(room.id, 1)
    kim = room.person(1)
    await kim.publish()
    listening.cancel()


async def test_a_client_that_ends_its_connection_is_reported(room: Room) -> None:
    kim, _ = await two(room)
    events = room.pool.events()
    assert isinstance(await anext(events), WorkerHeard)
    await kim.pub.dtls.stop()
    async with asyncio.timeout(5):
        while isinstance(event := await anext(events), WorkerHeard):
            pass
    assert event == PeerLost(room.id, 1, 1, "pub")
    await events.aclose()  # type: ignore[attr-defined]

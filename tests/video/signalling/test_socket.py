"""Signalling over real WebSockets: who gets in, what a cut does not lose, what ends a socket, and a room on two web processes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from base.clock import SettableClock
from base.web import STOPPING
from tests.staff import hire, sign_in
from tests.town import Town, eventually
from tests.town import town as open_town
from tests.video.client import Client, pub_offer, sub_answer
from tests.video.signalling.caller import Caller, both, dial, enter, invite, second_web
from tests.video.worker_process import Running, media
from video.rooms.model import Role, SeatState
from video.signalling.endpoints import SOCKETS
from video.signalling.messages import MESSAGE_BYTES_MOST
from video.signalling.socket import BURST, REFUSED

MIDS = {"a": "audio", "v": "camera"}


@pytest.fixture
async def town(dsn: str, clock: SettableClock) -> AsyncIterator[Town]:
    """Without a media worker."""
    async with open_town(dsn, clock) as opened:
        yield opened


@pytest.fixture
async def video_town(dsn: str, clock: SettableClock) -> AsyncIterator[tuple[Town, Running]]:
    async with media() as (running, _pool), open_town(dsn, clock, media_control=(running.control,)) as opened:
        yield opened, running


async def call(town: Town) -> tuple[Caller, Caller]:
    """Citizen and clerk, both in the call."""
    invited, staff = await both(town)
    citizen, clerk = await enter(town, invited), await enter(town, staff)
    await clerk.ask("admit", participant=invited.number)
    await citizen.hear("delta", state="admitted")
    return citizen, clerk


async def test_the_way_into_the_call(town: Town) -> None:
    invited, staff = await both(town)
    citizen = await enter(town, invited)
    first = await citizen.hear("snapshot")
    assert (first["state"], first["epoch"]) == ("waiting", 1)
    assert [(one["participant"], one["role"]) for one in first["participants"]] == [(1, "citizen")]
    clerk = await enter(town, staff)
    assert (await clerk.hear("snapshot"))["state"] == "admitted"
    came = await citizen.hear("delta")
    assert [(one["participant"], one["role"]) for one in came["changed"]] == [(2, "clerk")]
    assert (await clerk.ask("admit", participant=1))["type"] == "ok"
    assert (await clerk.ask("admit", participant=1))["type"] == "ok"
    assert (await citizen.hear("delta", state="admitted"))["version"] > first["version"]
    await clerk.send("end")
    for caller in (citizen, clerk):
        await caller.hear("ended")
        assert await caller.closed() == 1000


async def test_the_numbers_have_no_gap(town: Town) -> None:
    citizen, clerk = await call(town)
    for caller in (citizen, clerk):
        numbers = [one["seq"] for one in caller.heard if one["seq"] is not None]
        assert numbers == list(range(1, len(numbers) + 1))
        assert all(one["v"] == 1 and one["room"] == str(caller.invitation.room_id) for one in caller.heard)


async def test_who_waits_can_do_nothing(town: Town) -> None:
    citizen = await enter(town, await invite(town))
    speaking: list[tuple[str, dict[str, Any]]] = [
        ("offer", {"pc": "pub", "sdp": "v=0", "mids": MIDS}),
        ("subscribe", {"wanted": []}),
        ("answer", {"pc": "sub", "sdp": "v=0"}),
        ("mute", {"muted": True}),
        ("camera", {"off": True}),
    ]
    for kind, members in speaking:
        refused = await citizen.ask(kind, epoch=1, **members)
        assert (refused["type"], refused["code"]) == ("error", "not_admitted"), kind
    ruling: list[tuple[str, dict[str, Any]]] = [
        ("admit", {"participant": 1}),
        ("dismiss", {"participant": 1}),
        ("end", {}),
    ]
    for kind, members in ruling:
        assert (await citizen.ask(kind, **members))["code"] == "only_clerk"


async def test_the_waiting_see_nothing_of_the_others(town: Town) -> None:
    reference = uuid4()
    invited = await invite(town, reference=reference)
    guest = await invite(town, Role.GUEST, reference=reference)
    await enter(town, invited)
    other = await enter(town, guest)
    assert [one["participant"] for one in (await other.hear("snapshot"))["participants"]] == [guest.number]


async def refusal(caller: Caller) -> tuple[str, int]:
    code = await caller.closed()
    return caller.heard[-1]["code"], code


async def test_used_old_early_and_foreign_links(town: Town) -> None:
    invited = await invite(town)
    await enter(town, invited)
    for given, code in (
        (invited, "seat_taken"),
        (await invite(town, opens_in=1), "too_early"),
        (await invite(town, opens_in=-3), "room_over"),
    ):
        second = await dial(town, given)
        await second.send("hello")
        assert await refusal(second) == (code, 4403)
    other = await invite(town)
    for given in (replace(invited, room_id=other.room_id), replace(invited, token="x" * 43)):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await dial(town, given)
        assert refused.value.status == 401


async def test_errors_are_in_the_readers_language(town: Town) -> None:
    early = await invite(town, opens_in=1)
    said = []
    for language in ("de", "en"):
        caller = await dial(town, early)
        await caller.send("hello", language=language)
        await caller.closed()
        said.append(caller.heard[-1]["text"])
    assert said[0].startswith("Es ist noch zu früh")
    assert said[1].startswith("It is too early")


async def test_a_socket_of_another_site_is_refused(town: Town) -> None:
    """A browser sends the cookie along whichever page opens the socket."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await dial(town, await invite(town), Origin="https://evil.example")
    assert refused.value.status == 403
    await dial(town, await invite(town), Origin=town.settings.public_url)


async def test_after_a_cut_nothing_is_missing(town: Town) -> None:
    citizen, clerk = await call(town)
    resume = next(one["resume"] for one in citizen.heard if one["type"] == "welcome")
    await citizen.ask("ice")
    last = citizen.last_seq
    await citizen.cut()
    gone = await clerk.hear("delta")
    while not any(one["participant"] == 1 and not one["is_present"] for one in gone["changed"]):
        gone = await clerk.hear("delta")
    assert (await town.worker.rooms.gathering(citizen.invitation.room_id)).seats[0].state is SeatState.ADMITTED
    again = await dial(town, citizen.invitation)
    again.last_id, again.last_seq = citizen.last_id, last
    await again.send("hello", resume=resume, last_seq=last)
    assert (await again.hear("welcome"))["is_resumed"] is True
    await again.ask("ice")
    numbers = [one["seq"] for one in again.heard if one["seq"] is not None]
    assert numbers == list(range(last + 1, last + 1 + len(numbers)))  # what was said meanwhile, and no snapshot
    assert "snapshot" not in {one["type"] for one in again.heard}


async def test_a_message_sent_twice_is_done_once_and_its_reply_comes_again(town: Town) -> None:
    citizen, _clerk = await call(town)
    resume = next(one["resume"] for one in citizen.heard if one["type"] == "welcome")
    before = citizen.last_seq
    await citizen.ask("ice")
    await citizen.cut()  # the reply is taken for lost
    again = await dial(town, citizen.invitation)
    await again.ws.send_json(_raw(again, 100, "hello", resume=resume, last_seq=before))
    await again.hear("welcome", is_resumed=True)
    await again.ws.send_json(_raw(again, citizen.last_id, "ice"))
    again.last_id = citizen.last_id
    await again.ask("ice")
    replies = [one["re"] for one in again.heard if one["type"] == "ice"]
    assert replies == [citizen.last_id, citizen.last_id + 1]


def _raw(caller: Caller, number: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"v": 1, "id": number, "type": kind, "room": str(caller.invitation.room_id), **members}


async def test_what_was_acknowledged_is_not_kept(town: Town) -> None:
    """Then a socket that asks for it again begins with a snapshot."""
    citizen, _clerk = await call(town)
    resume = next(one["resume"] for one in citizen.heard if one["type"] == "welcome")
    await citizen.send("ack", seq=citizen.last_seq)
    await citizen.ask("ice")
    await citizen.cut()
    again = await dial(town, citizen.invitation)
    await again.send("hello", resume=resume, last_seq=1)
    assert (await again.hear("welcome"))["is_resumed"] is False
    assert (await again.hear("snapshot"))["state"] == "admitted"


async def test_the_newer_socket_of_a_browser_wins(town: Town) -> None:
    citizen, _clerk = await call(town)
    resume = next(one["resume"] for one in citizen.heard if one["type"] == "welcome")
    again = await enter(town, citizen.invitation, resume=resume)
    assert await refusal(citizen) == ("session_over", 4409)
    assert (await again.ask("ice"))["type"] == "ice"


async def test_a_room_on_two_web_processes(town: Town) -> None:
    """Each has one participant; and a browser may come back to the other one."""
    invited, staff = await both(town)
    async with second_web(town) as other:
        clerk = await enter(town, staff)
        citizen = await enter(town, invited, origin=other)
        await clerk.ask("admit", participant=invited.number)
        await citizen.hear("delta", state="admitted")
        resume = next(one["resume"] for one in citizen.heard if one["type"] == "welcome")
        moved = await dial(town, invited)
        await moved.send("hello", resume=resume, last_seq=citizen.last_seq)
        assert (await moved.hear("welcome"))["is_resumed"] is False
        assert (await moved.hear("snapshot"))["state"] == "admitted"
        assert await refusal(citizen) == ("session_over", 4409)


async def test_malformed_large_and_too_many_messages(town: Town) -> None:
    async def hello() -> Caller:
        return await enter(town, await invite(town))

    for text in ("{", "[]", '{"v":1}', json.dumps({"v": 2, "id": 1, "type": "ping", "room": str(uuid4())}), "ä" * 10):
        caller = await hello()
        await caller.ws.send_str(text)
        assert await refusal(caller) == ("malformed", 1007)
    caller = await hello()
    await caller.send("ping", surplus="x")
    assert await refusal(caller) == ("malformed", 1007)
    caller = await hello()
    await caller.ws.send_bytes(b"{}")
    assert await refusal(caller) == ("malformed", 1003)
    caller = await hello()
    await caller.ws.send_str(" " * (MESSAGE_BYTES_MOST + 1))
    assert await refusal(caller) == ("message_too_large", 1009)
    caller = await hello()
    for _ in range(2 * BURST):
        await caller.send("ping")
    assert await refusal(caller) == ("too_many_messages", 1008)


async def test_the_first_message_is_hello_and_only_the_first(town: Town) -> None:
    caller = await dial(town, await invite(town))
    await caller.send("ping")
    assert await refusal(caller) == ("malformed", 1008)
    caller = await enter(town, await invite(town))
    assert (await caller.ask("hello"))["code"] == "not_now"
    assert (await caller.ask("ping"))["type"] == "pong"


async def test_at_shutdown_sockets_end_at_once_and_seats_are_kept(town: Town) -> None:
    citizen, _clerk = await call(town)
    town.app[STOPPING].set()
    assert await citizen.closed() == 1012

    async def let_go() -> bool:
        seat = (await town.worker.rooms.gathering(citizen.invitation.room_id)).seats[0]
        return seat.connection is None and not seat.is_released and seat.state is SeatState.ADMITTED

    await eventually(let_go)


async def test_without_a_media_worker_that_is_said(town: Town) -> None:
    citizen, _clerk = await call(town)
    refused = await citizen.ask("offer", epoch=1, pc="pub", sdp=pub_offer(Client()), mids=MIDS)
    assert refused["code"] == "media_unavailable"


async def test_relays_are_given_with_a_password_that_ends(dsn: str, clock: SettableClock) -> None:
    turn = {"turn_urls": ("turns:relay.example:443",), "turn_secret": "secret"}
    async with open_town(dsn, clock, **turn) as town:
        caller = await enter(town, await invite(town))
        given = (await caller.ask("ice"))["ice_servers"]
    assert given[0]["urls"] == ["turns:relay.example:443"]
    assert given[0]["username"].startswith(f"{int(clock().timestamp()) + 600}:")
    assert given == next(one["ice_servers"] for one in caller.heard if one["type"] == "welcome")


async def test_offers_and_answers_through_the_worker(video_town: tuple[Town, Running]) -> None:
    town, _running = video_town
    citizen, clerk = await call(town)
    pub, sub = Client(), Client()
    answer = await citizen.ask("offer", epoch=1, pc="pub", sdp=pub_offer(pub), mids=MIDS)
    assert answer["type"] == "answer"
    seen = await clerk.hear("delta")
    while not any(one["sends"] for one in seen["changed"]):
        seen = await clerk.hear("delta")
    wanted = [{"participant": 1, "kind": kind} for kind in seen["changed"][0]["sends"]]
    offer = await clerk.ask("subscribe", epoch=1, wanted=wanted)
    assert sorted(one["kind"] for one in offer["mids"].values()) == ["audio", "camera"]
    assert (await clerk.ask("answer", epoch=1, pc="sub", sdp=sub_answer(sub, offer["sdp"])))["type"] == "ok"
    assert (await citizen.ask("mute", epoch=1, muted=True))["type"] == "ok"
    await clerk.hear("delta")
    assert clerk.heard[-1]["changed"][0]["muted"] == ["audio"]
    bad = await citizen.ask("offer", epoch=1, pc="pub", sdp="v=0", mids=MIDS)
    assert (bad["code"], bad["reason"]) == ("media_refused", "bad_sdp")
    own = await citizen.ask("subscribe", epoch=1, wanted=[{"participant": 1, "kind": "audio"}])
    assert own["code"] == "not_admitted"


async def test_a_new_connection_of_somebody_muted_begins_muted(
    video_town: tuple[Town, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the worker is told, in its order: told afterwards, the first packets would get through."""
    town, _running = video_town
    media_of_talk = town.app[SOCKETS]._talk._media
    citizen, _clerk = await call(town)
    assert (await citizen.ask("mute", epoch=1, muted=True))["type"] == "ok"
    told: list[tuple[object, ...]] = []
    mute, publish = media_of_talk.mute, media_of_talk.publish

    async def muting(room: UUID, epoch: int, number: int, kind: str, muted: bool) -> None:
        await mute(room, epoch, number, kind, muted)
        told.append((kind, muted))

    async def publishing(room: UUID, epoch: int, number: int, sdp: str, mids: dict[str, str]) -> str:
        told.append(("publish",))
        return await publish(room, epoch, number, sdp, mids)

    monkeypatch.setattr(media_of_talk, "mute", muting)
    monkeypatch.setattr(media_of_talk, "publish", publishing)
    assert (await citizen.ask("offer", epoch=1, pc="pub", sdp=pub_offer(Client()), mids=MIDS))["type"] == "answer"
    assert told == [("audio", True), ("camera", False), ("publish",)]


@pytest.mark.parametrize("end", ["signed out", "role taken away", "idle"])
async def test_a_clerk_whose_session_is_over_is_out_of_the_call(video_town: tuple[Town, Running], end: str) -> None:
    town, _running = video_town
    town.app[SOCKETS].ask_s = 0.1
    citizen, clerk = await call(town)
    assert (await clerk.ask("offer", epoch=1, pc="pub", sdp=pub_offer(Client()), mids=MIDS))["type"] == "answer"
    await citizen.hear("delta")
    match end:
        case "signed out":
            async with town.http.post(f"{town.origin}/de/staff/sign-out", data={"": ""}) as response:
                assert response.status == 200
        case "role taken away":
            await town.worker.identity.give_role("caller", "clerk", takes_away=True)
        case _:
            town.clock.advance(hours=2)
    assert await clerk.closed() == REFUSED
    last = clerk.heard[-1]
    assert (last["type"], last["code"]) == ("error", "signed_out")
    [seat] = await town.rows("SELECT state, sends FROM seat WHERE role = 'clerk'")
    assert seat == {"state": "left", "sends": []}
    while not (gone := await citizen.hear("delta"))["gone"]:
        pass
    assert gone["gone"] == [clerk.invitation.number]
    assert citizen.ws.close_code is None  # who needs no session stays


async def test_a_clerks_link_alone_opens_no_socket(town: Town) -> None:
    _citizen, clerk = await both(town)
    town.http.cookie_jar.clear()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await dial(town, clerk)
    assert refused.value.status == 401
    await hire(town, "robin", "finance")
    async with await sign_in(town, "robin") as other:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await dial(town, clerk, Cookie=f"staff={other.cookies['staff']}")
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("kind", "members"),
    [("offer", {"epoch": 1, "pc": "pub", "sdp": "v=0\0", "mids": MIDS}), ("hello", {"resume": "a\0"})],
)
async def test_a_nul_in_a_message_is_malformed(town: Town, kind: str, members: dict[str, Any]) -> None:
    invited = await invite(town)
    caller = await (dial(town, invited) if kind == "hello" else enter(town, invited))
    await caller.send(kind, **members)
    assert await caller.closed() == 1007
    assert caller.heard[-1]["code"] == "malformed"


async def test_a_worker_that_dies_is_told_and_its_room_goes_on_in_a_new_epoch(
    video_town: tuple[Town, Running],
) -> None:
    town, running = video_town
    citizen, clerk = await call(town)
    offer = partial(citizen.ask, "offer", pc="pub", sdp=pub_offer(Client()), mids=MIDS)
    assert (await offer(epoch=1))["type"] == "answer"
    running.kill()
    for caller in (citizen, clerk):
        assert (await caller.hear("reconnect"))["epoch"] == 2
    assert (await offer(epoch=1))["code"] == "stale_epoch"
    running.start()

    async def is_back() -> bool:
        return bool((await offer(epoch=2))["type"] == "answer")

    await eventually(is_back, seconds=10)

"""A wish for a key frame, with a clock that the test moves."""

from __future__ import annotations

from tests.video.client import VIDEO_SSRC, picture
from video.media.counters import Counters
from video.media.incoming import KEY_FRAME_EVERY_S, Incoming
from video.media.outgoing import Outgoing
from video.model import Source


def test_a_wish_is_repeated_until_a_key_frame_came_and_then_no_more() -> None:
    incoming = Incoming(Source(1, "camera"), 120, 0, Counters())
    incoming.bind(VIDEO_SSRC.to_bytes(4, "big"))
    incoming.outgoing.append(
        Outgoing(b"\0\0\0\1", 96, b"\0\0\0\2", 97, lambda *_args: True, lambda *_args: None)  # nobody takes it yet
    )
    incoming.want_key_frame()
    assert incoming.asks_key_frame(10.0)
    assert not incoming.asks_key_frame(10.0 + KEY_FRAME_EVERY_S / 2)
    assert incoming.asks_key_frame(10.0 + KEY_FRAME_EVERY_S)
    incoming.receive(picture(0), 12, 0, 10.6)
    assert incoming.asks_key_frame(11.0 + KEY_FRAME_EVERY_S)
    incoming.receive(picture(1, key=True), 12, 0, 11.6)
    assert not incoming.asks_key_frame(20.0)

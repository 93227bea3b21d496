"""Browsers' descriptions, as they made them, read; and ours, looked at once and accepted by both."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base import lines
from tests.golden import check_golden
from video import sdp, wire
from video.model import (
    LINES_MOST,
    AnsweredLine,
    Endpoint,
    Fingerprint,
    Layout,
    Refusal,
    Source,
    SubLine,
)

GOLDEN = Path(__file__).with_name("golden")
ENDPOINT = Endpoint(
    ufrag="workerufrag",
    pwd="w" * 32,
    fingerprint=Fingerprint("sha-256", ":".join(["AB"] * 32)),
    addresses=(("192.0.2.10", 40000), ("2001:db8::10", 40000)),
    session=7,
    version=3,
)
LAYOUT = Layout(
    ENDPOINT,
    (
        SubLine("0", "audio", Source(2, "audio"), 101, None),
        SubLine("1", "video", Source(2, "camera"), 102, 103),
        SubLine("2", "video", None, 104, 105),
    ),
)
KINDS = ("audio", "camera", "screen")


def offered(browser: str) -> str:
    return (GOLDEN / f"{browser}-pub-offer.sdp").read_text()


def mids(offer: str) -> dict[str, str]:
    return dict(zip((section.mid for section in sdp.parse(offer).sections), KINDS, strict=True))


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_an_offer_is_read_and_answered(browser: str) -> None:
    offer = offered(browser)
    published, described = sdp.publication(offer, mids(offer))
    assert [line.kind for line in published.lines] == list(KINDS)
    check_golden(GOLDEN / f"{browser}-pub-answer.sdp", sdp.pub_answer(described, published, ENDPOINT))


def test_payload_types_and_extensions_are_each_browsers_own() -> None:
    read = {}
    for browser in ("chromium", "firefox"):
        offer = offered(browser)
        voice, camera, _ = sdp.publication(offer, mids(offer))[0].lines
        read[browser] = (voice.payload_type, camera.payload_type, camera.rtx_payload_type)
        assert camera.ssrc is not None
        assert camera.rtx_ssrc is not None
        assert set(camera.extensions) >= {sdp.TRANSPORT_CC, sdp.MID}
    assert read == {"chromium": (111, 96, 97), "firefox": (109, 120, 124)}


def test_our_offer() -> None:
    check_golden(GOLDEN / "sub-offer.sdp", sdp.sub_offer(LAYOUT))


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_an_answer_to_our_offer_is_read(browser: str) -> None:
    """The answers are to an offer like `LAYOUT`: its third line carries nothing."""
    answer = sdp.answered((GOLDEN / f"{browser}-sub-answer.sdp").read_text())
    assert answer.lines == (
        AnsweredLine("0", takes=True, rtx=False, abs_send_time=browser == "chromium", audio_level=True),
        AnsweredLine("1", takes=True, rtx=True, abs_send_time=True, audio_level=False),
        AnsweredLine("2", takes=False, rtx=True, abs_send_time=True, audio_level=False),
    )


def test_what_a_worker_gets_survives_the_wire() -> None:
    offer = offered("chromium")
    published, _ = sdp.publication(offer, mids(offer))
    answer = sdp.answered((GOLDEN / "firefox-sub-answer.sdp").read_text())
    assert wire.publication(lines.decoded(lines.encoded(wire.plain(published)))) == published
    assert wire.layout(lines.decoded(lines.encoded(wire.plain(LAYOUT)))) == LAYOUT
    assert wire.answered(lines.decoded(lines.encoded(wire.plain(answer)))) == answer


def test_a_line_that_is_not_named_is_answered_as_unused() -> None:
    offer = offered("chromium")
    published, described = sdp.publication(offer, {"0": "audio"})
    answer = sdp.pub_answer(described, published, ENDPOINT)
    assert (answer.count("a=recvonly"), answer.count("a=inactive")) == (1, 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("v=0", "v=1"), Refusal.BAD_SDP),
        (("UDP/TLS/RTP/SAVPF", "RTP/AVP"), Refusal.BAD_SDP),
        (("a=rtcp-mux\n", ""), Refusal.BAD_SDP),
        (("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1"), Refusal.BAD_SDP),
        (("a=mid:1", "a=mid:0"), Refusal.BAD_SDP),
        (("a=setup:actpass", "a=setup:passive"), Refusal.BAD_SDP),
        (("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 00:"), Refusal.BAD_SDP),
        (("a=fingerprint:sha-256", "a=fingerprint:md5"), Refusal.BAD_SDP),
        (("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus"), Refusal.BAD_SDP),
        (("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 opus/8000"), Refusal.NO_CODEC),
        (("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP9/90000"), Refusal.NO_CODEC),
        (("a=sendonly", "a=recvonly"), Refusal.BAD_MIDS),
        (("a=sendonly", "a=sendonly\na=inactive"), Refusal.BAD_SDP),
        (("m=audio", "m=application"), Refusal.BAD_SDP),
        (("a=ssrc-group:FID ", "a=ssrc-group:FID 1 "), Refusal.BAD_SDP),
        (("a=ssrc-group:FID ", "a=ssrc:\na=ssrc-group:FID "), Refusal.BAD_SDP),
        (("s=-", "s=\x00"), Refusal.BAD_SDP),
    ],
)
def test_what_is_not_right_is_refused(change: tuple[str, str], code: Refusal) -> None:
    offer = offered("chromium")
    assert change[0] in offer
    with pytest.raises(sdp.SdpRefused) as caught:
        sdp.publication(offer.replace(*change), dict(zip("012", KINDS, strict=True)))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "wrong", [{"9": "audio"}, {"0": "camera"}, {"1": "camera", "2": "camera"}, {"0": "microphone"}]
)
def test_mids_must_fit(wrong: dict[str, str]) -> None:
    with pytest.raises(sdp.SdpRefused, match=Refusal.BAD_MIDS):
        sdp.publication(offered("chromium"), wrong)


def test_limits() -> None:
    with pytest.raises(sdp.SdpRefused, match=Refusal.TOO_LARGE):
        sdp.parse(offered("chromium") + "a=x\n" * 20_000)
    line = LAYOUT.lines[0]
    many = tuple(replace(line, mid=str(number)) for number in range(LINES_MOST + 1))
    with pytest.raises(sdp.SdpRefused, match=Refusal.TOO_LARGE):
        sdp.parse(sdp.sub_offer(replace(LAYOUT, lines=many)))


@given(st.data())
def test_no_text_makes_the_reader_fail_but_by_refusing(data: st.DataObject) -> None:
    lines = offered(data.draw(st.sampled_from(["chromium", "firefox"]))).split("\n")
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(st.one_of(st.text(max_size=30), st.just(lines[at][: at % 20]), st.just(lines[-at])))
    with suppress(sdp.SdpRefused):
        sdp.publication("\n".join(lines), {"0": "audio", "1": "camera"})

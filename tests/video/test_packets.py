"""The pure modules of the worker: packets in bytes, with whatever bytes come."""

from __future__ import annotations

from struct import pack, unpack_from

from aiortc import rtp as reference
from hypothesis import given
from hypothesis import strategies as st

from tests.video.client import picture, voice
from video.media import rtcp, rtp, stun
from video.media.arrivals import Arrivals

numbers = st.integers(0, 0xFFFF)


@given(numbers, st.integers(-32768, 32767))
def test_sequence_numbers_are_compared_on_the_circle(number: int, step: int) -> None:
    assert rtp.newer_by((number + step) & 0xFFFF, number) == step


@given(st.binary(min_size=2, max_size=200))
def test_no_bytes_make_the_readers_fail(datagram: bytes) -> None:
    assert stun.read(datagram) is None
    list(rtcp.packets(datagram))
    for packet in rtcp.packets(bytes((0x81, 205, 0, (len(datagram) - 1) // 4)) + datagram):
        list(rtcp.nacked(packet.body))
        rtcp.remb_bit_s(packet.body)
    rtp.vp8(datagram, 0, len(datagram))
    for packet_bytes in (datagram, b"\x90" + datagram):
        try:
            at = rtp.payload_offset(packet_bytes, len(packet_bytes))
        except rtp.Malformed:
            continue
        list(rtp.extensions(packet_bytes, at))
        if packet_bytes[0] & 16:
            for wanted in range(1, 15):
                rtp.find_extension(packet_bytes, at, wanted)
        rtp.unwrapped_rtx(packet_bytes, at, bytes(4), 96)


@given(st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=6), st.integers(0, 3))
def test_extensions_are_found_as_they_were_written(values: dict[int, bytes], sources: int) -> None:
    words = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in values.items())
    words += bytes(-len(words) % 4)
    packet = (
        bytes((0x90 | sources, 96))
        + bytes(10 + 4 * sources)
        + pack("!HH", 0xBEDE, len(words) // 4)
        + words
        + b"payload"
    )
    at = rtp.payload_offset(packet, len(packet))
    assert packet[at:] == b"payload"
    assert {number: packet[begin : begin + size] for number, begin, size in rtp.extensions(packet, at)} == values
    for number in range(1, 15):
        found = rtp.find_extension(packet, at, number)
        assert packet[found : found + len(values.get(number, b""))] == values.get(number, b"")
        assert bool(found) == (number in values)


def test_a_key_frame_is_known_by_its_clear_bytes() -> None:
    for key, begins, expected in ((True, True, True), (False, True, False), (True, False, False)):
        packet = picture(300, key=key, begins=begins)
        found = rtp.vp8(packet, 12, len(packet))
        assert found is not None
        assert found.starts_key_frame is expected
        assert (found.picture_id, found.picture_id_bits) == (300, 15)


def test_a_retransmission_gives_back_the_original() -> None:
    original = picture(7, key=True)
    again = (
        original[:1] + bytes((original[1] & 0x80 | 97, 0, 1)) + original[4:8] + b"RTX!" + original[2:4] + original[12:]
    )
    assert rtp.unwrapped_rtx(again, 12, original[8:12], 120) == original
    probe = bytes((0xA0, 97)) + bytes(10) + bytes(3) + bytes((4,))
    assert rtp.unwrapped_rtx(probe, 12, bytes(4), 120) is None


def test_padding_alone_is_told_from_a_payload() -> None:
    assert rtp.is_only_padding(b"\xa0" + bytes(11) + bytes(3) + b"\4", 12, 16)
    assert not rtp.is_only_padding(b"\xa0" + bytes(11) + b"ab" + bytes(1) + b"\2", 12, 16)
    assert not rtp.is_only_padding(voice(1), 16, len(voice(1)))


@given(st.sets(numbers, min_size=1, max_size=40))
def test_a_nack_names_what_is_missing(missing: set[int]) -> None:
    packet = rtcp.nack(b"\0\0\0\1", b"\0\0\0\2", missing)
    (found,) = rtcp.packets(packet)
    assert set(rtcp.nacked(found.body)) == missing
    (theirs,) = reference.RtcpPacket.parse(packet)
    assert isinstance(theirs, reference.RtcpRtpfbPacket)
    assert set(theirs.lost) == missing


@given(st.integers(1, 2**40))
def test_a_receivers_estimate_is_read(rate: int) -> None:
    body = reference.pack_remb_fci(rate, [2])
    packet = bytes(reference.RtcpPsfbPacket(fmt=rtcp.REMB, ssrc=1, media_ssrc=0, fci=body))
    (found,) = rtcp.packets(packet)
    assert rtcp.remb_bit_s(found.body) == reference.unpack_remb_fci(body)[0]


def test_reports_are_read_by_others_as_they_were_meant() -> None:
    reception = rtcp.Reception(
        ssrc=b"\0\0\0\7", lost_fraction=0.5, lost_total=3, highest=70000, jitter=9, last_report=5, delay_s=1.5
    )
    (report,) = reference.RtcpPacket.parse(rtcp.receiver_report(b"\0\0\0\1", [reception]))
    assert isinstance(report, reference.RtcpRrPacket)
    told = report.reports[0]
    assert (told.ssrc, told.fraction_lost, told.packets_lost, told.highest_sequence) == (7, 128, 3, 70000)
    assert (told.jitter, told.lsr, told.dlsr) == (9, 5, 98304)
    (sender,) = reference.RtcpPacket.parse(rtcp.sender_report(b"\0\0\0\1", b"timetime", 99, 3, 300))
    assert isinstance(sender, reference.RtcpSrPacket)
    assert (sender.sender_info.rtp_timestamp, sender.sender_info.packet_count) == (99, 3)
    (wish,) = reference.RtcpPacket.parse(rtcp.pli(b"\0\0\0\1", b"\0\0\0\2"))
    assert isinstance(wish, reference.RtcpPsfbPacket)
    assert (wish.fmt, wish.media_ssrc) == (1, 2)


def told(packet: bytes) -> dict[int, float | None]:
    """A transport feedback read back: number -> arrival in seconds, None where it did not come."""
    base, count, word = unpack_from("!HHI", packet, 12)
    at, symbols = 20, list[int]()
    while len(symbols) < count:
        (chunk,) = unpack_from("!H", packet, at)
        at += 2
        if chunk & 0x8000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
    time, found = (word >> 8) * 64 / 1000, dict[int, float | None]()
    for place, symbol in enumerate(symbols[:count]):
        if symbol:
            delta = packet[at] if symbol == 1 else unpack_from("!h", packet, at)[0]
            at += symbol
            time += delta * 0.00025
        found[(base + place) & 0xFFFF] = time if symbol else None
    return found


@given(
    numbers,
    st.lists(
        st.tuples(st.integers(0, 300), st.floats(0, 0.4)), min_size=1, max_size=60, unique_by=lambda pair: pair[0]
    ),
)
def test_arrivals_are_told_to_a_quarter_of_a_millisecond(first: int, came: list[tuple[int, float]]) -> None:
    """In any order, with losses, over the end of the numbers."""
    arrivals = Arrivals()
    for step, time in came:
        arrivals.add((first + step) & 0xFFFF, 1000 + time)
    packet = arrivals.feedback(b"\0\0\0\1", b"\0\0\0\2")
    assert packet is not None
    assert len(packet) == 4 * (unpack_from("!H", packet, 2)[0] + 1)
    found = told(packet)
    for step, time in came:
        seen = found[(first + step) & 0xFFFF]
        assert seen is not None
        assert abs(seen - 1000 - time) < 0.0003
    assert len([seen for seen in found.values() if seen is not None]) == len(came)
    assert arrivals.feedback(b"\0\0\0\1", b"\0\0\0\2") is None


def test_feedback_stays_small_and_forgets() -> None:
    arrivals, longest = Arrivals(), 0
    for number in range(20_000):
        arrivals.add(number & 0xFFFF, number * 0.001)
        if number % 100 == 99:
            packet = arrivals.feedback(bytes(4), bytes(4))
            assert packet is not None
            longest = max(longest, len(packet))
    assert longest < 250
    assert len(arrivals._times) <= 1300

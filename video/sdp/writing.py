"""Our own descriptions: the answer to what a client publishes, the offer of what it may receive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from video.model import (
    CAMERA_KBIT_S,
    LEAST_KBIT_S,
    SCREEN_KBIT_S,
    START_KBIT_S,
    Endpoint,
    Kind,
    Layout,
    MediaType,
    Publication,
    PubLine,
    Refusal,
    Source,
    SubLine,
)
from video.sdp.codecs import (
    ABS_SEND_TIME,
    ABS_SEND_TIME_ID,
    AUDIO_LEVEL,
    AUDIO_LEVEL_ID,
    NAMES,
    OPUS,
    PUB_EXTENSIONS,
    RTX,
    VP8,
)
from video.sdp.parsing import Description, SdpRefused

_MAX_KBIT_S: Mapping[Kind, int] = {"camera": CAMERA_KBIT_S, "screen": SCREEN_KBIT_S}


def pub_answer(offered: Description, published: Publication, endpoint: Endpoint) -> str:
    """Our answer to a `pub` offer: we only receive."""
    by_mid = {line.mid: line for line in published.lines}
    in_bundle = [section.mid for section in offered.sections if not section.is_rejected]
    lines = list(_head(endpoint, in_bundle))
    for section in offered.sections:
        if section.is_rejected:
            lines += [
                f"m={section.media} 0 UDP/TLS/RTP/SAVPF 0",
                "c=IN IP4 0.0.0.0",
                f"a=mid:{section.mid}",
                "a=inactive",
            ]
            continue
        line = by_mid.get(section.mid)
        payload_type = section.payload_type
        if payload_type is None:
            raise SdpRefused(Refusal.NO_CODEC, f"no {NAMES[section.media][0]}")
        types = [payload_type] if section.rtx_payload_type is None else [payload_type, section.rtx_payload_type]
        lines += _transport(section.media, section.mid, "recvonly" if line else "inactive", types, endpoint, "passive")
        lines += _codecs(section.media, payload_type, section.rtx_payload_type, _pub_fmtp(line), ["transport-cc"])
        lines += [f"a=extmap:{section.extensions[uri]} {uri}" for uri in PUB_EXTENSIONS if uri in section.extensions]
    return _text(lines)


def sub_offer(layout: Layout) -> str:
    """Our offer to a client's `sub` connection: we only send."""
    lines = list(_head(layout.endpoint, [line.mid for line in layout.lines]))
    for line in layout.lines:
        rtx = RTX if line.media == "video" else None
        codec = VP8 if line.media == "video" else OPUS
        types = [codec] if rtx is None else [codec, rtx]
        direction = "sendonly" if line.source else "inactive"
        lines += _transport(line.media, line.mid, direction, types, layout.endpoint, "actpass")
        fmtp = "minptime=10;useinbandfec=1" if line.media == "audio" else ""
        lines += _codecs(line.media, codec, rtx, fmtp, ["goog-remb"] if line.media == "video" else [])
        if line.media == "audio":
            lines.append(f"a=extmap:{AUDIO_LEVEL_ID} {AUDIO_LEVEL}")
        lines.append(f"a=extmap:{ABS_SEND_TIME_ID} {ABS_SEND_TIME}")
        if line.source:
            lines += _sending(line, line.source)
    return _text(lines)


def _head(endpoint: Endpoint, bundle: Sequence[str]) -> Iterator[str]:
    yield "v=0"
    yield f"o=- {endpoint.session} {endpoint.version} IN IP4 127.0.0.1"  # the address has no meaning (RFC 8829, 5.2.1)
    yield "s=-"
    yield "t=0 0"
    yield "a=ice-lite"
    if bundle:
        yield f"a=group:BUNDLE {' '.join(bundle)}"
    yield "a=msid-semantic: WMS *"


def _transport(
    media: MediaType, mid: str, direction: str, payload_types: Sequence[int], endpoint: Endpoint, setup: str
) -> Iterator[str]:
    address, port = endpoint.addresses[0]
    yield f"m={media} {port} UDP/TLS/RTP/SAVPF {' '.join(map(str, payload_types))}"
    yield f"c=IN IP{6 if ':' in address else 4} {address}"
    yield "a=rtcp-mux"
    yield "a=rtcp-rsize"
    yield f"a=mid:{mid}"
    yield f"a={direction}"
    yield f"a=ice-ufrag:{endpoint.ufrag}"
    yield f"a=ice-pwd:{endpoint.pwd}"
    yield f"a=fingerprint:{endpoint.fingerprint.algorithm} {endpoint.fingerprint.value}"
    yield f"a=setup:{setup}"
    for number, (address, port) in enumerate(endpoint.addresses):
        yield f"a=candidate:{number + 1} 1 udp {2130706431 - number} {address} {port} typ host"
    yield "a=end-of-candidates"


def _codecs(media: MediaType, payload_type: int, rtx: int | None, fmtp: str, feedback: Sequence[str]) -> Iterator[str]:
    yield f"a=rtpmap:{payload_type} " + ("opus/48000/2" if media == "audio" else "VP8/90000")
    if fmtp:
        yield f"a=fmtp:{payload_type} {fmtp}"
    for word in [*(["nack", "nack pli", "ccm fir"] if media == "video" else []), *feedback]:
        yield f"a=rtcp-fb:{payload_type} {word}"
    if rtx is not None:
        yield f"a=rtpmap:{rtx} rtx/90000"
        yield f"a=fmtp:{rtx} apt={payload_type}"


def _pub_fmtp(line: PubLine | None) -> str:
    if line is None:
        return ""
    if line.kind == "audio":
        return "minptime=10;useinbandfec=1"
    # Chromium only (kbit/s); others pass it over. Without it the first seconds are 300 kbit/s.
    most = _MAX_KBIT_S[line.kind]
    return f"x-google-start-bitrate={START_KBIT_S};x-google-max-bitrate={most};x-google-min-bitrate={LEAST_KBIT_S}"


def _sending(line: SubLine, source: Source) -> Iterator[str]:
    # One stream for voice and face, so that the browser keeps them in step; the screen is a stream of its own.
    stream = f"p{source.participant}-{'screen' if source.kind == 'screen' else 'person'}"
    yield f"a=msid:{stream} p{source.participant}-{source.kind}"
    if line.rtx_ssrc is not None:
        yield f"a=ssrc-group:FID {line.ssrc} {line.rtx_ssrc}"
    for ssrc in (line.ssrc, line.rtx_ssrc):
        if ssrc is not None:
            yield f"a=ssrc:{ssrc} cname:p{source.participant}"


def _text(lines: Sequence[str]) -> str:
    return "\r\n".join(lines) + "\r\n"

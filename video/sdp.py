"""Session descriptions (RFC 8866, RFC 8829): a browser's offer or answer read strictly, and our own written.

Only Opus and VP8 with its retransmissions (RTX) are taken. Ids of payload types and header extensions differ per browser, so
each side's own are kept; what we offer on `sub` has ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from video.model import (
    CAMERA_KBIT_S,
    KINDS,
    LEAST_KBIT_S,
    LINES_MOST,
    MEDIA_TYPE,
    SCREEN_KBIT_S,
    SDP_BYTES_MOST,
    START_KBIT_S,
    Answered,
    AnsweredLine,
    Endpoint,
    Fingerprint,
    Kind,
    Layout,
    MediaType,
    Publication,
    PubLine,
    Refusal,
    Source,
    SubLine,
)

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
PUB_EXTENSIONS = (
    MID,
    AUDIO_LEVEL,
    TRANSPORT_CC,
)  # abs-send-time is left out: transport-cc alone shall steer the sender

# What we offer on `sub`.
OPUS, VP8, RTX = 111, 96, 97
AUDIO_LEVEL_ID, ABS_SEND_TIME_ID = 1, 2

_HASHES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_NAMES: Mapping[MediaType, tuple[str, str]] = {"audio": ("opus", "48000/2"), "video": ("vp8", "90000")}
_MAX_KBIT_S: Mapping[Kind, int] = {"camera": CAMERA_KBIT_S, "screen": SCREEN_KBIT_S}
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


class SdpRefused(Exception):
    """The description is not one that we take. `code` is a Refusal; `detail` is for the log and quotes nothing of it."""

    def __init__(self, code: Refusal, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line with what belongs to it."""

    media: MediaType
    mid: str
    direction: str
    is_rejected: bool
    payload_type: int | None  # of Opus or VP8
    rtx_payload_type: int | None
    extensions: Mapping[str, int]
    ssrcs: tuple[int, ...]
    rtx_of: Mapping[int, int]  # SSRC of the medium -> SSRC of its retransmissions


@dataclass(frozen=True, slots=True)
class Description:
    ufrag: str
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    sections: tuple[Section, ...]


@dataclass(slots=True)
class _Draft:
    """What was read so far of one m-line."""

    media: str
    port: int
    payload_types: tuple[int, ...]
    values: dict[str, list[str]] = field(default_factory=dict)

    def all(self, name: str) -> list[str]:
        return self.values.get(name, [])

    def one(self, name: str) -> str | None:
        found = self.all(name)
        if len(found) > 1:
            raise SdpRefused(Refusal.BAD_SDP, f"a={name} twice in a section")
        return found[0] if found else None


def publication(offer: str, mids: Mapping[str, str]) -> tuple[Publication, Description]:
    """What a client's `pub` offer publishes. `mids`: mid -> kind, each kind at most once; other m-lines stay unused."""
    described = parse(offer)
    if described.setup not in ("actpass", "active"):
        raise SdpRefused(Refusal.BAD_SDP, "an offer must let us be passive")
    by_mid = {section.mid: section for section in described.sections}
    lines = []
    for mid, word in mids.items():
        kind, section = _kind(word), by_mid.get(mid)
        if section is None or section.is_rejected or MEDIA_TYPE[kind] != section.media:
            raise SdpRefused(Refusal.BAD_MIDS, "no such m-line of this medium")
        if section.payload_type is None:
            raise SdpRefused(Refusal.NO_CODEC, f"no {_NAMES[section.media][0]}")
        if section.direction in ("recvonly", "inactive"):
            raise SdpRefused(Refusal.BAD_MIDS, "an m-line that sends nothing")
        ssrc = next((ssrc for ssrc in section.ssrcs if ssrc not in section.rtx_of.values()), None)
        lines.append(
            PubLine(
                mid=mid,
                kind=kind,
                payload_type=section.payload_type,
                rtx_payload_type=section.rtx_payload_type,
                extensions={uri: section.extensions[uri] for uri in PUB_EXTENSIONS if uri in section.extensions},
                ssrc=ssrc,
                rtx_ssrc=section.rtx_of.get(ssrc) if ssrc is not None else None,
            )
        )
    if len({line.kind for line in lines}) != len(lines):
        raise SdpRefused(Refusal.BAD_MIDS, "a kind twice")
    return Publication(described.ufrag, described.fingerprints, tuple(lines)), described


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
            raise SdpRefused(Refusal.NO_CODEC, f"no {_NAMES[section.media][0]}")
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


def answered(answer: str) -> Answered:
    """What a client's answer on `sub` takes of our offer."""
    described = parse(answer)
    if described.sections and described.setup != "active":
        raise SdpRefused(Refusal.BAD_SDP, "the client of our offer must be active")
    return Answered(
        described.ufrag,
        described.fingerprints,
        tuple(
            AnsweredLine(
                mid=section.mid,
                takes=not section.is_rejected
                and section.direction in ("recvonly", "sendrecv")
                and section.payload_type == (OPUS if section.media == "audio" else VP8),
                rtx=section.rtx_payload_type == RTX,
                abs_send_time=section.extensions.get(ABS_SEND_TIME) == ABS_SEND_TIME_ID,
                audio_level=section.extensions.get(AUDIO_LEVEL) == AUDIO_LEVEL_ID,
            )
            for section in described.sections
        ),
    )


# --- reading ---


def parse(text: str) -> Description:
    """Raises SdpRefused. Attributes that we do not know are passed over; those that we know must be right."""
    if len(text.encode("utf-8", "replace")) > SDP_BYTES_MOST:
        raise SdpRefused(Refusal.TOO_LARGE, "too many bytes")
    session, drafts = _drafts(text)
    if len(drafts) > LINES_MOST:
        raise SdpRefused(Refusal.TOO_LARGE, "too many m-lines")
    bundle = next((group.split()[1:] for group in session.all("group") if group.startswith("BUNDLE")), [])
    sections = tuple(_section(draft, bundle) for draft in drafts)
    if len({section.mid for section in sections}) != len(sections):
        raise SdpRefused(Refusal.BAD_SDP, "a mid twice")
    carriers = [session, *(draft for draft, section in zip(drafts, sections, strict=True) if not section.is_rejected)]
    ufrags = {value for carrier in carriers for value in carrier.all("ice-ufrag")}
    setups = {value for carrier in carriers for value in carrier.all("setup")}
    fingerprints = {_fingerprint(value) for carrier in carriers for value in carrier.all("fingerprint")}
    if not drafts:
        return Description("", (), "", ())
    if len(ufrags) != 1 or len(setups) != 1 or not fingerprints:
        raise SdpRefused(Refusal.BAD_SDP, "ICE user, set-up and fingerprint must be one for all")
    (ufrag,), (setup,) = ufrags, setups
    if not re.fullmatch(r"[A-Za-z0-9+/]{4,256}", ufrag):
        raise SdpRefused(Refusal.BAD_SDP, "ice-ufrag")
    known = tuple(sorted((f for f in fingerprints if f.algorithm in _HASHES), key=lambda f: f.algorithm))
    if not known:
        raise SdpRefused(Refusal.BAD_SDP, "no fingerprint by SHA-2")
    return Description(ufrag, known, setup, sections)


def _drafts(text: str) -> tuple[_Draft, list[_Draft]]:
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if not lines or lines[0] != "v=0":
        raise SdpRefused(Refusal.BAD_SDP, "not a description")
    session = _Draft("", 0, ())
    drafts: list[_Draft] = []
    for line in lines:
        if len(line) < 2 or line[1] != "=" or not line.isprintable():
            raise SdpRefused(Refusal.BAD_SDP, "a line that is none")
        if line.startswith("m="):
            drafts.append(_media(line[2:]))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            (drafts[-1] if drafts else session).values.setdefault(name, []).append(value)
    return session, drafts


def _media(value: str) -> _Draft:
    found = re.fullmatch(r"(audio|video) (\d{1,5}) UDP/TLS/RTP/SAVPF((?: \d{1,3})+)", value)
    if found is None:
        raise SdpRefused(Refusal.BAD_SDP, "an m-line that is neither audio nor video over DTLS")
    payload_types = tuple(int(word) for word in found[3].split())
    if any(payload_type > 127 for payload_type in payload_types):
        raise SdpRefused(Refusal.BAD_SDP, "payload type")
    return _Draft(found[1], int(found[2]), payload_types)


def _section(draft: _Draft, bundle: Sequence[str]) -> Section:
    mid = draft.one("mid")
    if mid is None or not re.fullmatch(r"[A-Za-z0-9_.-]{1,16}", mid):
        raise SdpRefused(Refusal.BAD_SDP, "mid")
    is_rejected = draft.port == 0 and "bundle-only" not in draft.values
    if not is_rejected and (mid not in bundle or "rtcp-mux" not in draft.values):
        raise SdpRefused(Refusal.BAD_SDP, "an m-line outside the bundle, or without rtcp-mux")
    directions = [direction for direction in _DIRECTIONS if direction in draft.values]
    if len(directions) > 1:
        raise SdpRefused(Refusal.BAD_SDP, "two directions")
    media: MediaType = "audio" if draft.media == "audio" else "video"
    payload_type = _payload_type(draft, *_NAMES[media])
    return Section(
        media=media,
        mid=mid,
        direction=directions[0] if directions else "sendrecv",
        is_rejected=is_rejected,
        payload_type=payload_type,
        rtx_payload_type=_rtx_payload_type(draft, payload_type),
        extensions=_extensions(draft),
        ssrcs=tuple(dict.fromkeys(_number(value.partition(" ")[0], 2**32) for value in draft.all("ssrc"))),
        rtx_of=_rtx_of(draft),
    )


def _rtpmap(draft: _Draft) -> Iterator[tuple[int, str, str]]:
    for value in draft.all("rtpmap"):
        found = re.fullmatch(r"(\d{1,3}) ([A-Za-z0-9_.-]+)/(\S+)", value)
        if found is None:
            raise SdpRefused(Refusal.BAD_SDP, "rtpmap")
        if int(found[1]) in draft.payload_types:
            yield int(found[1]), found[2].lower(), found[3]


def _payload_type(draft: _Draft, name: str, rate: str) -> int | None:
    found = {number for number, codec, clock in _rtpmap(draft) if (codec, clock) == (name, rate)}
    return next((number for number in draft.payload_types if number in found), None)


def _rtx_payload_type(draft: _Draft, payload_type: int | None) -> int | None:
    if draft.media != "video" or payload_type is None:
        return None
    rtx = {number for number, codec, _ in _rtpmap(draft) if codec == "rtx"}
    for value in draft.all("fmtp"):
        number, _, parameters = value.partition(" ")
        if number.isdigit() and int(number) in rtx and f"apt={payload_type}" in re.split(r"[; ]+", parameters):
            return int(number)
    return None


def _extensions(draft: _Draft) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in draft.all("extmap"):
        match = re.fullmatch(r"(\d{1,5})(?:/[a-z]+)? (\S+)(?: .*)?", value)
        if match is None:
            raise SdpRefused(Refusal.BAD_SDP, "extmap")
        if 1 <= int(match[1]) <= 14:  # the one-byte form has no more
            found[match[2]] = int(match[1])
    return found


def _rtx_of(draft: _Draft) -> dict[int, int]:
    found: dict[int, int] = {}
    for value in draft.all("ssrc-group"):
        words = value.split()
        if words[:1] == ["FID"]:
            if len(words) != 3:
                raise SdpRefused(Refusal.BAD_SDP, "ssrc-group")
            found[_number(words[1], 2**32)] = _number(words[2], 2**32)
    return found


def _fingerprint(value: str) -> Fingerprint:
    algorithm, _, digits = value.partition(" ")
    algorithm, digits = algorithm.lower(), digits.strip().upper()
    if not re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2})*", digits):
        raise SdpRefused(Refusal.BAD_SDP, "fingerprint")
    if len(digits.split(":")) != _HASHES.get(algorithm, len(digits.split(":"))):
        raise SdpRefused(Refusal.BAD_SDP, "length of the fingerprint")
    return Fingerprint(algorithm, digits)


def _number(word: str, below: int) -> int:
    if not word.isascii() or not word.isdigit() or int(word) >= below:
        raise SdpRefused(Refusal.BAD_SDP, "number")
    return int(word)


def _kind(word: str) -> Kind:
    for kind in KINDS:
        if word == kind:
            return kind
    raise SdpRefused(Refusal.BAD_MIDS, "no such kind")


# --- writing ---


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

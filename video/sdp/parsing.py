"""A browser's description read strictly, into what we have words for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from video.model import LINES_MOST, SDP_BYTES_MOST, Fingerprint, MediaType, Refusal
from video.sdp.codecs import NAMES

_HASHES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
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
    payload_type = _payload_type(draft, *NAMES[media])
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

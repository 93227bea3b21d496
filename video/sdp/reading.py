"""What a client's description says: what it publishes by its offer, what it takes by its answer."""

from __future__ import annotations

from collections.abc import Mapping

from video.model import KINDS, MEDIA_TYPE, Answered, AnsweredLine, Kind, Publication, PubLine, Refusal
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
from video.sdp.parsing import Description, SdpRefused, parse


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
            raise SdpRefused(Refusal.NO_CODEC, f"no {NAMES[section.media][0]}")
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


def _kind(word: str) -> Kind:
    for kind in KINDS:
        if word == kind:
            return kind
    raise SdpRefused(Refusal.BAD_MIDS, "no such kind")

"""Codecs and header extensions of our descriptions, by name and by our own numbers."""

from __future__ import annotations

from collections.abc import Mapping

from video.model import MediaType

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

NAMES: Mapping[MediaType, tuple[str, str]] = {"audio": ("opus", "48000/2"), "video": ("vp8", "90000")}

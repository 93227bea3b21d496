"""Session descriptions (RFC 8866, RFC 8829): a browser's offer or answer read strictly, and our own written.

Only Opus and VP8 with its retransmissions (RTX) are taken. Ids of payload types and header extensions differ per browser, so
each side's own are kept; what we offer on `sub` has ours.
"""

from __future__ import annotations

from video.sdp.codecs import MID, TRANSPORT_CC
from video.sdp.parsing import SdpRefused, parse
from video.sdp.reading import answered, publication
from video.sdp.writing import pub_answer, sub_offer

__all__ = ["MID", "TRANSPORT_CC", "SdpRefused", "answered", "parse", "pub_answer", "publication", "sub_offer"]

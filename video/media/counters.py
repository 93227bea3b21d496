"""What a worker counts. Gauges (rooms, peers, lag) are added where `stats` is answered."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    rtcp_in: int = 0
    stun_in: int = 0
    stun_refused: int = 0  # wrong password, unknown user, more than the cap
    unknown_sender: int = 0
    srtp_refused: int = 0  # forged or repeated
    policed: int = 0  # more than a connection may send
    send_failed: int = 0
    malformed: int = 0
    key_frames_asked: int = 0
    nacks_in: int = 0
    nacks_out: int = 0
    retransmitted: int = 0
    retransmission_missing: int = 0
    recovered: int = 0  # packets that came by upstream retransmission

    def as_numbers(self) -> dict[str, float]:
        return {field.name: float(getattr(self, field.name)) for field in fields(self)}

"""One browser's stream of messages, which outlives its sockets; no I/O.

Each message has a number; it is kept until the browser has acknowledged it, for a minute and some hundred messages at most. Where a
socket was lost, the next one goes on after the last number that arrived.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

KEPT_S = 60.0
KEPT_MOST = 500


@dataclass(frozen=True, slots=True)
class Numbered:
    seq: int
    at_s: float
    text: str


class Session:
    def __init__(self, room_id: UUID, number: int, epoch: int, now_s: Callable[[], float]) -> None:
        self.room_id = room_id
        self.number = number
        self.epoch = epoch
        self.language = "de"
        self.connection: UUID | None = None  # of the socket that speaks now
        self.view: Mapping[str, Any] | None = None  # what the browser was told last
        self.handled = 0  # id of the last message of the browser that was done
        self.is_over = False  # the last message is in the stream: ended, dismissed
        self.news = asyncio.Event()  # something to send, or over, or another socket took the seat
        self._now_s = now_s
        self._seq = 0
        self._kept: deque[Numbered] = deque()

    def say(self, kind: str, **members: Any) -> None:
        """Into the stream; a socket sends it as soon as there is one."""
        self._seq += 1
        self._kept.append(Numbered(self._seq, self._now_s(), self._text(kind, self._seq, members)))
        while self._kept and (len(self._kept) > KEPT_MOST or self._kept[0].at_s < self._now_s() - KEPT_S):
            self._kept.popleft()
        self.news.set()

    def aside(self, kind: str, **members: Any) -> str:
        """For this socket only, without a number: nobody misses it."""
        return self._text(kind, None, members)

    def acknowledge(self, seq: int) -> None:
        while self._kept and self._kept[0].seq <= seq:
            self._kept.popleft()

    def can_go_on_after(self, seq: int) -> bool:
        """Whether everything after that number is still here."""
        first = self._kept[0].seq if self._kept else self._seq + 1
        return first - 1 <= seq <= self._seq

    def after(self, seq: int) -> list[Numbered]:
        return [one for one in self._kept if one.seq > seq]

    def _text(self, kind: str, seq: int | None, members: Mapping[str, Any]) -> str:
        envelope = {"v": 1, "type": kind, "room": str(self.room_id), "epoch": self.epoch, "seq": seq}
        return json.dumps({**envelope, **members}, ensure_ascii=False)

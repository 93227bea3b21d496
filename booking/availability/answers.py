"""Answers as bytes, kept by their ETag."""

from __future__ import annotations

from collections import OrderedDict


class Answers:
    """The last ones used. A tag stands for the times themselves, so an answer never grows stale."""

    def __init__(self, most: int = 512) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._most = most

    def get(self, etag: str) -> bytes | None:
        if etag in self._kept:
            self._kept.move_to_end(etag)
        return self._kept.get(etag)

    def keep(self, etag: str, answer: bytes) -> None:
        self._kept[etag] = answer
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

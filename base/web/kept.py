"""Answers that are the same for everybody, kept as bytes: plain and packed, by the address asked for.

Whoever keeps one says how to tell that it still stands. A page that carries a key of its own is kept with a gap (`Stencil`), which is
filled at sending.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from aiohttp import web

_REFUSED = re.compile(r"gzip\s*;\s*q\s*=\s*0(\.0*)?\s*(,|$)")
_MOST_BYTES = 32 * 1024 * 1024
_WORTH_BYTES = 1000
_GZIP = zlib.MAX_WBITS | 16
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: deflate, no name, no time


class Sized(Protocol):
    @property
    def size(self) -> int: ...


Entry = TypeVar("Entry", bound=Sized)


class Kept(Generic[Entry]):
    """The entries used last, as many as fit."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._most_bytes = most_bytes
        self._bytes = 0

    def get(self, address: str) -> Entry | None:
        found = self._entries.get(address)
        if found is not None:
            self._entries.move_to_end(address)
        return found

    def keep(self, address: str, entry: Entry) -> None:
        former = self._entries.pop(address, None)
        self._bytes += _size(address, entry) - (_size(address, former) if former is not None else 0)
        self._entries[address] = entry
        while self._bytes > self._most_bytes and len(self._entries) > 1:
            self._bytes -= _size(*self._entries.popitem(last=False))


def _size(address: str, entry: Sized) -> int:
    return len(address) + entry.size


@dataclass(frozen=True, slots=True)
class Answer:
    """Its tag is a hash of the bytes: the same in every process, and after a restart."""

    plain: bytes
    packed: bytes
    media: str
    etag: str

    @classmethod
    def of(cls, plain: bytes, media: str) -> Answer:
        packing = zlib.compressobj(wbits=_GZIP)
        return cls(
            plain, packing.compress(plain) + packing.flush(), media, hashlib.blake2b(plain, digest_size=12).hexdigest()
        )

    @property
    def size(self) -> int:
        return len(self.plain) + len(self.packed)

    def send(self, request: web.Request) -> web.Response:
        """304 where the reader has it. The tag differs by encoding (RFC 9110, 8.8.3.3)."""
        headers = request.headers
        is_packed = len(self.plain) >= _WORTH_BYTES and accepts_gzip(headers.get("Accept-Encoding", ""))
        given = {
            "ETag": f'"{self.etag}{"-gz" if is_packed else ""}"',
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding",
        }
        if "If-None-Match" in headers and self.etag in {
            tag.value.removesuffix("-gz") for tag in request.if_none_match or ()
        }:
            return web.Response(status=304, headers=given)
        given["Content-Type"] = self.media
        if is_packed:
            given["Content-Encoding"] = "gzip"
        return web.Response(body=self.packed if is_packed else self.plain, headers=given)


class Stencil:
    """A page with one gap or several for the same key. Packed, the pieces around the gaps are ready too: each ends at a byte and refers
    to nothing outside of itself (a full flush), so only the key is put between them."""

    def __init__(self, page: bytes, gap: bytes) -> None:
        self._pieces = page.split(gap)
        self._packed = [self._pack(piece) for piece in self._pieces]
        self.size = sum(map(len, self._pieces)) + sum(map(len, self._packed))

    def plain(self, key: bytes) -> bytes:
        return key.join(self._pieces)

    def packed(self, key: bytes) -> bytes:
        """RFC 1951, 3.2.4: the key as a block that is stored as it is; an empty last block; then checksum and length."""
        stored = struct.pack("<BHH", 0, len(key), len(key) ^ 0xFFFF) + key
        page = self.plain(key)
        tail = b"\x03\x00" + struct.pack("<II", zlib.crc32(page), len(page) & 0xFFFFFFFF)
        return _GZIP_HEADER + stored.join(self._packed) + tail

    def send(self, request: web.Request, key: str, media: str, cache: str) -> web.Response:
        given = {"Content-Type": media, "Cache-Control": cache, "Vary": "Accept-Encoding"}
        if accepts_gzip(request.headers.get("Accept-Encoding", "")):
            given["Content-Encoding"] = "gzip"
            return web.Response(body=self.packed(key.encode()), headers=given)
        return web.Response(body=self.plain(key.encode()), headers=given)

    def _pack(self, piece: bytes) -> bytes:
        packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return packing.compress(piece) + packing.flush(zlib.Z_FULL_FLUSH)


def accepts_gzip(header: str) -> bool:
    """As browsers write it; whoever refuses it gets the plain bytes."""
    return "gzip" in header and _REFUSED.search(header) is None

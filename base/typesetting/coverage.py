"""Which signs a TrueType font has: its table `cmap`, in the two forms that our fonts use. Pure but for reading the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

_UNICODE = {(3, 10): 2, (0, 6): 2, (0, 4): 2, (3, 1): 1, (0, 3): 1}  # platform and encoding; the fuller one wins


def signs_of(path: Path) -> frozenset[int]:
    """Code points with a glyph of their own. Raises ValueError for a font without such a table."""
    font = path.read_bytes()
    start = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", font, start + 2)
    found = [struct.unpack_from(">HHI", font, start + 4 + 8 * n) for n in range(count)]
    known = sorted((_UNICODE[p, e], offset) for p, e, offset in found if (p, e) in _UNICODE)
    if not known:
        raise ValueError(f"{path.name}: no table for Unicode")
    at = start + known[-1][1]
    (form,) = struct.unpack_from(">H", font, at)
    if form not in _FORMS:
        raise ValueError(f"{path.name}: format {form}")
    return frozenset(_FORMS[form](font, at))


def _table(font: bytes, tag: bytes) -> int:
    (count,) = struct.unpack_from(">H", font, 4)
    for n in range(count):
        name, _sum, offset, _length = struct.unpack_from(">4sIII", font, 12 + 16 * n)
        if name == tag:
            return int(offset)
    raise ValueError(f"no table {tag!r}")


def _segments(font: bytes, at: int) -> Iterator[int]:
    """Format 4: segments of the first 65,536 code points."""
    (double,) = struct.unpack_from(">H", font, at + 6)
    ends, starts = at + 14, at + 16 + double
    deltas, offsets = starts + double, starts + 2 * double
    for n in range(0, double, 2):
        (end,), (first,) = struct.unpack_from(">H", font, ends + n), struct.unpack_from(">H", font, starts + n)
        (delta,), (offset,) = struct.unpack_from(">H", font, deltas + n), struct.unpack_from(">H", font, offsets + n)
        for code in range(first, end + 1):
            glyph = code
            if offset:
                (glyph,) = struct.unpack_from(">H", font, offsets + n + offset + 2 * (code - first))
            if code != 0xFFFF and (glyph or not offset) and (glyph + delta) & 0xFFFF:
                yield code


def _groups(font: bytes, at: int) -> Iterator[int]:
    """Format 12: groups of any code points."""
    (count,) = struct.unpack_from(">I", font, at + 12)
    for n in range(count):
        first, end, glyph = struct.unpack_from(">III", font, at + 16 + 12 * n)
        yield from range(first + (glyph == 0), end + 1)


_FORMS = {4: _segments, 12: _groups}

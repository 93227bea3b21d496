"""Files as a browser sends them, or a zip of them, become contents by name as a folder has them. Pure."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from booking.catalogue.draft import LineError
from booking.catalogue.import_format import FILES
from booking.catalogue.import_report import ImportRefused

MOST_BYTES = 4 * 1024 * 1024  # as sent; a city of 600 services has a quarter of a megabyte
_UNPACKED_BYTES_MOST = 4 * MOST_BYTES


def unpack(sent: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Of a zip, also the files within a folder; what is no table of ours is left out. Raises ImportRefused."""
    found: dict[str, bytes] = {}
    twice = []
    for name, raw in _all(sent):
        if name in found:
            twice.append(LineError(name, 0, "", "duplicate_file", "This file is there twice."))
        found[name] = raw
    if twice:
        raise ImportRefused(twice)
    return found


def _all(sent: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for path, raw in sent:
        name = PurePosixPath(path.replace("\\", "/")).name
        if name.lower().endswith(".zip"):
            yield from _of_zip(name, raw)
        elif _is_ours(name):
            yield name, raw


def _of_zip(name: str, raw: bytes) -> list[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = [(PurePosixPath(one.filename).name, one) for one in archive.infolist() if not one.is_dir()]
            ours = [(file, one) for file, one in entries if _is_ours(file)]
            if sum(one.file_size for _, one in ours) > _UNPACKED_BYTES_MOST:
                raise ImportRefused([LineError(name, 0, "", "too_large", "What is in this file is too large.")])
            return [(file, archive.read(one)) for file, one in ours]  # never more than the size it says
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError):
        # encrypted, damaged, or packed in a way that Python does not know
        raise ImportRefused([LineError(name, 0, "", "broken_zip", "This zip file cannot be read.")]) from None


def _is_ours(name: str) -> bool:
    """Also what only looks like it, so that a misspelt name is noticed; not what a Mac adds."""
    return name in FILES or (name.endswith((".csv", ".toml")) and not name.startswith("."))

"""What a file is, by its content: what its sender, or its name, says of it is not asked."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"

    @property
    def media(self) -> str:
        return {Kind.PDF: "application/pdf", Kind.JPEG: "image/jpeg", Kind.PNG: "image/png"}[self]


# ISO 32000 7.5.2, ITU-T T.81 B.1.1 (SOI and the next marker), PNG 5.2
_BEGINS = {Kind.PDF: b"%PDF-", Kind.JPEG: b"\xff\xd8\xff", Kind.PNG: b"\x89PNG\r\n\x1a\n"}


def kind_of(raw: bytes) -> Kind | None:
    return next((kind for kind, begins in _BEGINS.items() if raw.startswith(begins)), None)

"""The alphabet of text messages (3GPP TS 23.038, 6.2.1) and how many parts a text is sent and charged as (TS 23.040, 9.2.3.24)."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a letter: these count twice
_PLAIN = str.maketrans(
    {
        "„": '"', "“": '"', "”": '"', "‚": "'", "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...",
        "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u00ad": "", "\u200b": "",
    }
)  # fmt: skip


def plain(text: str) -> str:
    """With plain quotes, dashes and spaces: one typographic mark would more than halve what fits into a part."""
    return text.translate(_PLAIN)


def is_gsm(text: str) -> bool:
    return all(letter in _BASIC or letter in _EXTENDED for letter in text)


def segments(text: str) -> int:
    """160 septets alone or 153 in each of several parts; with any letter from outside the alphabet 70 or 67 UTF-16 units."""
    if is_gsm(text):
        widths = [2 if letter in _EXTENDED else 1 for letter in text]
        return _parts(widths, alone=160, each=153)
    return _parts([len(letter.encode("utf-16-le")) // 2 for letter in text], alone=70, each=67)


def _parts(widths: list[int], *, alone: int, each: int) -> int:
    """A letter of two units is never cut in two."""
    if sum(widths) <= alone:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > each:
            parts, used = parts + 1, 0
        used += width
    return parts

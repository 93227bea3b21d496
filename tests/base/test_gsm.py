"""What fits into a text message, and what makes it more than one."""

import pytest

from base.gsm import is_gsm, plain, segments


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("ä" * 160, 1),
        ("ä" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # two septets each
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 10, 2),
        ("a" * 152 + "€" * 77, 3),  # an escape is not torn from its letter: 152, 152 and 2
        ("„" * 70, 1),
        ("„" * 71, 2),
        ("„" * 134, 2),
        ("„" * 135, 3),
        ("🙂" * 35, 1),
        ("🙂" * 36, 2),
        ("🙂" * 67, 3),  # 33 of them in a part of 67 units
    ],
)
def test_parts(text: str, parts: int) -> None:
    assert segments(text) == parts


def test_umlauts_and_the_euro_are_in_the_alphabet_and_quotes_are_not() -> None:
    assert is_gsm("Größe: 37,00 €, §5 [Ä] ~_ÖÜß@")
    assert not is_gsm("„Größe“")
    assert not is_gsm("Łódź")
    assert is_gsm(plain("„Größe“ – 37,00\u00a0€ … ‚a’"))
    assert plain("9:40\u202fAM") == "9:40 AM"

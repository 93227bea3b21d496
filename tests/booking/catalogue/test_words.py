from hypothesis import given
from hypothesis import strategies as st

from booking.catalogue.words import fold, terms


def test_fold_makes_one_word_of_its_spellings() -> None:
    assert fold("Führerschein") == fold("FUEHRERSCHEIN") == fold("fu\u0308hrerschein") == "fuehrerschein"
    assert fold("Straße, Café & 100%_a") == "strasse cafe 100 a"
    assert fold("İzin") == "izin"


@given(st.text())
def test_fold_is_stable_and_holds_no_wildcards(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert not set(folded) & set("%_\\'\0")


def test_terms_are_the_words_that_count() -> None:
    assert terms("Ich möchte meine Wohnung ummelden!") == ["wohnung", "ummelden"]
    assert terms("der die das") == ["der", "die", "das"]
    assert terms("  ") == []
    assert len(terms(" ".join(f"wort{n}" for n in range(50)))) == 8

"""Whatever somebody is called, the text that is set has a glyph for each sign, and differs from theirs only where no font has one."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from base.typesetting import signs
from base.typesetting.setting import Unsettable, typeset
from base.typesetting.signs import FONTS, fonts, plain, settable
from tests.base.typesetting.names import LOST, NAMES

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
SHEET = """#set document(title: "Sheet")
#set text(font: json(bytes(sys.inputs.fonts)), lang: "de")
#for line in json(bytes(sys.inputs.lines)) { par(line) }
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "sheet.typ"
    path.write_text(SHEET)
    return path


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_set_as_it_is_written(template: Path, name: str) -> None:
    assert settable(name) == unicodedata.normalize("NFC", name)
    assert typeset(template, AT, lines=[name]) != typeset(
        template, AT, lines=[plain(name)]
    )  # so not by the last resort


@pytest.mark.parametrize(("written", "shown"), LOST.items())
def test_what_no_font_has_is_seen_to_be_missing(template: Path, written: str, shown: str) -> None:
    assert settable(written) == shown
    typeset(template, AT, lines=[written])


def test_every_assigned_sign_can_be_set(template: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Alone, and after a letter, as marks are; none needs the last resort. Beyond is nothing but rare Chinese."""
    every = [chr(code) for code in range(0x20000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]
    lines = ["".join(f"{sign}n{sign} " for sign in every[at : at + 2000]) for at in range(0, len(every), 2000)]
    typeset(template, AT, lines=lines)
    assert caplog.messages == []


def test_data_are_no_commands_and_the_same_data_give_the_same_bytes(template: Path) -> None:
    line = '#panic("no") $x$ *bold* \\ <label> @ref "quoted"'
    first = typeset(template, AT, lines=[line])
    assert "#panic" in PdfReader(BytesIO(first)).pages[0].extract_text()
    assert typeset(template, AT, lines=[line]) == first


def test_what_cannot_be_set_at_all_says_so(template: Path) -> None:
    template.write_text("#panic(sys.inputs.lines)")
    with pytest.raises(Unsettable):
        typeset(template, AT, lines=[])


def test_what_is_refused_is_set_plain(template: Path, caplog: pytest.LogCaptureFixture) -> None:
    template.write_text(SHEET + '#if json(bytes(sys.inputs.lines)).first().contains("ł") { panic() }')
    made = typeset(template, AT, lines=["Ada Włodek"])
    assert "Ada W" in PdfReader(BytesIO(made)).pages[0].extract_text()
    assert caplog.messages == ["set with plain signs"]
    assert plain("Müller-Łé 王") == "Muller-□e □"


def test_all_fonts_are_read() -> None:
    assert len(fonts()) == len(list(FONTS.iterdir())) == 30
    assert signs.SUBSTITUTE in "".join(map(chr, frozenset().union(*fonts())))

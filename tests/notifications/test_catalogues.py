"""Message catalogues: the tool finds every text, and the project's catalogues have no gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.i18n import check, main, texts_of_python, texts_of_template

ROOT = Path(__file__).resolve().parents[2]
HEADER = 'msgid ""\nmsgstr ""\n"Language: {}\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'


def test_the_project_has_no_gap() -> None:
    assert check(ROOT) == []


def test_texts_in_python() -> None:
    source = """
mark("marked")
translations.gettext(language, "with language {x}", x=1)
gettext("joined "
        "text")
translations.ngettext(language, "one", "many", n)
FieldError("/email", "invalid_email", "Wrong address.")
FieldError("/name", "missing", message="No name.")
gettext(language, computed)
class Taken(Conflict):
    code = "taken"
    message: ClassVar[str] = "Somebody was faster."
class NotAnError:
    message = "not shown to anybody"
"""
    assert set(texts_of_python(source)) == {
        "marked",
        "with language {x}",
        "joined text",
        ("one", "many"),
        "Wrong address.",
        "No name.",
        "Somebody was faster.",
    }


def test_texts_in_templates() -> None:
    source = """{{ _("plain") }} {{ _("with %(x)s", x=y) }} {{ ngettext("%(num)s day", "%(num)s days", n) }}
{% trans name=user %}Hello {{ name }}{% endtrans %}"""
    assert list(texts_of_template(source)) == [
        "plain",
        "with %(x)s",
        ("%(num)s day", "%(num)s days"),
        "Hello %(name)s",
    ]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package with two texts, both translated."""
    (tmp_path / "booking").mkdir()
    (tmp_path / "booking" / "a.py").write_text('mark("Hello {name}")\nngettext(l, "{n} day", "{n} days", n)\n')
    de = 'msgid "Hello {name}"\nmsgstr "Guten Tag {name}"\n\nmsgid "{n} day"\nmsgid_plural "{n} days"\n'
    catalogue(tmp_path, "de", de + 'msgstr[0] "{n} Tag"\nmsgstr[1] "{n} Tage"\n')
    assert main(["--update", "booking"], tmp_path) == 0
    return tmp_path


def catalogue(project: Path, language: str, body: str) -> None:
    file = project / "base" / "locale" / language / "booking.po"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEADER.format(language) + body, encoding="utf-8")


def german(project: Path) -> Path:
    return project / "base" / "locale" / "de" / "booking.po"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('msgstr "Guten Tag {name}"', 'msgstr ""', "missing: 'Hello {name}'"),
        ('msgstr[1] "{n} Tage"', 'msgstr[1] ""', "missing: ('{n} day', '{n} days')"),
        ('msgid "Hello {name}"', '#, fuzzy\nmsgid "Hello {name}"', "fuzzy: 'Hello {name}'"),
        ("Guten Tag {name}", "Guten Tag {nam}", "other placeholders: 'Hello {name}'"),
        ("{n} Tage", "Tage", "other placeholders: ('{n} day', '{n} days')"),
        ('msgid "Hello {name}"', 'msgid "Old"\nmsgstr "Alt"\n\nmsgid "Hello {name}"', "obsolete: 'Old'"),
        ('msgid "Hello {name}"', '#~ msgid "Old"\n#~ msgstr "Alt"\n\nmsgid "Hello {name}"', "obsolete: 'Old'"),
    ],
)
def test_each_gap_is_named(project: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, line: str) -> None:
    file = german(project)
    assert old in file.read_text(encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    capsys.readouterr()
    assert main(["booking"], project) == 1
    assert capsys.readouterr().out == f"base/locale/de/booking.po: {line}\n"


def test_an_update_keeps_translations_and_does_not_hide_gaps(project: Path) -> None:
    before = german(project).read_text(encoding="utf-8")
    (project / "booking" / "b.py").write_text('mark("New")\n')
    assert main(["--update", "booking"], project) == 1  # written, but not translated
    assert german(project).read_text(encoding="utf-8").startswith(before)
    assert check(project, ("booking",)) == ["base/locale/de/booking.po: missing: 'New'"]
    (project / "booking" / "b.py").unlink()
    assert main(["--update", "booking"], project) == 0
    assert german(project).read_text(encoding="utf-8") == before


def test_a_text_is_translated_in_one_way(project: Path) -> None:
    (project / "payment").mkdir()
    (project / "payment" / "a.py").write_text('mark("Hello {name}")\n')
    other = german(project).with_name("payment.po")
    other.write_text(HEADER.format("de") + 'msgid "Hello {name}"\nmsgstr "Hallo {name}"\n', encoding="utf-8")
    english = 'msgid "Hello {name}"\nmsgstr "Hello {name}"\n'
    (project / "base/locale/en/payment.po").write_text(HEADER.format("en") + english, encoding="utf-8")
    assert check(project, ("booking", "payment")) == [
        "base/locale/de/payment.po: translated otherwise than in base/locale/de/booking.po: 'Hello {name}'"
    ]

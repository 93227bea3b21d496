"""Keeps the catalogues whole: each text of the source is in base/locale/<language>/<package>.po, and nothing else is.

    python tools/i18n.py [package …]            compare; says what is missing, fuzzy, obsolete or wrong; exits with 1
    python tools/i18n.py --update [package …]   first write new texts into the catalogues and drop old ones

Texts are found in Python (`mark("…")`, `gettext("…")`, `ngettext("…", "…", n)`, the message of a DomainError or of a
FieldError) and in Jinja templates (`_()`, `{% trans %}`). A msgid is the English text, so the English catalogue
translates each text by itself.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jinja2.ext
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

PACKAGES = ("base", "booking", "payment", "notifications", "video", "frontend")
LANGUAGES = ("de", "en")
SOURCE_LANGUAGE = "en"
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|(?<!\{)\{(\w*)[^{}]*\}")
# As base.templates sets up Jinja: blanks inside {% trans %} belong to the msgid.
_JINJA_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true", "silent": "false"}
_HEADER = """\
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""

Msgid = str | tuple[str, str]  # one text, or singular and plural


def texts_of_python(source: str) -> Iterator[Msgid]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _texts_of_call(node)
        elif isinstance(node, ast.ClassDef):
            constants = dict(_constants(node))
            if "code" in constants and "message" in constants:
                yield constants["message"]


def _texts_of_call(call: ast.Call) -> Iterator[Msgid]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    texts = [text for argument in call.args[:3] if (text := _text(argument)) is not None]
    if name in ("_", "mark", "gettext") and texts:
        yield texts[0]  # the first argument, or the second where the language comes first
    elif name == "ngettext" and len(texts) > 1:
        yield texts[0], texts[1]
    elif name == "FieldError":
        given = call.args[2:3] + [keyword.value for keyword in call.keywords if keyword.arg == "message"]
        yield from (text for argument in given if (text := _text(argument)) is not None)


def _constants(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement in node.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            text = _text(statement.value)
            if isinstance(target, ast.Name) and text is not None:
                yield target.id, text


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts_of_template(source: str) -> Iterator[Msgid]:
    for _line, _function, message, _comments in jinja2.ext.babel_extract(
        io.BytesIO(source.encode()), ("_", "gettext", "ngettext"), (), _JINJA_OPTIONS
    ):
        texts = (message,) if isinstance(message, str) else tuple(text for text in message or () if text is not None)
        if texts:
            yield texts[0] if len(texts) == 1 else (texts[0], texts[1])


def extract(root: Path, package: str) -> dict[Msgid, list[str]]:
    """Texts and the files that have them, in the order of files and lines."""
    found: dict[Msgid, list[str]] = {}
    for file in sorted((root / package).rglob("*")):
        if file.suffix == ".py":
            texts = texts_of_python(file.read_text(encoding="utf-8"))
        elif file.suffix in (".html", ".txt") and "templates" in file.parts:
            texts = texts_of_template(file.read_text(encoding="utf-8"))
        else:
            continue
        name = file.relative_to(root).as_posix()
        for text in texts:
            files = found.setdefault(text, [])
            if name not in files:
                files.append(name)
    return found


def read(file: Path, language: str) -> Catalog:
    if not file.exists():
        return Catalog(locale=language)
    with file.open("rb") as stream:
        return read_po(stream, locale=language, abort_invalid=True)


def update(file: Path, language: str, texts: dict[Msgid, list[str]]) -> None:
    old = read(file, language)
    new = Catalog(locale=language)
    for text, files in texts.items():
        kept = old.get(text if isinstance(text, str) else text[0])
        string = text if language == SOURCE_LANGUAGE else kept.string if kept is not None and kept.id == text else ""
        flags = {"fuzzy"} if kept is not None and kept.fuzzy and language != SOURCE_LANGUAGE else set()
        new.add(text, string, locations=[(name, 1) for name in files], flags=flags)
    if not texts and not file.exists():
        return
    body = io.BytesIO()
    write_po(body, new, width=120, omit_header=True, include_lineno=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_HEADER.format(language=language) + body.getvalue().decode().lstrip("\n"), encoding="utf-8")


def gaps(catalogue: Catalog, language: str, texts: dict[Msgid, list[str]]) -> Iterator[tuple[str, Msgid]]:
    """What is wrong with one catalogue: (what, msgid)."""
    for text in texts:
        message = catalogue.get(text if isinstance(text, str) else text[0])
        strings = () if message is None or message.id != text else _forms(message.string)
        if message is None or not strings or not all(strings):
            yield "missing", text
        elif message.fuzzy:
            yield "fuzzy", text
        elif language == SOURCE_LANGUAGE and strings != _forms(text):
            yield "not the source text", text
        elif not all(_placeholders(string) in [_placeholders(form) for form in _forms(text)] for string in strings):
            yield "other placeholders", text
    known = {_first(text) for text in texts}
    for message in [*catalogue, *catalogue.obsolete.values()]:
        if message.id and (_first(message.id) not in known or message.id not in texts):
            yield "obsolete", message.id


def _forms(text: object) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text) if isinstance(text, tuple | list) else ()


def _first(text: object) -> str:
    return _forms(text)[0]


def _placeholders(text: str) -> set[str]:
    return {match[1] or match[2] or "" for match in _PLACEHOLDER.finditer(text.replace("%%", ""))}


def check(root: Path, packages: tuple[str, ...] = PACKAGES) -> list[str]:
    """One line for each gap; and no text may be translated in two ways, because catalogues are joined at run time."""
    lines: list[str] = []
    translated: dict[tuple[str, str], tuple[object, str]] = {}
    for package in packages:
        texts = extract(root, package)
        for language in LANGUAGES:
            name = f"base/locale/{language}/{package}.po"
            catalogue = read(root / name, language)
            lines += [f"{name}: {what}: {text!r}" for what, text in gaps(catalogue, language, texts)]
            for message in catalogue:
                if message.id and message.string:
                    string, where = translated.setdefault((language, _first(message.id)), (message.string, name))
                    if string != message.string:
                        lines.append(f"{name}: translated otherwise than in {where}: {message.id!r}")
    return lines


def main(arguments: list[str], root: Path) -> int:
    parser = argparse.ArgumentParser(prog="i18n", description="Compare or update the message catalogues.")
    parser.add_argument("--update", action="store_true", help="write new texts into the catalogues, drop old ones")
    parser.add_argument("packages", nargs="*", metavar="package", help=" ".join(PACKAGES))
    given = parser.parse_args(arguments)
    packages = tuple(given.packages) or PACKAGES
    if given.update:
        for package in packages:
            for language in LANGUAGES:
                update(root / "base" / "locale" / language / f"{package}.po", language, extract(root, package))
    lines = check(root, packages)
    print("\n".join(lines) or f"i18n: {', '.join(packages)}: complete in {', '.join(LANGUAGES)}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parent.parent))

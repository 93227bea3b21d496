"""What an applicant can find out alone with the two published files: golden files, words, and each thing that can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from base.i18n import Translations
from booking.allocation.canonical import list_bytes, result_bytes, sha256
from booking.allocation.explaining import explain
from booking.allocation.model import ClosedList
from booking.allocation.ranking import close, rank
from server.__main__ import main
from tests.booking.allocation.making import MORNINGS, OFFICES, request, slot, terms
from tests.golden import check_golden

GOLDEN = Path(__file__).parent / "golden"
SEED = "4 9 17 23 31 46 Superzahl 2"
WORDS = Translations.load()


def closed_list() -> ClosedList:
    return close(
        terms(),
        [slot("S1", 1, 9), slot("S2", 1, 9, 20), slot("S3", 1, 14, office=OFFICES[1]), slot("S4", 2, 10)],
        [
            request("7F2KQM9TB3XA", days_left=2, waited=6),
            request("9QKD3MTV5W0P", days_left=-4, waited=1, offices=(OFFICES[1], OFFICES[0]), windows=(MORNINGS,)),
            request("C4HN8RZ2YJ6E", days_left=15, waited=12),
            request("M1T7VQ0XKD9S", days_left=15, waited=12),
            request("P5GW2BA8E3NR", days_left=18, waited=12, offices=(OFFICES[1],)),
            request("T9YK6CJ4HS0Z", waited=80, windows=(MORNINGS,)),
            request("X3RE1PD7QV5M", waited=20),
        ],
    )


def test_list_and_result_as_published() -> None:
    closed = closed_list()
    check_golden(GOLDEN / "list.jsonl", list_bytes(closed).decode())
    check_golden(GOLDEN / "result.jsonl", result_bytes(rank(closed, SEED)).decode())


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_rank_in_words(language: str) -> None:
    closed = closed_list()
    result = rank(closed, SEED)
    names = {OFFICES[0]: {"de": "Ausländerbehörde", "en": "Foreigners' Office"}}
    lines = [
        "\n".join([f"{place.rank}. {place.id}", *explain(WORDS, language, closed, result, place.id, names), ""])
        for place in result.places
    ]
    check_golden(GOLDEN / f"explained.{language}.txt", "\n".join(lines))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    listed, result = tmp_path / "list.jsonl", tmp_path / "result.jsonl"
    listed.write_bytes(list_bytes(closed_list()))
    result.write_bytes(result_bytes(rank(closed_list(), SEED)))
    return listed, result


def check(files: tuple[Path, Path], *more: str, seed: str = SEED, ident: str = "c4hn-8rz2 yj6e") -> int:
    return main(["verify-rank", *map(str, files), "--seed", seed, "--id", ident, "--language", "en", *more])


def test_the_command_needs_neither_settings_nor_database(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    published = sha256(list_bytes(closed_list()))
    assert check(files, "--hash", published, "--deadline", "2026-12-12") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "List, draw and result are right: the rule gives the same, byte for byte."
    assert said[1].startswith("7 requests are in the closed list. Yours has rank ")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--hash", "00"], "The list is not the one whose hash was published."),
        (["--deadline", "2026-11-28"], "The list has another urgency than this deadline gives."),
        (["--id", "NOBODY"], "This number is not in the closed list."),
        (["--seed", "1 2 3"], "The result was drawn with another seed: 4 9 17"),
    ],
)
def test_what_was_told_otherwise_is_found(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert check(files, *more) == 1
    assert capsys.readouterr().out.startswith(said)


def test_a_result_with_two_places_exchanged_is_found(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    text = files[1].read_text()
    files[1].write_text(
        text.replace('"slot":"S1"', '"slot":"?"').replace('"slot":"S2"', '"slot":"S1"').replace("?", "S2")
    )
    assert check(files) == 1
    assert capsys.readouterr().out == "The rule gives another result than the one published.\n"


def test_a_list_changed_afterwards_is_found(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    files[0].write_text(files[0].read_text().replace('"class":4', '"class":1', 1))
    assert check(files) == 1
    assert "The list is not the one whose hash was published." in capsys.readouterr().out


def test_another_file_is_no_list(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert check((files[1], files[0])) == 1
    assert capsys.readouterr().out == "One of the files is not as Schalter writes it.\n"
    assert check((files[0].with_name("nothing"), files[1])) == 2

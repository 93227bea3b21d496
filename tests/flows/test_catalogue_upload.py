"""An administrator sends the catalogue's files, sees what they change, and applies it by one click: by page and by API."""

from __future__ import annotations

import asyncio
import html
import io
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest

from tests.booking.catalogue.folders import SAMPLE_CITY, changed
from tests.staff import Page, StaffBrowser, hire, sign_in
from tests.town import Answer, Town

FILES = {file.name: file.read_text(encoding="utf-8") for file in SAMPLE_CITY.iterdir()}
RENAMED = changed("services.csv", ",Wohnsitzanmeldung,", ",Anmeldung der Wohnung,", FILES)
HERE = "/de/catalogue/"


@pytest.fixture
async def boss(town: Town) -> AsyncIterator[StaffBrowser]:
    async with AsyncExitStack() as stack:
        await hire(town, "boss", "admin")
        yield await stack.enter_async_context(await sign_in(town, "boss"))


def zipped(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(f"stuttgart/{name}", text)
        archive.writestr("__MACOSX/stuttgart/._fees.csv", b"\0")
        archive.writestr("stuttgart/README.md", "Read me")
    return made.getvalue()


async def send(boss: StaffBrowser, sent: Mapping[str, bytes]) -> Page:
    data = aiohttp.FormData()
    data.add_field("request_key", str(uuid4()))
    for name, raw in sent.items():
        data.add_field("files", io.BytesIO(raw), filename=name, content_type="application/octet-stream")
    return await boss.ask("POST", HERE, data=data)


async def click(boss: StaffBrowser, shown: Page, **changes: str) -> Page:
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', shown.text))
    return await boss.post(shown.url.path, **{**fields, **changes})


async def api(town: Town, boss: StaffBrowser, path: str, **body: Any) -> Answer:
    cookie = {"Cookie": f"staff={boss.cookies['staff']}"}
    return await town.call("POST", f"/api/catalogue/uploads{path}", headers=cookie, json=body)


async def names(town: Town) -> list[str]:
    return [row["name"]["de"] for row in await town.rows("SELECT name FROM service WHERE is_active")]


@pytest.mark.parametrize("as_zip", [True, False])
async def test_what_files_change_is_shown_and_applied_by_one_click(
    town: Town, boss: StaffBrowser, as_zip: bool
) -> None:
    form = await boss.get(HERE)
    assert 'enctype="multipart/form-data"' in form.text
    large = {**RENAMED, "fees.csv": RENAMED["fees.csv"] + "\n" * 256 * 1024}  # more than other forms take
    sent = {"alles.zip": zipped(large)} if as_zip else {name: text.encode() for name, text in large.items()}
    shown = await send(boss, sent)
    text = html.unescape(shown.text)
    assert shown.status == 200
    assert "Leistungen: 1 Änderung" in text
    assert "Wohnsitzanmeldung" in text
    assert "Anmeldung der Wohnung" in text
    assert "Wohnsitzanmeldung" in await names(town)
    done = await click(boss, shown)
    assert "Übernommen:" in done.text
    assert "Alles übernehmen" not in done.text
    assert "Anmeldung der Wohnung" in await names(town)
    assert (await click(boss, shown)).url == done.url  # a second click
    assert (await town.rows("SELECT count(*) AS n FROM catalogue_upload"))[0]["n"] == 1


async def test_who_is_responsible_is_compared_in_words(town: Town, boss: StaffBrowser) -> None:
    later = changed("responsibility.csv", ",L-Z", ",M-Z", changed("responsibility.csv", ",A-K", ",A-L", FILES))
    text = html.unescape((await send(boss, {"alles.zip": zipped(later)})).text)
    assert "<del>Familiennamen von A bis K</del> → <ins>Familiennamen von A bis L</ins>" in text
    assert "für den keine Zeile gilt, bedient alle" in text


async def test_the_same_files_again_are_the_same_upload_and_change_nothing(town: Town, boss: StaffBrowser) -> None:
    first, second = await api(town, boss, "", files=FILES), await api(town, boss, "", files=FILES)
    assert (first.status, second.body["id"], first.body["changes"]) == (201, first.body["id"], [])
    shown = await boss.get(f"{HERE}{first.body['id']}")
    assert "Diese Dateien ändern nichts." in shown.text
    assert "<button" in shown.text
    assert "Alles übernehmen" not in shown.text


async def test_every_wrong_line_is_named_in_german_and_nothing_is_kept(town: Town, boss: StaffBrowser) -> None:
    wrong = changed("services.csv", ",Wohnsitzanmeldung,", ",,", FILES)
    wrong = {**wrong, "fees.csv": wrong["fees.csv"] + "nirgends,12.50,,,,,test\n"}
    page = await send(boss, {"alles.zip": zipped(wrong)})
    line = wrong["fees.csv"].count("\n")
    assert page.status == 422
    assert f"fees.csv, Zeile {line}, Spalte amount_cents" in page.text
    assert f"fees.csv, Zeile {line}, Spalte legal_basis_de" in page.text
    assert re.search(r"services\.csv, Zeile \d+, Spalte name_de</strong><br>Hier fehlt etwas\.", page.text)
    refused = await api(town, boss, "", files=wrong)
    assert (refused.status, refused.body["code"]) == (422, "import_refused")
    assert ("fees.csv", line, "amount_cents") in [
        (one["file"], one["line"], one["column"]) for one in refused.body["lines"]
    ]
    assert not await town.rows("SELECT FROM catalogue_upload")
    assert "Wohnsitzanmeldung" in await names(town)


async def test_what_is_no_catalogue_is_refused(town: Town, boss: StaffBrowser) -> None:
    data = aiohttp.FormData()
    data.add_field("request_key", str(uuid4()))
    data.add_field("files", b"", filename="", content_type="application/octet-stream")  # as a browser sends nothing
    nothing = await boss.ask("POST", HERE, data=data)
    assert nothing.status == 422
    assert "Wählen Sie die Dateien" in nothing.text
    broken = await send(boss, {"alles.zip": b"PK\3\4 and no more"})
    assert broken.status == 422
    assert "Diese ZIP-Datei lässt sich nicht lesen." in broken.text
    twice = await send(boss, {"alles.zip": zipped(FILES), "fees.csv": b""})
    assert twice.status == 422
    assert "Diese Datei ist zweimal da." in twice.text
    bomb = await send(boss, {"alles.zip": zipped({"fees.csv": "0" * 17 * 1024 * 1024})})
    assert bomb.status == 422
    assert "Das ist zu groß." in bomb.text
    large = await send(boss, {"fees.csv": b"x" * (4 * 1024 * 1024 + 1)})
    assert (large.status, "höchstens 4 MB" in large.text) == (413, True)
    too_large = await town.call(
        "POST",
        "/api/catalogue/uploads",
        headers={"Cookie": f"staff={boss.cookies['staff']}", "Content-Type": "application/json"},
        data=io.BytesIO(b'{"files": {"fees.csv": "%s"}}' % (b"x" * 5 * 1024 * 1024)),
    )
    assert (too_large.status, too_large.body["code"]) == (413, "too_large")
    assert (await boss.post("/de/guard/services/1", per_network="1" * 300_000)).status == 413  # all others as before


async def test_what_was_changed_since_is_not_overwritten(town: Town, boss: StaffBrowser) -> None:
    shown = await send(boss, {"alles.zip": zipped(RENAMED)})
    other = (await api(town, boss, "", files=changed("services.csv", ",Führungszeugnis,", ",Zeugnis,", FILES))).body
    assert (await api(town, boss, f"/{other['id']}/apply", digest=other["digest"])).status == 200
    late = await click(boss, shown)
    assert late.status == 409
    assert "hat sich geändert, seit" in late.text
    assert "Wohnsitzanmeldung" in await names(town)
    assert "Zeugnis" in await names(town)


async def test_only_what_was_looked_at_is_applied_and_only_within_a_day(town: Town, boss: StaffBrowser) -> None:
    made = (await api(town, boss, "", files=RENAMED)).body
    other = await api(town, boss, f"/{made['id']}/apply", digest="0" * 64)
    assert (other.status, other.body["code"]) == (409, "other_files")
    town.clock.advance(days=1)
    boss = await sign_in(town, "boss")
    async with boss:
        late = await api(town, boss, f"/{made['id']}/apply", digest=made["digest"])
    assert late.status == 404
    assert "Wohnsitzanmeldung" in await names(town)


async def test_many_clicks_at_once_apply_once(town: Town, boss: StaffBrowser) -> None:
    made = (await api(town, boss, "", files=RENAMED)).body
    [before] = await town.rows("SELECT version FROM city")
    clicks = [api(town, boss, f"/{made['id']}/apply", digest=made["digest"]) for _ in range(4)]
    answers = await asyncio.gather(*clicks)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["applied_at"] for answer in answers}) == 1
    [after] = await town.rows("SELECT version FROM city")
    assert after["version"] == before["version"] + 1


async def test_counters_with_appointments_are_not_closed(town: Town, boss: StaffBrowser) -> None:
    case = await town.appointment("Wohnsitzanmeldung")
    [at] = await town.rows(
        "SELECT o.key FROM claim c JOIN office o ON o.id = c.office_id WHERE c.appointment_id = $1", UUID(case["id"])
    )
    lines = [line for line in FILES["hours.csv"].splitlines(keepends=True) if not line.startswith(f"{at['key']},")]
    never = "".join([*lines, f"{at['key']},*,su,01:00,02:00,,\n"])
    shown = await send(boss, {"alles.zip": zipped({**FILES, "hours.csv": never})})
    assert shown.status == 200
    assert "Das lässt sich noch nicht übernehmen" in shown.text
    assert f"{at['key']}/" in shown.text
    assert "Alles übernehmen" not in shown.text


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("catalogue_upload_fixed", "UPDATE catalogue_upload SET content = 'x'"),
        ("catalogue_upload_fixed", "UPDATE catalogue_upload SET expires_at = expires_at + interval '1 day'"),
        (
            "catalogue_upload_applied_in_time",
            "UPDATE catalogue_upload SET applied_by = made_by, applied_at = expires_at",
        ),
        ("catalogue_upload_applied_by_somebody", "UPDATE catalogue_upload SET applied_at = made_at"),
        (
            "catalogue_upload_waiting_once",
            """INSERT INTO catalogue_upload (id, content, base_sha256, report, made_by, made_at, expires_at)
               SELECT gen_random_uuid(), content, base_sha256, report, made_by, made_at, expires_at FROM catalogue_upload""",
        ),
        (
            "catalogue_upload_base_is_sha256",
            """INSERT INTO catalogue_upload (id, content, base_sha256, report, made_by, made_at, expires_at)
               SELECT gen_random_uuid(), content, 'x', report, made_by, made_at, expires_at FROM catalogue_upload""",
        ),
        (
            "catalogue_upload_expires_later",
            """INSERT INTO catalogue_upload (id, content, base_sha256, report, made_by, made_at, expires_at)
               SELECT gen_random_uuid(), 'x', base_sha256, report, made_by, made_at, made_at FROM catalogue_upload""",
        ),
    ],
)
async def test_the_schema_refuses_by_name(town: Town, boss: StaffBrowser, name: str, sql: str) -> None:
    await api(town, boss, "", files=RENAMED)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await town.rows(sql)
    assert refused.value.constraint_name == name


async def test_an_applied_one_stays_so_and_all_are_forgotten(town: Town, boss: StaffBrowser) -> None:
    made = (await api(town, boss, "", files=RENAMED)).body
    await api(town, boss, f"/{made['id']}/apply", digest=made["digest"])
    with pytest.raises(asyncpg.PostgresError) as refused:
        await town.rows("UPDATE catalogue_upload SET applied_by = NULL, applied_at = NULL")
    assert refused.value.constraint_name == "catalogue_upload_applied_once"
    town.clock.set(town.clock() + timedelta(days=2))
    assert await town.worker.uploads.forget_over() == 1

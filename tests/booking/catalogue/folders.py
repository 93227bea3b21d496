"""A small, valid catalogue as the importer reads it, and changes of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

MORNING = datetime(2026, 12, 1, 9, tzinfo=UTC)
SAMPLE_CITY = Path(__file__).parents[3] / "samples" / "stuttgart"

MINI: Mapping[str, str] = {
    "city.toml": """\
name = { de = "Kleinstadt", en = "Small Town" }
time_zone = "Europe/Berlin"
holidays = "DE-BW"
[contact]
phone = "115"
[[refund_policy]]
key = "full"
share_percent = 100
text.de = "Alles zurück."
""",
    "offices.csv": """\
key,name_de,street,postcode,place,latitude,longitude,step_free,source
rathaus,Rathaus,Marktplatz 1,70000,Kleinstadt,48.7,9.1,yes,test
""",
    "counters.csv": """\
office,key,name_de,channel,groups,count
rathaus,desk,Schalter {n},onsite,citizen,2
rathaus,video,Video {n},video,citizen,1
""",
    "hours.csv": """\
office,counter,weekdays,opens,closes,valid_from,valid_until
rathaus,*,mo tu we th fr,08:00,12:00,,
rathaus,*,th,14:00,18:00,,
rathaus,video,tu su,01:00,04:00,,
""",
    "services.csv": """\
key,leika_key,name_de,name_en,group,duration_min,channels,search_words_de,top,source
ausweis,99008001000000,Personalausweis,Identity card,citizen,15,onsite,Perso,1,test
beratung,,Beratung,,citizen,20,onsite video,,,test
info,,Nur zum Lesen,,reading,,,,,test
""",
    "fees.csv": """\
service,amount_cents,valid_from,valid_until,legal_basis_de,source
ausweis,3700,,2026-12-31,§ 1,test
ausweis,4600,2027-01-01,,§ 1,test
beratung,0,,,gebührenfrei,test
""",
}


def changed(file: str, old: str, new: str, files: Mapping[str, str] = MINI) -> dict[str, str]:
    assert old in files[file], f"{old!r} is not in {file}"
    return {**files, file: files[file].replace(old, new)}


def raw(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


def folder(path: Path, files: Mapping[str, str] = MINI) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (path / name).write_text(text, encoding="utf-8")
    return path

"""Every wrong line is named, all at once, and nothing else is."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from booking.catalogue.draft import LineError
from booking.catalogue.import_format import parse
from booking.catalogue.import_report import ImportRefused, render_errors
from booking.catalogue.model import Channel
from tests.booking.catalogue.folders import MINI, MORNING, changed, raw


def errors_of(files: dict[str, bytes]) -> Sequence[LineError]:
    with pytest.raises(ImportRefused) as caught:
        parse(files, MORNING)
    return caught.value.errors


def test_a_valid_folder() -> None:
    draft = parse(raw(MINI), MORNING)
    assert [(c.key, c.name["de"], c.channel) for c in draft.counters] == [
        ("desk-1", "Schalter 1", Channel.ONSITE),
        ("desk-2", "Schalter 2", Channel.ONSITE),
        ("video-1", "Video 1", Channel.VIDEO),
    ]
    desk, _, video = draft.counters
    assert {hours.line for hours in draft.hours_of(desk)} == {2, 3}
    assert {hours.line for hours in draft.hours_of(video)} == {4}
    assert [draft.serves(video, service) for service in draft.services] == [False, True, False]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "column", "code"),
    [
        ("offices.csv", "key,", "kee,", 1, "kee", "unknown_column"),
        ("offices.csv", "key,", "kee,", 1, "key", "missing_column"),
        ("offices.csv", "name_de,", "name_de,name_de,", 1, "name_de", "duplicate_column"),
        ("offices.csv", "rathaus,", "Rat haus,", 2, "key", "bad_key"),
        ("offices.csv", "48.7", "148.7", 2, "latitude", "bad_number"),
        ("offices.csv", "9.1", "9,1", 2, "", "ragged_line"),
        ("offices.csv", "9.1", "nan", 2, "longitude", "bad_number"),
        ("offices.csv", "yes", "ja", 2, "step_free", "bad_choice"),
        ("offices.csv", "yes,test\n", "yes,test\nrathaus,R,S,7,K,48,9,no,t\n", 3, "key", "duplicate"),
        ("offices.csv", "Rathaus", '"Rathaus', 2, "", "broken_csv"),
        ("counters.csv", "rathaus,desk", "rathau,desk", 2, "office", "unknown_reference"),
        ("counters.csv", "onsite", "on-site", 2, "channel", "unknown_channel"),
        ("counters.csv", "onsite", "onsite video", 2, "channel", "one_channel"),
        ("counters.csv", "citizen,2", "citizens,2", 2, "groups", "unknown_reference"),
        ("counters.csv", "citizen,2", "citizen,-2", 2, "count", "bad_number"),
        ("counters.csv", "rathaus,video", "rathaus,desk", 3, "key", "duplicate"),
        ("hours.csv", "mo tu", "mo di", 2, "weekdays", "bad_weekday"),
        ("hours.csv", "08:00", "8:00", 2, "opens", "bad_time"),
        ("hours.csv", "08:00", "08:03", 2, "opens", "bad_time"),
        ("hours.csv", "12:00", "24:00", 2, "closes", "bad_time"),
        ("hours.csv", "12:00", "07:00", 2, "closes", "closes_before_opening"),
        ("hours.csv", "th,14:00", "th,11:00", 3, "opens", "overlap"),
        ("hours.csv", "18:00,,", "18:00,2026-02-30,", 3, "valid_from", "bad_date"),
        ("hours.csv", "18:00,,", "18:00,2026-02-03,2026-02-02", 3, "valid_until", "ends_before_start"),
        ("hours.csv", "rathaus,video", "rathaus,wideo", 4, "counter", "unknown_reference"),
        ("hours.csv", "rathaus,*,th", "rathause,*,th", 3, "office", "unknown_reference"),
        ("services.csv", "99008001000000", "9900800100000", 2, "leika_key", "bad_leika_key"),
        ("services.csv", "15,onsite", "16,onsite", 2, "duration_min", "bad_duration"),
        ("services.csv", "15,onsite", ",onsite", 2, "duration_min", "bookable_without_duration"),
        ("services.csv", "15,onsite", "15,phone", 2, "channels", "bookable_without_counters"),
        ("services.csv", "Personalausweis,", ",", 2, "name_de", "missing"),
        ("services.csv", "beratung,,", "ausweis,,", 3, "key", "duplicate"),
        (
            "services.csv",
            "Beratung,,citizen,20,onsite video,,,",
            "Beratung,,citizen,20,onsite video,,1,",
            3,
            "top",
            "duplicate",
        ),
        ("fees.csv", "beratung,0,,,gebührenfrei", "beratung,0,,,", 4, "legal_basis_de", "fee_without_legal_basis"),
        ("fees.csv", "beratung,0", "beratung,0.5", 4, "amount_cents", "bad_number"),
        ("fees.csv", "beratung,0", "beratung,", 4, "amount_cents", "missing"),
        ("fees.csv", "beratung,0", "beratungen,0", 4, "service", "unknown_reference"),
        ("fees.csv", "2026-12-31", "2027-01-01", 3, "valid_from", "overlap"),
        ("city.toml", "Europe/Berlin", "Europe/Bärlin", 2, "time_zone", "value_error"),
        ("city.toml", "DE-BW", "DE-XX", 3, "holidays", "value_error"),
        ("city.toml", "name =", "nahme =", 1, "nahme", "extra_forbidden"),
        ("city.toml", "time_zone =", "time_zone", 2, "", "broken_toml"),
        ("city.toml", "share_percent = 100\n", "", 6, "refund_policy.0", "value_error"),
        (
            "city.toml",
            "share_percent = 100",
            "steps = [{ hours = 24, percent = 100 }, { hours = 48, percent = 50 }]",
            6,
            "refund_policy.0",
            "value_error",
        ),
        ("city.toml", "100", "101", 6, "refund_policy.0.share_percent", "less_than_equal"),
    ],
)
def test_a_wrong_line_is_named(file: str, old: str, new: str, line: int, column: str, code: str) -> None:
    found = [(e.file, e.line, e.column, e.code) for e in errors_of(raw(changed(file, old, new)))]
    assert (file, line, column, code) in found


def test_whether_people_come_is_asked_as_a_service_says() -> None:
    header, first, *others = MINI["services.csv"].splitlines()
    columns = ",reconfirm_days,reconfirm_hours,reconfirm_releases"

    def asking(said: str) -> dict[str, bytes]:
        lines = [header + columns, first + said, *(line + ",,," for line in others)]
        return raw({**MINI, "services.csv": "\n".join(lines) + "\n"})

    assert [service.most_per_person for service in parse(raw(MINI), MORNING).services] == [None] * 3
    draft = parse(asking(",3,24,yes"), MORNING)
    assert [service.reconfirm for service in draft.services] == [(3, 24, True), None, None]
    for said, column, code in (
        (",3,,yes", "reconfirm_hours", "reconfirm_too_short"),
        (",1,13,no", "reconfirm_hours", "reconfirm_too_short"),
        (",3,24,", "reconfirm_releases", "missing"),
        (",61,24,no", "reconfirm_days", "bad_number"),
    ):
        found = [(error.line, error.column, error.code) for error in errors_of(asking(said))]
        assert (2, column, code) in found, said


def test_whether_a_fee_may_be_paid_at_a_till() -> None:
    header, first, *others = MINI["services.csv"].splitlines()

    def asking(said: str) -> dict[str, bytes]:
        lines = [
            f"{header},pay_at_till_hours,pay_at_till_before_hours",
            first + said,
            *(f"{line},," for line in others),
        ]
        return raw({**MINI, "services.csv": "\n".join(lines) + "\n"})

    assert [service.pay_at_till for service in parse(raw(MINI), MORNING).services] == [None] * 3
    assert [service.pay_at_till for service in parse(asking(",72,24"), MORNING).services] == [(72, 24), None, None]
    for said, column, code in (
        (",72,", "pay_at_till_before_hours", "pay_at_till_half"),
        (",,24", "pay_at_till_hours", "pay_at_till_half"),
        (",721,24", "pay_at_till_hours", "bad_number"),
        (",72,0", "pay_at_till_before_hours", "bad_number"),
    ):
        assert [(e.line, e.column, e.code) for e in errors_of(asking(said))] == [(2, column, code)], said


def test_a_bookable_service_needs_a_fee() -> None:
    files = changed("fees.csv", "beratung,0,,,gebührenfrei,test\n", "")
    assert [(e.file, e.line, e.code) for e in errors_of(raw(files))] == [("services.csv", 3, "bookable_without_fee")]


@pytest.mark.parametrize(
    ("old", "new", "line", "column"),
    [
        ("beratung,0,,,", "beratung,0,,2026-11-30,", 4, "valid_until"),  # over yesterday
        ("beratung,0,,,", "beratung,0,,2030-12-31,", 4, "valid_until"),
        ("beratung,0,,,", "beratung,0,2026-12-02,,", 4, "valid_from"),  # from tomorrow on
        ("2027-01-01", "2027-01-03", 3, "valid_from"),
        ("4600,2027-01-01,,", "4600,2027-01-01,2027-06-30,", 3, "valid_until"),
    ],
)
def test_what_can_be_booked_has_a_fee_on_every_day(old: str, new: str, line: int, column: str) -> None:
    files = raw(changed("fees.csv", old, new))
    assert [(e.file, e.line, e.column, e.code) for e in errors_of(files)] == [("fees.csv", line, column, "fee_gap")]


def test_gaps_that_harm_nobody() -> None:
    over = "ausweis,3000,,2019-12-31,§ 1,test\nausweis,3700,2020-02-01,2026-12-31,§ 1,test\n"
    files = changed("fees.csv", "ausweis,3700,,2026-12-31,§ 1,test\n", over)  # long ago
    files = changed(
        "fees.csv", "beratung,0", "info,900,2030-01-01,2030-12-31,§ 2,test\nberatung,0", files
    )  # not bookable
    assert len(parse(raw(files), MORNING).fees) == 5


def test_the_day_is_the_citys() -> None:
    files = raw(changed("fees.csv", "beratung,0,,,", "beratung,0,2026-12-02,,"))
    almost = datetime(2026, 12, 1, 22, 59, tzinfo=UTC)
    with pytest.raises(ImportRefused):
        parse(files, almost)
    parse(files, almost + timedelta(minutes=1))  # midnight in Berlin


def test_a_counter_needs_hours() -> None:
    files = changed("hours.csv", "rathaus,*", "rathaus,video")
    assert ("counters.csv", 2, "counter_without_hours") in [(e.file, e.line, e.code) for e in errors_of(raw(files))]


def test_all_errors_at_once_in_the_order_of_files_and_lines() -> None:
    files = changed("offices.csv", "48.7", "x")
    files = changed("hours.csv", "08:00", "8", files)
    files = changed("hours.csv", "18:00", "x", files)
    files = changed("fees.csv", "4600", "-1", files)
    assert [(e.file, e.line) for e in errors_of(raw(files))] == [
        ("offices.csv", 2),
        ("hours.csv", 2),
        ("hours.csv", 3),
        ("fees.csv", 3),
    ]


def test_a_byte_that_is_not_utf_8() -> None:
    files = {**raw(MINI), "services.csv": MINI["services.csv"].replace("Nur", "Für").encode("latin-1")}
    assert ("services.csv", 4, "encoding") in [(e.file, e.line, e.code) for e in errors_of(files)]


def test_a_zero_byte_is_not_text() -> None:
    files = raw(changed("services.csv", "Nur", "N\0r"))
    assert ("services.csv", 4, "encoding") in [(e.file, e.line, e.code) for e in errors_of(files)]


def test_spreadsheets_write_a_byte_order_mark_and_carriage_returns() -> None:
    files = {name: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() for name, text in MINI.items()}
    assert parse(files, MORNING) == parse(raw(MINI), MORNING)


def test_spreadsheets_separate_with_semicolons_where_the_comma_is_in_numbers() -> None:
    files = raw(MINI)
    tables = {
        name: list(csv.reader(io.StringIO(text.decode()))) for name, text in files.items() if name.endswith(".csv")
    }
    saved = {}
    for name, rows in tables.items():
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
        saved[name] = text.getvalue().encode("utf-8-sig")
    assert parse({**files, **saved}, MORNING) == parse(files, MORNING)


def test_missing_and_unknown_files() -> None:
    files = raw(MINI)
    files["fee.csv"] = files.pop("fees.csv")
    assert [(e.file, e.code) for e in errors_of(files)] == [("fees.csv", "missing_file"), ("fee.csv", "unknown_file")]


def test_line_numbers_count_lines_and_not_rows() -> None:
    files = changed("services.csv", "Personalausweis,Identity", '"Personal-\nausweis",Identity')
    files = changed("services.csv", "Beratung,", ",", files)
    assert [(e.line, e.code) for e in errors_of(raw(files)) if e.file == "services.csv"] == [(4, "missing")]


def test_errors_as_compilers_write_them() -> None:
    text = render_errors(
        [LineError("hours.csv", 3, "opens", "bad_time", "'8': wrong."), LineError("x.csv", 0, "", "c", "m")]
    )
    assert text == "hours.csv:3: [opens] '8': wrong. (bad_time)\nx.csv: m (c)\n2 errors. Nothing was imported."


@pytest.mark.parametrize(
    ("columns", "cells", "column", "code"),
    [
        ("most", "21", "most", "bad_number"),
        ("most", "0", "most", "bad_number"),
        ("further_min", "7", "further_min", "bad_duration"),
        ("counted_en", "Vehicles", "counted_de", "missing"),
    ],
)
def test_how_often_in_one_visit(columns: str, cells: str, column: str, code: str) -> None:
    files = changed("services.csv", "top,source\n", f"top,source,{columns}\n")
    files = changed("services.csv", "Perso,1,test\n", f"Perso,1,test,{cells}\n", files)
    found = [(e.file, e.line, e.column, e.code) for e in errors_of(raw(files))]
    assert ("services.csv", 2, column, code) in found


def priced(product: str, tax: str) -> dict[str, bytes]:
    """The catalogue with one fee for each service, the first of this product and VAT."""
    head = "service,amount_cents,legal_basis_de,source,product,tax_percent\n"
    rows = f"ausweis,3700,§ 1,test,{product},{tax}\nberatung,0,gebührenfrei,test,,\n"
    return raw(changed("fees.csv", MINI["fees.csv"], head + rows))


def test_a_fee_names_its_product_account_and_its_tax() -> None:
    first, second = parse(priced("31100", "19"), MORNING).fees
    assert (first.product, first.tax_percent) == ("31100", 19)
    assert (second.product, second.tax_percent) == ("fees", 0)


@pytest.mark.parametrize(
    ("product", "tax", "column", "code"),
    [("Gebühr!", "0", "product", "product_form"), ("31100", "101", "tax_percent", "bad_number")],
)
def test_a_product_or_a_tax_that_cannot_be_is_named(product: str, tax: str, column: str, code: str) -> None:
    assert [(e.line, e.column, e.code) for e in errors_of(priced(product, tax))] == [(2, column, code)]


def test_a_fee_in_another_currency_is_refused_with_its_line() -> None:
    head = "service,amount_cents,legal_basis_de,source,currency\n"
    rows = "ausweis,3700,§ 1,test,CHF\nberatung,0,gebührenfrei,test,EUR\n"
    files = raw(changed("fees.csv", MINI["fees.csv"], head + rows))
    assert [(e.line, e.column, e.code) for e in errors_of(files)] == [(2, "currency", "other_currency")]

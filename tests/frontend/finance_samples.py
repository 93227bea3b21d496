"""The template of finance's tables in all that it can show: a chart, facts, badges, buttons in rows, forms with what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from frontend.citizen.views import ShownError
from frontend.finance.books_views import BooksPage, Column, DateField, Field, Form, Table
from frontend.finance.charts import stacked, ticks
from frontend.finance.views import Fact, FoundLine, Link, SearchPage
from frontend.staff.views import StaffFrame

_DIGEST = " ".join(["0123abcd"] * 8)


def finance_pages(framed: Callable[..., StaffFrame]) -> dict[str, tuple[str, object]]:
    """`framed(title, errors)`."""
    back = Link(label="Stapel für die Stadtkasse", url="/back")
    wrong = (ShownError(field="reference", message="Die Nummer der Stadtkasse hat 1 bis 100 Zeichen."),)
    taken: dict[str, Sequence[int]] = {"a": [130000, 0, 98700], "b": [2600, 1300, 0], "-": [-1300, 0, -26000]}
    scale = {cents: f"{cents // 100} €" for cents in ticks([[one[n] for one in taken.values()] for n in range(3)])}
    chart = stacked(
        id="chart-eur",
        title="Einnahmen und Erstattungen in EUR",
        alt="Vom 01.12.2026 bis 03.12.2026: 2.326,00 € bezahlt, 273,00 € erstattet.",
        columns=["1.12.", "2.12.", "3.12."],
        series=taken,
        label={"a": "Stripe", "b": "Am Schalter", "-": "Erstattungen"},
        amount=scale,
    )
    assert chart is not None
    batch = BooksPage(
        frame=framed("Stapel 12", wrong),
        back=back,
        notice="Dieser Stapel ist schon quittiert.",
        links=(Link(label="Tage", url="/days"),),
        facts=(Fact(label="Tag", value="Dienstag, 1. Dezember 2026", url="/day"), Fact(label="SHA-256", value=_DIGEST)),
        tables=(
            Table(
                heading="Noch nicht quittiert",
                columns=(Column("Tag"), Column("Stand"), Column("Betrag", is_number=True), Column("Stapel")),
                rows=(
                    (
                        Link(label="Dienstag, 1. Dezember 2026", url="/day"),
                        Link(label="überfällig: kein Stapel erstellt", badge="warning"),
                        Link(label="12.345,00 €"),
                        Link(label="Stapel vom 01.12.2026 erstellen", post="/make"),
                    ),
                    (
                        Link(label="Mittwoch, 2. Dezember 2026"),
                        Link(label="zu quittieren", badge="info"),
                        Link(label="1,00 €"),
                        Link(label=_DIGEST, url="/batch"),
                    ),
                ),
            ),
            Table(heading="Abgerufen", empty="Noch hat niemand eine Datei abgerufen."),
        ),
        forms=(
            Form(
                heading="Quittieren",
                action="/acknowledge",
                button="Stapel quittieren",
                intro=("Wird einmal festgehalten.",),
                fields=(
                    Field(name="reference", label="Nummer der Stadtkasse", hint="Unter der sie ihn übernommen hat."),
                    Field(name="months", label="Monate", kind="number"),
                    Field(name="reason", label="Grund", kind="area"),
                ),
                key="0" * 36,
                values={"reference": " ", "months": "96", "reason": "Zweimal gebucht"},
                messages={"reference": wrong[0].message},
            ),
            Form(action="/reject", button="Ablehnen", is_second=True),
        ),
    )
    figures = BooksPage(
        frame=framed("Auswertung", ()),
        back=back,
        url="/figures",
        fields=(DateField(name="from", label="Erster Tag", value="2026-12-01"),),
        charts=(chart,),
    )
    line = FoundLine(
        kassenzeichen=Link(label="RF18 SCH0 0000 0001", url="/payment"),
        about="Termin 4711-0815",
        made="Heute, 10:00 Uhr",
        receipt="2026-000001",
        state="Bezahlt",
        amount="13,00 €",
    )
    search = SearchPage(
        frame=framed("Kasse: Suche", ()),
        day=back,
        search_url="/search",
        asked="13,00",
        label="Kassenzeichen, Betrag",
        found=(line, line),
        more="Nur die ersten 50 werden gezeigt.",
    )
    return {
        "finance-batch": ("finance/books.html", batch),
        "finance-figures": ("finance/books.html", figures),
        "finance-search": ("finance/search.html", search),
    }

"""Oversight on screen: terms that an administrator changes and an auditor reads, and who may do what, from the roles as they are."""

from __future__ import annotations

import pytest

from frontend.staff.areas import PERMISSIONS
from server.app import ENDPOINTS
from tests.staff import hire, sign_in, words
from tests.town import Town

HERE = "/de/oversight/"


@pytest.fixture
async def people(town: Town) -> None:
    for role in ("admin", "auditor", "finance"):
        await hire(town, role, role)


@pytest.mark.usefixtures("people")
async def test_an_administrator_changes_a_term_and_the_auditor_sees_it(town: Town) -> None:
    term = f"{HERE}terms/export_file"
    async with await sign_in(town, "admin") as admin:
        text = words(await admin.get(HERE))
        assert "8 Jahre ab Jahresende" in text
        assert "30 Tage nach dem Ende des Vorgangs" in text
        wrong = await admin.post(term, months="72", legal_basis="GemHVO BW § 39 Abs. 2", reason="")
        assert (wrong.status, "nur mit Begründung kürzer" in words(wrong)) == (422, True)
        assert 'value="72"' in wrong.text
        done = await admin.post(
            term, months="72", legal_basis="GemHVO BW § 39 Abs. 2", reason="Landesrecht: sechs Jahre"
        )
        assert (done.url.path, "6 Jahre ab Jahresende" in words(done)) == (HERE, True)
        assert (await admin.post(f"{HERE}terms/nonsense", months="72", legal_basis="basis", reason="")).status == 404
        assert (await admin.get(f"{HERE}terms/nonsense")).status == 404
    async with await sign_in(town, "auditor") as auditor:
        text = words(await auditor.get(term))
        assert "Landesrecht: sechs Jahre" in text
        assert "Frist speichern" not in text
        assert (await auditor.post(term, months="72", legal_basis="basis", reason="")).status == 403
    async with await sign_in(town, "finance") as finance:
        assert (await finance.get(HERE)).status == 403


@pytest.mark.usefixtures("people")
async def test_the_worker_writes_down_what_it_deleted(town: Town) -> None:
    await town.rows(
        "INSERT INTO vendor_event (vendor, event_id, kind, received_at) VALUES ('stripe', 'old', 'x', '2024-11-30')"
    )
    await town.work()
    assert not await town.rows("SELECT FROM vendor_event WHERE event_id = 'old'")
    async with await sign_in(town, "auditor") as auditor:
        assert "Meldungen der Zahlungsdienste 01.12.2024 1 Heute" in words(await auditor.get(HERE))


@pytest.mark.usefixtures("people")
async def test_who_may_do_what_follows_the_roles(town: Town) -> None:
    async with await sign_in(town, "auditor") as auditor:
        text = words(await auditor.get(f"{HERE}access?area=*"))
        assert "POST /{language}/finance/batches/days/{day} ändert etwas Stapel abgeschlossener Tage" in text
        assert "GET /{language}/appointments/{appointment} zeigt wer den Link dieses Termins hat" in text
        await town.rows("INSERT INTO role (name, permissions) VALUES ('archive', ARRAY['finance.read'])")
        assert "archive" in words(await auditor.get(f"{HERE}access"))


@pytest.mark.usefixtures("people")
async def test_the_matrix_is_read_by_area_and_by_role(town: Town) -> None:
    async with await sign_in(town, "auditor") as auditor:
        start = words(await auditor.get(f"{HERE}access"))
        assert ("Rechte je Rolle" in start, "GET /{language}/finance/work" in start) == (True, False)
        area = words(await auditor.get(f"{HERE}access?area=finance"))
        assert "GET /{language}/finance/work" in area
        assert "GET /api/finance/batches" in area
        assert "/{language}/counter/{office}" not in area
        role = words(await auditor.get(f"{HERE}access?role=treasury"))
        assert "Einen Tag der Bücher endgültig abschließen" in role
        assert "POST /{language}/finance/books/days/{day}/close" in role
        assert "/refunds/{refund}/approve" not in role  # finance's
        assert "/{language}/staff/password" in role  # everybody's who has signed in
        both = words(await auditor.get(f"{HERE}access?role=treasury&area=till"))
        assert ("/{language}/till/ " in both, "/{language}/till/{office}" in both) == (True, False)
        nonsense = words(await auditor.get(f"{HERE}access?role=king&area=%2F.."))
        assert "Rechte je Rolle" in nonsense


def test_every_permission_that_is_asked_for_is_said_in_words() -> None:
    assert {one.who.permission for one in ENDPOINTS if one.who.permission} - set(PERMISSIONS) == set()

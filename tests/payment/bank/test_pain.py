"""pain.001.001.09: the same order gives the same bytes; sums and ids stand where the bank and our own reader look for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment.bank.camt import euros
from payment.bank.elements import parsed
from payment.bank.pain import MOST_CENTS, NAMESPACE, Account, Release, Transfer, WrongIban, checked_iban, plain, written
from tests.payment.bank.writing import OURS, THEIRS

GOLDEN = Path(__file__).parent / "golden" / "pain.001.xml"
RELEASE = Release(
    id=UUID("6f9a0f0e-6b1e-4ce3-8a55-0d9a4f0f7a01"),
    at=datetime(2026, 12, 1, 9, 30, tzinfo=UTC),
    on=date(2026, 12, 2),
    account=Account(name="Landeshauptstadt Stuttgart", iban=OURS, bic="BYLADEM1001"),
    transfers=(
        Transfer(
            id=UUID("00000000-0000-4000-8000-000000000001"),
            amount_cents=1300,
            name="Kim Müßtermann & Söhne",
            iban=THEIRS,
            purpose="Rückzahlung Gebühr RF26SCH000000001",
        ),
        Transfer(
            id=UUID("00000000-0000-4000-8000-000000000002"),
            amount_cents=5,
            name="Zoë Łukasz",
            iban="NL91ABNA0417164300",
            bic="ABNANL2A",
            purpose="Rückzahlung <2>",
        ),
    ),
)


def test_the_file_is_the_golden_one() -> None:
    assert written(RELEASE) == GOLDEN.read_bytes()


def test_the_same_order_gives_the_same_bytes_wherever_it_is_written() -> None:
    elsewhere = RELEASE.at.astimezone(timezone(timedelta(hours=5)))
    assert written(replace(RELEASE, at=elsewhere)) == written(RELEASE)


def test_sums_ids_and_agents_stand_where_they_are_looked_for() -> None:
    namespace, root = parsed(written(RELEASE))
    assert namespace == NAMESPACE
    order = root.get("CstmrCdtTrfInitn")
    for block in ("GrpHdr", "PmtInf"):
        assert (order.value(f"{block}/NbOfTxs"), order.value(f"{block}/CtrlSum")) == ("2", "13.05")
    assert order.value("PmtInf/ReqdExctnDt/Dt") == "2026-12-02"
    first, second = order.get("PmtInf").all("CdtTrfTxInf")
    assert first.value("PmtId/EndToEndId") == RELEASE.transfers[0].end_to_end_id
    assert first.find("CdtrAgt") is None
    assert second.value("CdtrAgt/FinInstnId/BICFI") == "ABNANL2A"
    without = parsed(written(replace(RELEASE, account=replace(RELEASE.account, bic=""))))[1]
    assert without.value("CstmrCdtTrfInitn/PmtInf/DbtrAgt/FinInstnId/Othr/Id") == "NOTPROVIDED"


@pytest.mark.parametrize("typed", [THEIRS, "DE89 3704 0044 0532 0130 00", "de89370400440532013000"])
def test_an_iban_is_understood_however_it_is_typed(typed: str) -> None:
    assert checked_iban(typed) == THEIRS


@pytest.mark.parametrize(
    "typed", ["", "DE", "DE88370400440532013000", THEIRS[:-1], THEIRS + "0", "XX89370400440532013000"]
)
def test_a_wrong_iban_is_refused(typed: str) -> None:
    with pytest.raises(WrongIban):
        checked_iban(typed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Müller", "Mueller"),
        ("Mu\u0308ller", "Mueller"),
        ("Zoë Ångström", "Zoe Angstroem"),
        ("A & B_C – D", "A + B-C - D"),
        ("/a//b/", "a/b"),
        ("<x>;€", ".x..."),
        ("李", "."),
        ("a\n\tb", "a b"),
    ],
)
def test_texts_are_brought_into_the_characters_of_sepa(text: str, said: str) -> None:
    assert plain(text, 70) == said


@pytest.mark.parametrize(
    "wrong",
    [
        replace(RELEASE, transfers=()),
        replace(RELEASE, transfers=RELEASE.transfers[:1] * 2),
        *(
            replace(RELEASE, transfers=(replace(RELEASE.transfers[0], amount_cents=n),))
            for n in (0, -1, MOST_CENTS + 1)
        ),
        replace(RELEASE, transfers=(replace(RELEASE.transfers[0], name=" / "),)),
        replace(RELEASE, transfers=(replace(RELEASE.transfers[0], iban="DE00"),)),
    ],
)
def test_what_no_bank_takes_is_never_written(wrong: Release) -> None:
    with pytest.raises(ValueError, match=r"."):
        written(wrong)


@given(
    st.lists(
        st.builds(
            Transfer,
            id=st.uuids(),
            amount_cents=st.integers(1, MOST_CENTS),
            name=st.text(max_size=100).map(lambda text: f"N{text}"),
            iban=st.just(THEIRS),
            purpose=st.text(max_size=200).map(lambda text: f"P{text}"),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda one: one.id,
    )
)
def test_whatever_is_ordered_can_be_read_and_adds_up(transfers: list[Transfer]) -> None:
    _, root = parsed(written(replace(RELEASE, transfers=tuple(transfers))))
    order = root.get("CstmrCdtTrfInitn/PmtInf")
    found = order.all("CdtTrfTxInf")
    assert [one.value("PmtId/EndToEndId") for one in found] == [one.end_to_end_id for one in transfers]
    assert [one.value("Amt/InstdAmt") for one in found] == [euros(one.amount_cents) for one in transfers]
    assert order.value("CtrlSum") == euros(sum(one.amount_cents for one in transfers))
    assert all(0 < len(one.value("Cdtr/Nm")) <= 70 for one in found)
    assert all(0 < len(one.value("RmtInf/Ustrd")) <= 140 for one in found)

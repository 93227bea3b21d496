"""camt.053 in both versions: read whole, or refused whole with the line and the element named."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payment.bank import refusing
from payment.bank.camt import read
from payment.bank.model import BankEntry, Detail, Party, Statement
from payment.bank.refusing import BankFileRefused
from tests.payment.bank.writing import OURS, THEIRS, detail, entry, statement, unplaced, written

BOTH = pytest.mark.parametrize("version", ["02", "08"])
BATCH = entry(
    -3000,
    acct_svcr_ref="B-7",
    msg_id="OUT-1",
    pmt_inf_id="P-1",
    details=(
        detail(-1000, end_to_end_id="E-1", creditor=Party(name="Kim Muster", iban=THEIRS), remittance="Gebühr zurück"),
        detail(-2000, end_to_end_id="E-2", creditor=Party(name="Ünal & Söhne")),
    ),
)
PAYOUT = entry(
    9650,
    acct_svcr_ref="B-6",
    entry_ref="1",
    info="GUTSCHRIFT",
    details=(
        detail(
            9650,
            debtor=Party(name="Stripe", iban=THEIRS),
            creditor=Party(name="Stadt", iban=OURS),
            remittance="po_1 Auszahlung",
            creditor_reference="RF26SCH000000001",
        ),
    ),
)
RETURNED = entry(1000, acct_svcr_ref="B-8", is_reversal=True, details=(detail(1000, return_reason="AC04"),))
WHOLE = statement(PAYOUT, BATCH, RETURNED, opening=-500)


@BOTH
@pytest.mark.parametrize("opening_code", ["OPBD", "PRCD"])
@pytest.mark.parametrize("encoding", ["UTF-8", "ISO-8859-1", "UTF-16", "windows-1252"])
def test_what_a_bank_writes_is_read(version: str, opening_code: str, encoding: str) -> None:
    (found,) = read(written(WHOLE, version=version, opening_code=opening_code, encoding=encoding))
    assert unplaced(found) == WHOLE
    assert found.year == 2026


def test_prefixes_of_the_namespace_and_foreign_elements_change_nothing() -> None:
    raw = written(WHOLE).decode()
    raw = raw.replace("<Document xmlns=", "<Document xmlns:x='urn:other' xmlns=").replace(
        "<Ntry>", "<Ntry><x:Amt Ccy='USD'>1.00</x:Amt>"
    )
    assert unplaced(read(raw.encode())[0]) == WHOLE


def test_a_batch_that_the_bank_does_not_split_has_no_details() -> None:
    unsplit = statement(entry(-3000, msg_id="OUT-1"))
    assert unplaced(read(written(unsplit))[0]) == unsplit


def test_several_splits_of_one_entry_add_up_together() -> None:
    raw = written(statement(BATCH)).decode().replace("</TxDtls><TxDtls>", "</TxDtls></NtryDtls><NtryDtls><TxDtls>")
    found = read(raw.replace("<NbOfTxs>2</NbOfTxs>", "<NbOfTxs>1</NbOfTxs>").encode())[0]
    assert [one.amount_cents for one in found.entries[0].details] == [-1000, -2000]


def test_a_payment_that_is_alone_may_leave_its_amount_to_the_entry() -> None:
    raw = written(statement(RETURNED)).decode()
    raw = raw.replace('<Refs></Refs><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>', "")
    assert raw.count(">10.00") == 1
    assert read(raw.encode())[0].entries[0].details[0].amount_cents == 1000


@pytest.mark.parametrize("word", ["NONREF", "NOTPROVIDED", "notprovided"])
def test_a_reference_that_says_there_is_none_is_none(word: str) -> None:
    made = statement(entry(5, acct_svcr_ref=word, details=(detail(5, end_to_end_id=word),)))
    found = read(written(made))[0].entries[0]
    assert (found.acct_svcr_ref, found.details[0].end_to_end_id) == ("", "")


def line_of(raw: str, part: str) -> int:
    return raw[: raw.index(part)].count("\n") + 1


# What is exchanged in a right file, for what; and what is said, of which element. `None`: the line of the change.
WRONG = [
    ("camt.053.001.08", "camt.053.001.04", refusing.OtherFormat, "Document"),
    ("camt.053.001.08", "camt.052.001.08", refusing.OtherFormat, "Document"),
    ('<Amt Ccy="EUR">96.50', '<Amt Ccy="USD">96.50', refusing.OtherCurrency, "Amt"),
    ('<Amt Ccy="EUR">96.50', "<Amt>96.50", refusing.OtherCurrency, "Amt"),
    ('<Amt Ccy="EUR">96.50', '<Amt Ccy="EUR">96.505', refusing.ValueWrong, "Amt"),
    ('<Amt Ccy="EUR">96.50', '<Amt Ccy="EUR">96,50', refusing.ValueWrong, "Amt"),
    ('<Amt Ccy="EUR">96.50', '<Amt Ccy="EUR">-96.50', refusing.ValueWrong, "Amt"),
    ('<Amt Ccy="EUR">96.50', '<Amt Ccy="EUR">NaN', refusing.ValueWrong, "Amt"),
    ('<Amt Ccy="EUR">96.50', '<Amt Ccy="EUR">1e2', refusing.ValueWrong, "Amt"),
    ('<Amt Ccy="EUR">96.50', '<Amt Ccy="EUR">٩٦.50', refusing.ValueWrong, "Amt"),
    ("<Sts><Cd>BOOK", "<Sts><Cd>PDNG", refusing.NotBooked, "Sts"),
    ("<BookgDt><Dt>2026-12-01", "<BookgDt><Dt>2026-02-30", refusing.ValueWrong, "Dt"),
    ("<BookgDt><Dt>2026-12-01", "<BookgDt><Dt>0001-12-01", refusing.ValueWrong, "Dt"),
    ("<BookgDt><Dt>2026-12-01</Dt></BookgDt>", "", refusing.ElementMissing, "Ntry"),
    ("<RvslInd>true", "<RvslInd>yes", refusing.ValueWrong, "RvslInd"),
    (OURS + "</IBAN></Id><Ccy>", "DE03120300000000202051</IBAN></Id><Ccy>", refusing.ValueWrong, "IBAN"),
    ("<ElctrncSeqNb>1<", "<ElctrncSeqNb>x<", refusing.ValueWrong, "ElctrncSeqNb"),
    ("<ElctrncSeqNb>1</ElctrncSeqNb>", "", refusing.ElementMissing, "Stmt"),
    ("<Cd>CLBD", "<Cd>ITBD", refusing.ElementMissing, "Stmt"),
    ("<Cd>CLBD", "<Cd>OPBD", refusing.ValueWrong, "Bal"),
    ("<NbOfTxs>2", "<NbOfTxs>3", refusing.NotTheNumber, "NbOfTxs"),
    ("<NbOfTxs>2</NbOfTxs>", '<TtlAmt Ccy="EUR">31.00</TtlAmt>', refusing.BatchNotTheSum, "TtlAmt"),
    ("<Id>STMT-1</Id>", "<Id>STMT-1</Id><Id>STMT-1</Id>", refusing.ElementTwice, "Id"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "instead", "refusal", "element"), WRONG)
def test_a_wrong_file_names_its_line(part: str, instead: str, refusal: type[BankFileRefused], element: str) -> None:
    raw = written(WHOLE).decode()
    assert part in raw
    with pytest.raises(refusal) as caught:
        read(raw.replace(part, instead, 1).encode())
    assert caught.value.fields["element"] == element
    exact = line_of(raw, part)
    whole = line_of(raw, "<Ntry>") if element == "Ntry" else line_of(raw, "<Stmt>") if element == "Stmt" else exact
    assert caught.value.fields["line"] == whole


def test_what_does_not_add_up_is_refused() -> None:
    raw = written(WHOLE).decode()
    closing = raw.index("CLBD")
    with pytest.raises(refusing.NotTheSum) as caught:
        read((raw[:closing] + raw[closing:].replace('"EUR">71.50', '"EUR">71.51', 1)).encode())
    assert caught.value.fields == {"line": line_of(raw, "CLBD"), "element": "Bal", "sum": "71.50", "stated": "71.51"}
    with pytest.raises(refusing.BatchNotTheSum) as split:
        read(raw.replace('<Amt Ccy="EUR">20.00', '<Amt Ccy="EUR">20.01').encode())
    assert (split.value.fields["sum"], split.value.fields["stated"]) == ("-30.01", "-30.00")


BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">{entities}]><Document>&lol9;</Document>""".format(
    entities="".join(
        f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' if n > 1 else '<!ENTITY lol1 "lollol">' for n in range(1, 10)
    )
)
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
QUADRATIC = f'<!DOCTYPE a [<!ENTITY x "{"x" * 100_000}">]><a>{"&x;" * 100_000}</a>'


@pytest.mark.parametrize("raw", [BOMB, OUTSIDE, QUADRATIC, "<!DOCTYPE a SYSTEM 'http://a.test/a.dtd'><a/>"])
def test_a_document_type_is_refused_before_it_costs_anything(raw: str) -> None:
    began = time.perf_counter()
    with pytest.raises(refusing.NotPlain):
        read(raw.encode())
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"not xml", 1),
        (b"<a>\n<b>\n</a>", 3),
        (b"<?xml version='1.0' encoding='UTF-8'?>\n<a>\n\xe4</a>", 3),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", 1),
        (b"<?xml version='1.0' encoding='utf-7'?><a/>", 1),
        (b"<?xml version='1.0' encoding='base64'?><a/>", 1),
        ("<a>ä</a>".encode("utf-32"), 1),
        (written(WHOLE)[:-30], 40),
    ],
)
def test_what_is_no_xml_is_refused(raw: bytes, line: int) -> None:
    with pytest.raises(BankFileRefused) as caught:
        read(raw)
    assert isinstance(caught.value, refusing.NotXml)
    assert abs(int(caught.value.fields["line"]) - line) <= (3 if line > 3 else 0)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(refusing.NotPlain):
        read(b"<a>" * 200_000)


texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=30).map(
    lambda text: " ".join(text.split())
)
references = texts.filter(lambda text: text.upper() not in ("NONREF", "NOTPROVIDED", "NOT PROVIDED"))
days = st.dates(date(2000, 1, 1), date(2100, 12, 31))
parties = st.builds(Party, name=texts, iban=st.sampled_from(["", THEIRS]))
cents = st.integers(1, 10**10)


@st.composite
def entries(draw: st.DrawFn) -> BankEntry:
    sign = draw(st.sampled_from([1, -1]))
    details = tuple(
        Detail(
            line=0,
            amount_cents=sign * draw(cents),
            acct_svcr_ref=draw(references),
            end_to_end_id=draw(references),
            msg_id=draw(references),
            pmt_inf_id=draw(references),
            debtor=draw(parties),
            creditor=draw(parties),
            remittance=draw(texts),
            creditor_reference=draw(texts),
            return_reason=draw(st.sampled_from(["", "AC04", "AM05"])),
        )
        for _ in range(draw(st.integers(0, 3)))
    )
    total = sum(one.amount_cents for one in details) or sign * draw(cents)
    return BankEntry(
        line=0,
        amount_cents=total,
        is_reversal=draw(st.booleans()),
        booked_on=draw(days),
        value_on=draw(st.none() | days),
        acct_svcr_ref=draw(references),
        entry_ref=draw(references),
        msg_id=draw(references),
        pmt_inf_id=draw(references),
        info=draw(texts),
        details=details,
    )


statements = st.builds(
    lambda made, opening, sequence, day: statement(
        *made, opening=opening, sequence=sequence, from_on=day, to_on=day, statement_id=f"S {sequence}"
    ),
    st.lists(entries(), max_size=4),
    st.integers(-(10**10), 10**10),
    st.integers(0, 999_999),
    days,
)


@BOTH
@given(made=st.lists(statements, min_size=1, max_size=3))
def test_whatever_is_written_is_read(version: str, made: list[Statement]) -> None:
    assert [unplaced(one) for one in read(written(*made, version=version))] == made


@settings(max_examples=300)
@given(st.data())
def test_mutated_bytes_are_read_or_refused_and_still_add_up(data: st.DataObject) -> None:
    raw = bytearray(written(WHOLE, version=data.draw(st.sampled_from(["02", "08"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["set", "cut", "repeat"])):
            case "set":
                raw[at] = data.draw(st.integers(0, 255))
            case "cut":
                del raw[at : at + data.draw(st.integers(1, 60))]
            case "repeat":
                raw[at:at] = raw[at : at + data.draw(st.integers(1, 60))]
        if not raw:
            break
    found: tuple[Statement, ...] = ()
    with suppress(BankFileRefused):  # anything else is a crash
        found = read(bytes(raw))
    for one in found:
        assert one.opening_cents + sum(each.amount_cents for each in one.entries) == one.closing_cents
        for each in one.entries:
            assert not each.details or sum(part.amount_cents for part in each.details) == each.amount_cents


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_order(raw: bytes) -> None:
    with pytest.raises(BankFileRefused):
        read(raw)


def test_ten_thousand_entries_take_little_time() -> None:
    numbers = random.Random(5)
    many = statement(
        *(
            entry(
                cents := numbers.randint(1, 10_000),
                acct_svcr_ref=f"R-{n}",
                details=(
                    detail(
                        cents,
                        end_to_end_id=f"E-{n}",
                        debtor=Party(name=f"Person {n}", iban=THEIRS),
                        remittance=f"Zweck {n}",
                    ),
                ),
            )
            for n in range(10_000)
        )
    )
    raw, began = written(many), time.process_time()
    found = read(raw)
    spent_s = time.process_time() - began
    assert len(found[0].entries) == 10_000
    assert spent_s < 10, spent_s  # 1 to 2 s on a quiet machine; what is quadratic takes minutes

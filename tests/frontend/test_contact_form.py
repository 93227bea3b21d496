"""Reading the contact form."""

from __future__ import annotations

from multidict import MultiDict

from booking.appointments.contact import Need
from booking.catalogue.model import Channel
from frontend.citizen.contact_form import read, typed_before

ONSITE, PHONE = Channel.ONSITE, Channel.PHONE
ADDRESS = {"street": "Königstraße 1", "postcode": "70173", "place": "Stuttgart"}


def test_one_contact_is_enough() -> None:
    for given in ({"email": "kim@example.org"}, {"mobile": "0151 23456789"}, ADDRESS):
        form = read(MultiDict(name="Kim", **given), "de", ONSITE)
        assert form.wrong == {}
        assert form.contact is not None
        assert form.contact.language == "de"


def test_everything_wrong_is_named_at_once() -> None:
    assert list(read(MultiDict(), "de", ONSITE).wrong) == ["name", "email"]
    wrong = read(
        MultiDict(name=" ", email="kim@", mobile="12", street="Königstraße 1", postcode="7017"), "de", ONSITE
    ).wrong
    assert list(wrong) == ["name", "email", "mobile", "postcode", "place"]


def test_unknown_needs_and_languages_are_ignored() -> None:
    form = read(
        MultiDict([("name", "Kim"), ("email", "kim@example.org"), ("needs", "gold,companion"), ("language", "xx")]),
        "en",
        ONSITE,
    )
    assert form.needs == (Need.COMPANION,)
    assert form.values["language"] == "en"


def test_coming_back_shows_what_was_sent() -> None:
    sent = MultiDict(
        name="Kim", email="kim@example.org", language="de", needs="wheelchair", note="Tür links", mobile="", **ADDRESS
    )
    form = read(sent, "de", ONSITE)
    assert form.contact is not None
    again = typed_before(form.contact, ONSITE)
    assert again.values == form.values
    assert again.needs == form.needs


def test_hidden_fields_read_as_they_were_typed() -> None:
    form = read(
        MultiDict([("name", "Kim"), ("mobile", "0151 23456789"), ("needs", "wheelchair"), ("needs", "companion")]),
        "de",
        ONSITE,
    )
    assert read(MultiDict(form.kept), "de", ONSITE) == form


def test_who_is_called_gives_a_number() -> None:
    for given in ({"email": "kim@example.org"}, ADDRESS, {}):
        form = read(MultiDict(name="Kim", **given), "de", PHONE)
        assert list(form.wrong) == ["mobile"]
        assert form.contact is None
    assert read(MultiDict(name="Kim", mobile="0711 2161"), "de", PHONE).wrong == {}


def test_a_contact_without_number_does_not_go_on_to_a_telephone_appointment() -> None:
    form = read(MultiDict(name="Kim", email="kim@example.org"), "de", ONSITE)
    assert form.contact is not None
    assert list(typed_before(form.contact, PHONE).wrong) == ["mobile"]

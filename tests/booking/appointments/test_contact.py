"""What people type, and what is kept of it."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.errors import Invalid
from base.seal import Sealer, Unsealable
from base.web.answers import validate
from booking.appointments.contact import Contact, Need, mailbox
from booking.appointments.persons import open_contact, seal_contact
from booking.invitations.model import Invited
from booking.invitations.sealing import Sealing

SEALER = Sealer("a secret for tests, long enough for the rule")


def contact(**fields: Any) -> Contact:
    return validate(Contact, {"name": "Anna Häberle", "email": "anna@example.org", "language": "de"} | fields)


def errors(**fields: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        contact(**fields)
    return {error.pointer: error.code for error in caught.value.errors}


class TestContact:
    def test_names_keep_their_letters(self) -> None:
        assert contact(name="  Zoe\u0308 O'Brien-Müller 王 ").name == "Zoë O'Brien-Müller 王"

    @pytest.mark.parametrize("typed", ["0151 23456789", "+49 151 234 567 89", "0049151/23456789", "(0151) 2345-6789"])
    def test_mobile_in_any_format(self, typed: str) -> None:
        assert contact(mobile=typed).mobile == "+4915123456789"

    def test_mobile_of_another_country(self) -> None:
        assert contact(mobile="+33 6 12 34 56 78").mobile == "+33612345678"

    def test_an_address_in_lines(self) -> None:
        typed = contact(email="", postal_address="Weg 1\r\n\r\n70173 Stuttgart").postal_address
        assert (
            typed == contact(postal_address=["Weg 1", "70173 Stuttgart"]).postal_address == ("Weg 1", "70173 Stuttgart")
        )

    def test_empty_fields_of_a_form_are_not_given(self) -> None:
        made = contact(email=" ", mobile="0151 23456789", postal_address="")
        assert (made.email, made.postal_address) == (None, None)

    def test_all_wrong_fields_at_once(self) -> None:
        found = errors(
            name="", email="anna@", mobile="12", language="fr", needs=["helicopter"], note="x" * 501, extra=1
        )
        assert found == {
            "/name": "missing",
            "/email": "email",
            "/mobile": "mobile",
            "/language": "literal_error",
            "/needs/0": "enum",
            "/note": "string_too_long",
            "/extra": "extra_forbidden",
        }

    def test_one_contact_is_enough_and_needed(self) -> None:
        assert errors(email=None) == {"": "no_contact"}

    @pytest.mark.parametrize("bad", ["a\x00b", "a\x1bb", "a\nb", "a\u202eb", "a\u2028b"])
    def test_control_characters_are_refused(self, bad: str) -> None:
        assert errors(name=bad) == {"/name": "control_character"}
        assert errors(postal_address=[bad]) == {"/postal_address/0": "control_character"}

    def test_a_note_may_have_lines(self) -> None:
        assert contact(note="one\r\ntwo").note == "one\ntwo"
        assert errors(note="one\x07") == {"/note": "control_character"}

    @given(st.text(max_size=200))
    def test_whatever_is_typed_is_taken_or_refused(self, text: str) -> None:
        for field in ("name", "email", "mobile", "postal_address", "note"):
            with contextlib.suppress(Invalid):
                assert contact(**{field: text}).language == "de"


@pytest.mark.parametrize(
    ("email", "behind"),
    [
        ("Anna+17@example.org", "anna@example.org"),
        ("a.n.na+x+y@GoogleMail.com", "anna@gmail.com"),
        ("an.na@example.org", "an.na@example.org"),  # elsewhere dots are another person
        ("+49@example.org", "+49@example.org"),
    ],
)
def test_the_mailbox_behind_an_address(email: str, behind: str) -> None:
    assert mailbox(email) == behind


class TestSealing:
    def test_opens_to_the_same(self) -> None:
        made = contact(mobile="0151 23456789", postal_address=["Weg 1"], needs=[Need.COMPANION], note="Hund")
        ident = uuid4()
        assert open_contact(SEALER, ident, seal_contact(SEALER, ident, made), "de") == made

    def test_what_was_right_once_is_readable_when_the_rules_change(self) -> None:
        """A number that was given out again, a need that is offered no more: of cases, invitations and requests by need alike."""
        now = contact(mobile="0151 23456789", postal_address=["Weg 1"], needs=[Need.COMPANION], note="Hund")
        then = now.model_copy(update={"mobile": "+491"})
        ident = uuid4()
        assert open_contact(SEALER, ident, seal_contact(SEALER, ident, then), "de") == then
        invitations = Sealing(SEALER)
        assert invitations.open(ident, invitations.seal(ident, Invited(then, "AZ 7"))) == Invited(then, "AZ 7")
        known = then.model_dump(mode="json")
        assert Contact.stored({**known, "needs": [*known["needs"], "lift"]}) == then

    def test_nothing_lies_open_and_nothing_opens_elsewhere(self) -> None:
        ident = uuid4()
        person = seal_contact(SEALER, ident, contact())
        for raw in (person.name, person.email, person.email_hmac):
            assert raw is not None
            assert b"anna" not in raw.lower()
        with pytest.raises(Unsealable):
            open_contact(SEALER, uuid4(), person, "de")

    def test_the_same_address_is_found_however_it_was_typed(self) -> None:
        left = seal_contact(SEALER, uuid4(), contact(email="Anna@Example.org"))
        right = seal_contact(SEALER, uuid4(), contact())
        assert left.email_hmac == right.email_hmac

"""Pages with reductions in every state: claimed by a citizen, and shown at the counter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from base.money import Money
from booking.appointments.contact import Contact
from booking.appointments.model import ProofOutcome, Reduced
from booking.appointments.reductions import Offered, Option
from booking.catalogue.reductions import Per, Reduction, ReductionKind
from frontend.citizen.holding import Chosen, check_page
from frontend.citizen.reduction_views import reductions_part
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from frontend.counter.day import proof_of
from frontend.counter.views import DayPage, Lists, Mine, Step
from frontend.staff.views import StaffFrame

CARD = Reduction(
    id=1,
    key="card",
    name={
        "de": "Bonuscard + Kultur der Landeshauptstadt Stuttgart",
        "en": "Bonuscard + Kultur of the City of Stuttgart",
    },
    kind=ReductionKind.PERCENT,
    value=50,
    per=Per.PERSON,
    rank=1,
    services=frozenset({1}),
    proof={"de": "gültige Bonuscard + Kultur und Ausweis", "en": "valid Bonuscard + Kultur and identity card"},
    legal_basis={"de": "Städtische Verwaltungsgebührensatzung"},
)
CHILD = replace(CARD, id=2, key="child", name={"de": "Kind unter 16 Jahren", "en": "Child under 16"})
CLAIMED = Reduced(key="card", name=CARD.name, proof=CARD.proof, legal_basis=CARD.legal_basis, persons=1, cents=1850)
OFFERED = Offered(
    whole=Money(3700),
    fee=Money(1850),
    options=(
        Option(reduction=CARD, most=1, persons=1, fee=Money(1850)),
        Option(reduction=CHILD, most=3, persons=0, fee=Money(0)),
    ),
)


def reduced_pages(
    words: Words, ident: UUID, chosen: Chosen, contact: Contact, until: datetime, key: str
) -> dict[str, tuple[str, Callable[[], object]]]:
    """Of citizens."""
    less = replace(chosen, fee=Money(1850), reductions=(CLAIMED,))
    problem = words._("So many people are not in this appointment.")

    def shown(chosen: Chosen, offered: Offered, problem: str = "") -> Callable[[], object]:
        part = reductions_part(words, offered, action="/reductions", hidden=(("hold", str(ident)),), problem=problem)
        return lambda: check_page(
            words, ident, ident, chosen, contact, until, {}, key, whole_fee=Money(3700), reductions=part
        )

    nothing = replace(OFFERED, options=tuple(replace(one, persons=0) for one in OFFERED.options))
    return {
        "check-reductions": ("check", shown(chosen, nothing)),
        "check-reduced": ("check", shown(less, OFFERED)),
        "check-reduction-wrong": ("check", shown(chosen, nothing, problem)),
    }


def counter_pages(words: Words, frame: StaffFrame, key: str) -> dict[str, tuple[str, object]]:
    """Of whoever is at the clerk's counter."""

    def day(outcome: ProofOutcome | None, due: str = "") -> DayPage:
        claimed = replace(CLAIMED, outcome=outcome, reason="…" if outcome is ProofOutcome.UNCHECKED else None)
        mine = Mine(
            counter="Schalter 3",
            number="007",
            rows=(Row(label=words._("Service"), value="Meldebescheinigung"),),
            state=words._("being served"),
            steps=(Step(url="/finish", label=words._("Finish"), kind="primary"),),
            proofs=(proof_of(words, claimed, "EUR"),),
            proof_url="/proof",
            proof_due=due,
        )
        return DayPage(
            frame=frame,
            office="Bürgerbüro Mitte",
            date="23. November 2026",
            board_url="/board",
            live_url="/live",
            lists=Lists(waiting=(), called=(), expected=(), over=(), waiting_text=""),
            mine=mine,
            check_in_url="/check-in",
            walk_in_url="/walk-in",
            services=(),
            request_key=key,
        )

    due = words._("Proof was not shown, so {amount} is to be paid.", amount=words.fee(Money(1850)))
    return {
        "counter-proof": ("counter/day.html", day(None)),
        "counter-proof-missing": ("counter/day.html", day(ProofOutcome.NOT_SHOWN, due)),
        "counter-proof-unchecked": ("counter/day.html", day(ProofOutcome.UNCHECKED)),
    }

"""Reductions of the fee: what may be claimed as fields of a form, what is claimed as lines, and the form as it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from base.money import Money
from booking.appointments.model import ProofOutcome, Reduced
from booking.appointments.reductions import Offered, Option
from booking.catalogue.reductions import Per
from frontend.citizen.views import ReductionField, ReductionsPart, Row, Tick
from frontend.citizen.words import Words

_PREFIX = "reduction-"


def reductions_part(
    words: Words, offered: Offered, *, action: str = "", hidden: tuple[tuple[str, str], ...] = (), problem: str = ""
) -> ReductionsPart | None:
    """None where there is nothing to claim."""
    if not offered.options:
        return None
    return ReductionsPart(
        fields=tuple(_field(words, one, offered.whole) for one in offered.options),
        hint=words._(
            "You show the proof at the counter. We neither ask for the number of a card nor keep one. Two reductions are not added up: "
            "the better one counts."
        ),
        action=action,
        hidden=hidden,
        is_open=bool(problem) or any(one.persons for one in offered.options),
        problem=problem,
    )


def _field(words: Words, option: Option, whole: Money) -> ReductionField:
    rule = option.reduction
    if rule.per is Per.CASE or option.most == 1:
        then = words._("{fee} instead of {whole}", fee=words.fee(option.fee), whole=words.fee(whole))
    else:
        then = words._("For one person: {fee} instead of {whole}", fee=words.fee(option.fee), whole=words.fee(whole))
    return ReductionField(
        name=_PREFIX + rule.key,
        label=words.pick(rule.name),
        hint=". ".join((then, words._("Please bring: {proof}", proof=words.pick(rule.proof)))),
        is_chosen=option.persons > 0,
        choices=tuple(
            Tick(value=str(n), label=_people(words, n), is_chosen=n == option.persons) for n in range(option.most + 1)
        )
        if option.most > 1
        else (),
    )


def _people(words: Words, n: int) -> str:
    return words.ngettext("For {n} person", "For {n} people", n) if n else words._("For nobody")


def claims_in(fields: Mapping[str, str]) -> dict[str, int]:
    """What is no number is nobody: no page of ours sends it."""
    found = {name.removeprefix(_PREFIX)[:80]: value for name, value in fields.items() if name.startswith(_PREFIX)}
    return {
        key: int(value) if value.isascii() and value.isdigit() and len(value) < 3 else 0 for key, value in found.items()
    }


def chosen_again(offered: Offered, claims: Mapping[str, int]) -> Offered:
    """With what was ticked in a form that is shown once more."""
    options = tuple(replace(one, persons=min(claims.get(one.reduction.key, 0), one.most)) for one in offered.options)
    return replace(offered, options=options)


def price_rows(words: Words, whole: Money, reduced: Sequence[Reduced]) -> tuple[Row, ...]:
    """The whole fee and what is taken off it; nothing where nothing is."""
    taken = [one for one in reduced if one.cents]
    if not taken:
        return ()
    return (
        Row(label=words._("Fee without reduction"), value=words.fee(whole)),
        *(
            Row(
                label=named(words, one),
                value=words._("less {amount}", amount=words.fee(Money(one.cents, whole.currency))),
                lines=(words._("Please bring: {proof}", proof=words.pick(one.proof)), words.pick(one.legal_basis)),
            )
            for one in taken
        ),
    )


def reduction_lines(words: Words, reduced: Iterable[Reduced], currency: str) -> tuple[str, ...]:
    """Below the fee."""
    return tuple(
        words._("less {amount}: {reduction}", amount=words.fee(Money(one.cents, currency)), reduction=named(words, one))
        for one in reduced
        if one.cents
    )


def proof_state(words: Words, one: Reduced) -> tuple[str, str]:
    """What the counter has noted about its proof, and how that is shown."""
    return {
        None: (words._("not looked at"), "warning"),
        ProofOutcome.SHOWN: (words._("shown"), "success"),
        ProofOutcome.NOT_SHOWN: (words._("not shown"), "danger"),
        ProofOutcome.UNCHECKED: (words._("not looked at: {reason}", reason=one.reason or ""), "info"),
    }[one.outcome]


def proof_rows(words: Words, reduced: Sequence[Reduced], due: Money) -> tuple[Row, ...]:
    """For staff: what is to be shown, what was, and what is to be paid where it was not."""
    rows = [
        Row(
            label=words._("Reduction claimed"),
            value=named(words, one),
            lines=(
                words._("Proof: {proof}", proof=words.pick(one.proof)),
                proof_state(words, one)[0],
            ),
        )
        for one in reduced
        if one.cents
    ]
    if due:
        rows.append(Row(label=words._("To be paid"), value=words.fee(due)))
    return tuple(rows)


def named(words: Words, one: Reduced) -> str:
    name = words.pick(one.name)
    return f"{one.persons} × {name}" if one.persons > 1 else name


def proofs(words: Words, reduced: Iterable[Reduced]) -> tuple[str, ...]:
    """What is to be brought for them."""
    return tuple(words.pick(one.proof) for one in reduced if one.cents)

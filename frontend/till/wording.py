"""The cashier's words: amounts, states, and the tables of drawers and payments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from base.errors import DomainError, Invalid
from base.i18n import format_money
from base.i18n import mark as _
from base.money import Money
from booking.appointments.model import Brief
from frontend.citizen.words import Words
from frontend.finance.books_views import Column, Table
from frontend.finance.shared import zone_of
from frontend.finance.views import Fact, Link
from frontend.till.typed import cents_of
from frontend.till.views import Unlikely
from payment.model import Payment, PaymentStatus
from payment.receipts.kassenzeichen import spaced
from payment.till.model import COUNTER, CounterStatus, DrawerProtocol, GivingStatus, Method, Move
from payment.till.refusals import ChangeUnlikely, DifferenceUnexplained
from payment.till.usecases import Taking, TillState

METHOD: Mapping[Method, str] = {Method.CASH: _("Cash"), Method.TERMINAL: _("Card terminal")}


def euros(words: Words, cents: int | None) -> str:
    return "–" if cents is None else format_money(Money(cents), words.language)


def plain(cents: int) -> str:
    """As it stands in a field."""
    return f"{cents // 100},{cents % 100:02d}"


def refusal(words: Words, error: DomainError) -> str:
    if isinstance(error, DifferenceUnexplained):
        cents = int(error.fields["difference_cents"])
        said = words._("{amount} too much", amount=euros(words, cents))
        if cents < 0:
            said = words._("{amount} too little", amount=euros(words, -cents))
        return f"{said}. {words._(error.message)}"
    return words._(error.message)


def messages(words: Words, error: DomainError | None) -> dict[str, str]:
    """By the name of the field."""
    if not isinstance(error, Invalid):
        return {}
    return {one.pointer.lstrip("/"): words._(one.message) for one in error.errors}


def state(words: Words, one: TillState) -> str:
    if one.drawer is None:
        return words._("Drawer closed")
    when = words.when(one.drawer.opened_at, str(zone_of(words)))
    return words._("Open since {when}, opened by {name}", when=when, name=one.drawer.opened_name)


def tills(words: Words, base: str, found: Sequence[TillState]) -> Table:
    return Table(
        heading=words._("Tills"),
        columns=(Column(words._("Till")), Column(words._("State"))),
        rows=tuple(
            (Link(label=one.till.name, url=f"{base}/{one.till.id}"), Link(label=state(words, one))) for one in found
        ),
        empty=words._("No till has been set up here."),
    )


def drawers(words: Words, base: str, found: Sequence[DrawerProtocol]) -> Table:
    place = str(zone_of(words))
    return Table(
        heading=words._("Drawers"),
        columns=(
            Column(words._("Opened")),
            Column(words._("Till")),
            Column(words._("Closed")),
            Column(words._("Cash taken"), is_number=True),
            Column(words._("By card"), is_number=True),
            Column(words._("Difference"), is_number=True),
        ),
        rows=tuple(
            (
                Link(label=words.when(one.drawer.opened_at, place), url=f"{base}/drawers/{one.drawer.id}"),
                Link(label=one.till.name),
                Link(label=words.when(one.drawer.closed_at, place) if one.drawer.closed_at else "–"),
                Link(label=euros(words, one.sum_of(Method.CASH, went_out=False))),
                Link(label=euros(words, one.sum_of(Method.TERMINAL, went_out=False))),
                Link(label="–" if one.drawer.is_open else euros(words, one.drawer.difference_cents)),
            )
            for one in found
        ),
        empty=words._("No drawer has been opened here yet."),
    )


def payment_state(words: Words, one: Taking) -> str:
    status = one.payment.status
    if status is PaymentStatus.PAID:
        return words._("Paid")
    if status is PaymentStatus.AUTHORISED:
        return words._("Reserved, not taken yet")
    if one.payment.is_uncovered:
        return words._("The reservation ran out")
    if status in (PaymentStatus.FENCED, PaymentStatus.LAPSED):
        return words._("Not owed any more")
    if one.payment.provider == COUNTER:
        return words._("To be paid")
    return words._("Begun online")


def found(words: Words, base: str, takings: Sequence[Taking], briefs: Mapping[UUID, Brief]) -> Table:
    rows = [
        (
            Link(label=spaced(one.payment.kassenzeichen), url=f"{base}/payments/{one.payment.id}"),
            Link(label=about(words, one.payment, briefs)),
            Link(label=payment_state(words, one)),
            Link(label=format_money(one.payment.amount, words.language)),
        )
        for one in takings
    ]
    return Table(
        heading=words._("Found"),
        columns=(
            Column(words._("Kassenzeichen")),
            Column(words._("What for")),
            Column(words._("State")),
            Column(words._("Amount"), is_number=True),
        ),
        rows=tuple(rows),
        empty=words._("Nothing is to be paid under this number."),
    )


def about(words: Words, payment: Payment, briefs: Mapping[UUID, Brief]) -> str:
    brief, further = briefs.get(payment.reference), ", ".join(line.label for line in payment.lines if line.label)
    if brief is None:
        return f"{payment.description}: {further}" if further else payment.description
    if brief.id != payment.reference and further:
        return words._("Appointment {number}: {service}", number=brief.number, service=further)
    return words._("Appointment {number}: {service}", number=brief.number, service=words.pick(brief.service))


def taking_facts(words: Words, one: Taking, briefs: Mapping[UUID, Brief]) -> tuple[Fact, ...]:
    payment, session, place = one.payment, one.session, str(zone_of(words))
    facts = [
        Fact(label=words._("What for"), value=about(words, payment, briefs)),
        Fact(label=words._("Amount"), value=format_money(payment.amount, words.language)),
        Fact(label="Kassenzeichen", value=spaced(payment.kassenzeichen)),
        Fact(label=words._("State"), value=payment_state(words, one)),
    ]
    if session is not None and session.method is not None and session.taken_at is not None:
        facts.append(Fact(label=words._("How paid"), value=words._(METHOD[session.method])))
        facts.append(Fact(label=words._("Taken"), value=words.when(session.taken_at, place)))
        if session.given_cents is not None:
            facts.append(Fact(label=words._("Handed over"), value=euros(words, session.given_cents)))
            facts.append(Fact(label=words._("Change due"), value=euros(words, session.change_cents)))
        if session.slip:
            facts.append(Fact(label=words._("Number on the slip"), value=session.slip))
    if one.returned:
        sums = (
            (words._("Given back at a till"), one.returned_cents(GivingStatus.GIVEN)),
            (words._("To be given back"), one.returned_cents(GivingStatus.OPEN)),
            (words._("By bank transfer"), one.returned_cents(GivingStatus.TRANSFER)),
        )
        facts += [Fact(label=label, value=euros(words, cents)) for label, cents in sums if cents]
    elif payment.refunded_cents:
        facts.append(Fact(label=words._("Refunded"), value=euros(words, payment.refunded_cents)))
    return tuple(facts)


def change(words: Words, one: Taking) -> tuple[str, ...]:
    """What is said in large letters once it is taken."""
    session = one.session
    if session is None or session.status is not CounterStatus.PAID or one.payment.refunded_cents:
        return ()
    if one.payment.status is not PaymentStatus.PAID:
        return (words._("Taken; the books follow in a moment."),)
    if session.method is Method.TERMINAL:
        return (words._("Paid by card."),)
    return (words._("Paid."), words._("Change: {amount}", amount=euros(words, session.change_cents)))


def unlikely(words: Words, one: Taking, error: DomainError | None, typed: Mapping[str, str]) -> Unlikely | None:
    """What is asked where far more was typed than is to be paid."""
    given = cents_of(typed.get("given", "").strip())
    if not isinstance(error, ChangeUnlikely) or given is None:
        return None
    text = words._(
        "{given} were handed over, and {change} go back.",
        given=euros(words, given),
        change=euros(words, given - one.payment.amount_cents),
    )
    return Unlikely(cents=str(given), text=text)


def drawer_facts(words: Words, one: DrawerProtocol) -> tuple[Fact, ...]:
    drawer, place = one.drawer, str(zone_of(words))
    facts = [
        Fact(label=words._("Till"), value=one.till.name),
        Fact(label=words._("Account"), value=one.till.account),
        Fact(label=words._("Opened"), value=words.when(drawer.opened_at, place)),
        Fact(label=words._("Opened by"), value=drawer.opened_name),
        Fact(label=words._("Counted at the opening"), value=euros(words, drawer.float_cents)),
    ]
    if drawer.brought_cents:
        facts.append(Fact(label=words._("Of it, change brought"), value=euros(words, drawer.brought_cents)))
    if drawer.opening_difference_cents:
        said = _explained(words, drawer.opening_difference_cents, drawer.opening_note)
        facts.append(Fact(label=words._("Difference at the opening"), value=said))
    elif drawer.opening_note:
        facts.append(Fact(label=words._("Noted at the opening"), value=drawer.opening_note))
    facts += _sums(words, one)
    if drawer.closed_at is not None:
        facts += [
            Fact(label=words._("Closed"), value=words.when(drawer.closed_at, place)),
            Fact(label=words._("Closed by"), value=drawer.closed_name or ""),
            Fact(label=words._("By the books"), value=euros(words, drawer.expected_cents)),
            Fact(label=words._("Counted"), value=euros(words, drawer.counted_cents)),
            Fact(label=words._("Difference"), value=_explained(words, drawer.difference_cents, drawer.note)),
            Fact(label=words._("To the bank"), value=_to_bank(words, one)),
            Fact(
                label=words._("Left in the drawer"),
                value=euros(words, (drawer.counted_cents or 0) - (drawer.deposit_cents or 0)),
            ),
        ]
    return tuple(facts)


def _to_bank(words: Words, one: DrawerProtocol) -> str:
    amount = euros(words, one.drawer.deposit_cents)
    if not one.drawer.deposit_cents:
        return amount
    if one.drawer.bag:
        amount = words._("{amount} in bag {bag}", amount=amount, bag=one.drawer.bag)
    if one.deposited_on is None:
        return words._("{amount}, not at the bank yet", amount=amount)
    return words._("{amount}, at the bank on {day}", amount=amount, day=words.day(one.deposited_on))


def _sums(words: Words, one: DrawerProtocol) -> list[Fact]:
    labels = {
        (Method.CASH, False): words._("Cash taken"),
        (Method.CASH, True): words._("Cash given back"),
        (Method.TERMINAL, False): words._("Taken by card"),
        (Method.TERMINAL, True): words._("Given back by card"),
    }
    sums = {key: one.sum_of(key[0], went_out=key[1]) for key in labels}
    return [Fact(label=labels[key], value=euros(words, cents)) for key, cents in sums.items() if cents or not key[1]]


def _explained(words: Words, cents: int, note: str | None) -> str:
    amount = euros(words, cents)
    return f"{amount} ({note})" if note else amount


def moves(words: Words, one: DrawerProtocol, url: Callable[[Move], str] = lambda _move: "") -> Table:
    """`url`: where a line's Kassenzeichen leads."""
    return Table(
        heading=words._("Money that came and went"),
        columns=(
            Column(words._("Time of day")),
            Column(words._("Kassenzeichen")),
            Column(words._("Receipt")),
            Column(words._("How paid")),
            Column(words._("Amount"), is_number=True),
        ),
        rows=tuple(_move(words, move, url(move)) for move in one.moves),
        empty=words._("Nothing yet."),
    )


def _move(words: Words, move: Move, url: str) -> tuple[Link, ...]:
    method = words._(METHOD[move.method])
    return (
        Link(label=words.time(move.at, str(zone_of(words)))),
        Link(label=spaced(move.kassenzeichen), url=url),
        Link(label=move.receipt or "–"),
        Link(label=f"{method} ({move.slip})" if move.slip else method),
        Link(label=euros(words, move.cents)),
    )

"""From the queue's day to what a clerk sees. Pure: texts and addresses, no rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from base.money import Money
from booking.appointments.model import ReconfirmStatus, Reduced
from booking.catalogue.model import Office
from booking.catalogue.snapshot import Snapshot
from booking.charges.model import Charge, ChargeKind, ChargeStatus, Owed
from booking.queue.model import OPEN, Booked, Day, OpenReason, Place, Ticket, TicketStatus
from frontend.charges.composing import state
from frontend.citizen.reduction_views import named, proof_state
from frontend.citizen.views import Row
from frontend.citizen.words import Words
from frontend.counter.views import Further, Line, Lists, Mine, Proof, Step
from payment.model import Payment

NOTHING = Money(0)
_MISSED_SHOWN = 3  # who comes after all comes soon


@dataclass(frozen=True, slots=True)
class Asked:
    """A further fee, its payment, and the link to pay it: as text, and as a code that a phone reads."""

    charge: Charge
    payment: Payment | None
    link: str
    code: str
    may_change: bool


@dataclass(frozen=True, slots=True)
class Charged:
    """What a card shows of further fees. `prices`: what may be asked for, (id, name and amount)."""

    found: tuple[Asked, ...]
    prices: tuple[tuple[str, str], ...]
    request_key: str
    owed: Owed = field(default_factory=Owed)  # of a booking that is not paid
    may_ask: bool = False

    @property
    def is_open(self) -> bool:
        return bool(self.owed.amount) or any(one.charge.status is ChargeStatus.OPEN for one in self.found)

    @property
    def has_reduction(self) -> bool:
        """What a reduction took off was asked for already."""
        kinds = {one.charge.kind for one in self.found if one.charge.status is not ChargeStatus.WITHDRAWN}
        return ChargeKind.REDUCTION in kinds


@dataclass(frozen=True, slots=True)
class Scene:
    """What is read once for a page: the day, the names that may be seen, the catalogue."""

    words: Words
    office: Office
    known: Snapshot
    day: Day
    names: Mapping[UUID, str]
    untold: Mapping[UUID, str] = field(
        default_factory=dict
    )  # whose latest message did not arrive, and the number to call

    @property
    def base(self) -> str:
        return f"/{self.words.language}/counter/{self.office.id}"

    def service(self, service_id: int) -> str:
        service = self.known.services.get(service_id) or self.known.withdrawn_services.get(service_id)
        return self.words.pick(service.name) if service else ""

    def booked(self, ticket: Ticket) -> Booked | None:
        return next((one for one in self.day.booked if one.id == ticket.appointment_id), None)

    def services(self, one: Booked) -> str:
        """With the time and the counter of each where one visit has several."""
        named = [stop.item.named(self.service(stop.item.service_id)) for stop in one.stops]
        resources = [self.counter(ident) for ident in one.resources]
        if len(named) == 1:
            return f"{named[0]} ({', '.join(resources)})" if resources else named[0]
        return "; ".join(
            f"{self.words.time(stop.starts_at, self.day.time_zone)} {service} ({self.counter(stop.counter_id)})"
            for stop, service in zip(one.stops, named, strict=True)
        )

    def counter(self, counter_id: int | None) -> str:
        return next((self.words.pick(place.name) for place in self.day.counters if place.id == counter_id), "")


def number_text(number: int) -> str:
    """Three digits at least, as the board shows them."""
    return f"{number:03d}"


def shown(day: Day) -> frozenset[UUID]:
    """Whose names the whole page has."""
    held = {ticket.appointment_id for ticket in day.tickets if ticket.appointment_id is not None}
    return frozenset({one.id for one in day.booked} | held)


def shown_at(day: Day, place: Place | None) -> frozenset[UUID]:
    """Whose name a clerk's own part has."""
    present = day.open_at(place.id) if place else None
    return frozenset({present.appointment_id} if present and present.appointment_id else ())


def lists(scene: Scene) -> Lists:
    words, day = scene.words, scene.day
    arrived = {ticket.appointment_id: ticket for ticket in day.tickets if ticket.status is not TicketStatus.LEFT}
    waiting = tuple(_waiting(scene, ticket) for ticket in day.waiting)
    expected: list[Line] = []
    over: list[Line] = []
    for one in day.booked:
        if one.id in arrived and arrived[one.id].status in (*OPEN, TicketStatus.WAITING) and one.status == "confirmed":
            continue
        (expected if one.status == "confirmed" else over).append(_booked(scene, one))
    walked = [_walked(scene, t) for t in day.tickets if t.appointment_id is None and t.status not in (*OPEN, "waiting")]
    return Lists(
        waiting=waiting,
        called=tuple(_called(scene, ticket) for ticket in day.tickets if ticket.status in OPEN),
        expected=tuple(expected),
        over=(*over, *walked),
        waiting_text=words.ngettext("{n} person is waiting", "{n} people are waiting", len(waiting)),
    )


def mine(
    scene: Scene,
    place: Place | None,
    *,
    manages: bool,
    has_call: bool,
    reduced: Sequence[Reduced] = (),
    due: Money = NOTHING,
    charges: Charged | None = None,
) -> Mine:
    """`has_call`: whoever is here has a video call that is not over. `reduced`: what they have claimed; `due`: because of proof that was
    not shown. `charges`: further fees, for who may ask for them."""
    words, base = scene.words, scene.base
    taken = tuple(
        (str(other.id), words.pick(other.name))
        for other in scene.day.counters
        if manages and other.account_id is not None and (place is None or other.id != place.id)
    )
    if place is None:
        return Mine(
            choices=tuple(
                (str(c.id), words.pick(c.name), c.account_id is not None)
                for c in scene.day.counters
                if not c.is_resource
            ),
            choose_url=f"{base}/take",
            taken=taken,
            free_url=f"{base}/free",
        )
    present = scene.day.open_at(place.id)
    counter, leave = words.pick(place.name), f"{base}/leave"
    if present is None:
        call = Step(url=f"{base}/next", label=words._("Call the next person"), kind="primary")
        return Mine(
            counter=counter,
            leave_url=leave,
            steps=(call,),
            missed=_missed(scene, place),
            taken=taken,
            free_url=f"{base}/free",
        )
    return Mine(
        counter=counter,
        leave_url="" if present.day == scene.day.date else leave,  # whom a former day left open keeps nobody
        number=number_text(present.number),
        rows=_rows(scene, present),
        state=_state(scene, present),
        steps=_steps(scene, present, has_call=has_call),
        proofs=tuple(proof_of(words, one, due.currency) for one in reduced),
        proof_url=f"{base}/tickets/{present.id}/proof",
        proof_due=words._("Proof was not shown, so {amount} is to be paid.", amount=words.fee(due))
        if due and not (charges and charges.has_reduction)
        else "",
        proof_due_url=f"{base}/tickets/{present.id}/charges/reduction"
        if charges and charges.may_ask and present.status is TicketStatus.SERVING
        else "",
        owed=_owed(words, charges.owed) if charges else "",
        unpaid_url=f"{base}/tickets/{present.id}/finish-unpaid"
        if charges and charges.is_open and present.status is TicketStatus.SERVING
        else "",
        reasons=tuple((one.value, open_reason(words, one)) for one in OpenReason),
        further=tuple(_further(scene, one) for one in charges.found) if charges else (),
        further_url=f"{base}/tickets/{present.id}/charges"
        if charges and present.status is TicketStatus.SERVING and charges.prices
        else "",
        prices=charges.prices if charges else (),
        request_key=charges.request_key if charges else "",
        taken=taken,
        free_url=f"{base}/free",
    )


def _owed(words: Words, owed: Owed) -> str:
    if not owed.amount:
        return ""
    amount = words.fee(owed.amount)
    if owed.ran_out:
        return words._(
            "What was reserved for the booking ran out before it was charged: {amount} is to be paid again, by its link or at a till.",
            amount=amount,
        )
    return words._("The fee of the booking is not paid yet: {amount}. A till takes it.", amount=amount)


def _further(scene: Scene, one: Asked) -> Further:
    words, charge = scene.words, one.charge
    said, kind = state(words, charge, one.payment)
    is_open = charge.status is ChargeStatus.OPEN
    label = f"{charge.quantity} × {charge.label}" if charge.quantity > 1 else charge.label
    return Further(
        key=charge.id.hex[:12],
        label=f"{label}: {words.fee(charge.amount)}",
        state=said,
        kind=kind,
        withdraw_url=f"{scene.base}/charges/{charge.id}/withdraw" if charge.is_unpaid and one.may_change else "",
        link=one.link if is_open else "",
        code=one.code if is_open else "",
        send_url=f"{scene.base}/charges/{charge.id}/send"
        if one.link and is_open and one.may_change and charge.appointment_id
        else "",
    )


def open_reason(words: Words, reason: OpenReason) -> str:
    return {
        OpenReason.PAYS_LATER: words._("Pays later, by the link or at a till"),
        OpenReason.CANNOT_PAY: words._("Cannot pay now"),
        OpenReason.HAS_LEFT: words._("Has left without paying"),
        OpenReason.PAYMENT_DOWN: words._("Nothing can be paid at the moment"),
        OpenReason.OTHER: words._("Another reason"),
    }[reason]


def proof_of(words: Words, one: Reduced, currency: str) -> Proof:
    amount = words.fee(Money(one.cents, currency))
    state, kind = proof_state(words, one)
    return Proof(
        key=one.key,
        label=words._("Reduction claimed: {reduction} (less {amount})", reduction=named(words, one), amount=amount),
        proof=words._("Proof: {proof}", proof=words.pick(one.proof)),
        state=state,
        kind=kind,
        is_open=one.outcome is None,
    )


def _steps(scene: Scene, ticket: Ticket, *, has_call: bool) -> tuple[Step, ...]:
    words, url = scene.words, f"{scene.base}/tickets/{ticket.id}"
    if ticket.status is TicketStatus.SERVING:
        back = (Step(url=f"{url}/admit", label=words._("Back to the call")),) if has_call else ()
        booked = scene.booked(ticket)
        following = booked.after(ticket.due_at) if booked else None
        if following is None:
            return (Step(url=f"{url}/finish", label=words._("Finish"), kind="primary"), *back)
        on = words._("On to {counter}", counter=scene.counter(following.counter_id))
        return (
            Step(url=f"{url}/send-on", label=on, kind="primary"),
            Step(url=f"{url}/finish", label=words._("Finish the whole visit")),
        )
    if has_call:
        first = Step(url=f"{url}/admit", label=words._("Go to the video call"), kind="primary")
    else:
        first = Step(url=f"{url}/start", label=words._("Is here: start"), kind="primary")
    return (
        first,
        Step(url=f"{url}/recall", label=words._("Call again")),
        Step(url=f"{url}/no-show", label=words._("Did not come")),
    )


def _missed(scene: Scene, place: Place) -> tuple[Step, ...]:
    words = scene.words
    return tuple(
        Step(
            url=f"{scene.base}/tickets/{ticket.id}/undo",
            label=words._("Number {number} is here after all", number=number_text(ticket.number)),
        )
        for ticket in scene.day.missed_at(place.id)[:_MISSED_SHOWN]
    )


def _state(scene: Scene, ticket: Ticket) -> str:
    words = scene.words
    if ticket.status is TicketStatus.SERVING:
        said = words._("being served")
    else:
        said = words.ngettext("called once", "called {n} times", ticket.calls)
    if ticket.day == scene.day.date:
        return said
    return f"{said}, {words._('since {time}', time=words.day(ticket.day))}"


def _rows(scene: Scene, ticket: Ticket) -> tuple[Row, ...]:
    words = scene.words
    found = []
    if ticket.appointment_id is not None and ticket.appointment_id in scene.names:
        found.append(Row(label=words._("Name"), value=scene.names[ticket.appointment_id]))
    booked = scene.booked(ticket)
    found.append(
        Row(label=words._("Service"), value=scene.services(booked) if booked else scene.service(ticket.service_id))
    )
    if booked is not None:
        time = words.time(booked.starts_at, scene.day.time_zone)
        over = f" ({words._('cancelled')})" if booked.status == "cancelled" else ""
        found.append(Row(label=words._("Appointment"), value=f"{time}, {booked.number}{over}"))
    elif ticket.due_at is not None:  # of a former day
        found.append(Row(label=words._("Appointment"), value=words.time(ticket.due_at, scene.day.time_zone)))
    else:
        found.append(Row(label=words._("Appointment"), value=words._("none")))
    return tuple(found)


def _line(
    scene: Scene, ticket: Ticket, note: str, *, kind: str = "info", action_url: str = "", action: str = ""
) -> Line:
    words = scene.words
    due = words.time(ticket.due_at, scene.day.time_zone) if ticket.due_at else words._("none")
    name = scene.names.get(ticket.appointment_id, "") if ticket.appointment_id else ""
    booked = scene.booked(ticket)
    return Line(
        key=f"t{ticket.id.hex[:12]}",
        number=number_text(ticket.number),
        time=due,
        name=name,
        service=scene.services(booked) if booked else scene.service(ticket.service_id),
        channel=words.channel(ticket.channel),
        note=note,
        kind=kind,
        action_url=action_url,
        action=action,
    )


def _waiting(scene: Scene, ticket: Ticket) -> Line:
    words = scene.words
    since = words._("since {time}", time=words.time(ticket.arrived_at, scene.day.time_zone))
    url = f"{scene.base}/tickets/{ticket.id}/left"
    return _line(scene, ticket, since, action_url=url, action=words._("Has gone"))


def _called(scene: Scene, ticket: Ticket) -> Line:
    kind = "warning" if ticket.status is TicketStatus.CALLED else "success"
    return _line(scene, ticket, f"{scene.counter(ticket.counter_id)}, {_state(scene, ticket)}", kind=kind)


def _walked(scene: Scene, ticket: Ticket) -> Line:
    words = scene.words
    said = {
        TicketStatus.DONE: words._("finished"),
        TicketStatus.NO_SHOW: words._("did not come"),
        TicketStatus.LEFT: words._("has gone"),
    }
    return _line(scene, ticket, said[ticket.status])


def _to_call(words: Words, number: str) -> str:
    if not number:
        return words._("Message not delivered: please call")
    return words._("Message not delivered: please call {number}", number=number)


def _comes(words: Words, reconfirm: str | None) -> str:
    """What whoever was asked has said."""
    return (
        {
            ReconfirmStatus.ASKED: words._("asked whether they come"),
            ReconfirmStatus.KEPT: words._("has said to come"),
            ReconfirmStatus.LAPSED: words._("has not said whether they come"),
        }.get(ReconfirmStatus(reconfirm), "")
        if reconfirm
        else ""
    )


def _booked(scene: Scene, one: Booked) -> Line:
    words = scene.words
    said = {
        "confirmed": _comes(words, one.reconfirm),
        "finished": words._("finished"),
        "no_show": words._("did not come"),
        "cancelled": words._("cancelled"),
    }
    if one.status == "cancelled" and one.reconfirm == ReconfirmStatus.RELEASED:
        said["cancelled"] = words._("not confirmed, given to others")
    action = {"onsite": words._("Check in"), "phone": words._("Put into the queue")}.get(one.channel, "")
    is_untold = one.status == "confirmed" and one.id in scene.untold
    may_arrive = one.status == "confirmed" and bool(action)  # by video they arrive by themselves
    return Line(
        key=f"a{one.id.hex[:12]}",
        number=one.number,
        time=words.time(one.starts_at, scene.day.time_zone),
        name=scene.names.get(one.id, ""),
        service=scene.services(one),
        channel=words.channel(one.channel),
        note=_to_call(words, scene.untold[one.id]) if is_untold else said[one.status],
        kind="warning" if is_untold else "info",
        action_url=f"{scene.base}/check-in" if may_arrive else "",
        action=action if may_arrive else "",
        action_hidden=(("appointment", str(one.id)),),
    )

"""One transfer order: its ten fields, what happened to it, and what whoever looks may do now."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from base.errors import DomainError, Invalid
from base.identity.model import Principal
from base.web import STAFF, path_id
from booking.catalogue.endpoints import CATALOGUE
from booking.charges.endpoints import CHARGES
from frontend.citizen.rendering import new_key, words_of
from frontend.citizen.views import ShownError, Tick
from frontend.citizen.words import Words
from frontend.finance.views import Link
from frontend.staff.frame import staff_frame, staff_page
from frontend.transfers import wording
from frontend.transfers.views import Action, OrderPage
from payment.transfers.endpoints import TRANSFERS
from payment.transfers.model import Order, Story
from payment.transfers.states import OPEN, TAKES_ACCOUNT, TRANSITIONS, TransferEvent, TransferStatus

_E = TransferEvent


async def order_page(
    request: web.Request, refusal: DomainError | None = None, typed: Mapping[str, str] | None = None
) -> web.Response:
    """`typed`: what stood in the fields when it was refused; a reason stands under the name of its button."""
    words, staff = words_of(request), request[STAFF]
    story = await request.app[TRANSFERS].story(path_id(request, "transfer"))
    order, url = story.order, wording.url(words, story.order)
    typed = typed or {}
    wrong = _wrong(words, refusal, typed)
    view = OrderPage(
        frame=staff_frame(
            request,
            words,
            wording.title(words, order),
            errors=tuple(ShownError(field=name, message=text) for name, text in wrong.items()),
        ),
        notice=words._(refusal.message) if refusal is not None and not wrong else "",
        back=Link(label=words._("Refunds by bank transfer"), url=f"/{words.language}/transfers/"),
        status=words._(wording.STATUS[order.status]),
        is_waiting=order.status in OPEN,
        facts=wording.facts(words, order),
        fields=wording.ten_fields(words, story),
        steps=tuple(wording.step_line(words, story, one) for one in story.steps),
        links=wording.links(words, order),
        buttons=(*_buttons(words, staff, order, url), *_decisions(words, staff, story, url)),
        reasons=_reasons(words, staff, order, url),
        waivers=tuple(wording.waiver_facts(words, one) for one in story.waivers),
        waive_url=f"{url}/waivers" if _may_waive(staff, story) else "",
        grounds=tuple(
            Tick(value=one.value, label=words._(text), is_chosen=False) for one, text in wording.GROUND.items()
        ),
        barred_from=words.day(story.barred_from) if story.barred_from else "",
        hint=_hint(words, staff, order) or await _unasked(request, words, order),
        enter_url=f"{url}/account" if order.status in TAKES_ACCOUNT and staff.may("transfer.enter") else "",
        request_key=new_key(),
        values=typed,
        messages=wrong,
    )
    return staff_page(request, "transfers/order", view, status=refusal.status if refusal is not None else 200)


async def _unasked(request: web.Request, words: Words, order: Order) -> str:
    """Whose payee came without an appointment: where they are known by their queue number, and what brings the account."""
    charge = await request.app[CHARGES].find(order.reference) if order.asks else None
    if charge is None or charge.appointment_id is not None:
        return ""
    office = (await request.app[CATALOGUE].snapshot()).offices[charge.office_id]
    return words._(
        "Nobody can write to the payee, who came without an appointment: queue number {number} on {day}, {office}. They name the account "
        "by the code of their receipt, or tell it; the office has it in its list of refunds without an account.",
        number=f"{charge.number:03d}",
        day=words.day(charge.day),
        office=words.pick(office.name),
    )


def _wrong(words: Words, refusal: DomainError | None, typed: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(refusal, Invalid):
        return {}
    reason = next((name for name in typed if name not in ("holder", "iban", "ground", "reason", "evidence")), "")
    fields = {one.pointer.lstrip("/"): words._(one.message) for one in refusal.errors}
    return {reason if name == "note" else name: text for name, text in fields.items()}


def _takes(order: Order, event: TransferEvent) -> bool:
    return (order.status, event) in TRANSITIONS


def _is_own(staff: Principal, order: Order) -> bool:
    return staff.account_id in (order.assessed_by, order.entered_by)


def _buttons(words: Words, staff: Principal, order: Order, url: str) -> tuple[Action, ...]:
    found = []
    if _takes(order, _E.ASSESS) and staff.may("transfer.assess"):
        label = words._("Confirm: correct in substance and sum")
        found.append(Action(name="assess", label=label, url=f"{url}/assess"))
    may_go_on = not (order.is_disputed or order.is_lost)
    if _takes(order, _E.APPROVE) and staff.may("transfer.approve") and not _is_own(staff, order) and may_go_on:
        found.append(Action(name="approve", label=words._("Order the payment"), url=f"{url}/approve"))
    return tuple(found)


def _may_waive(staff: Principal, story: Story) -> bool:
    return _takes(story.order, _E.WAIVE) and staff.may("transfer.assess") and story.asked_waiver is None


def _decisions(words: Words, staff: Principal, story: Story, url: str) -> tuple[Action, ...]:
    waiting = story.asked_waiver
    if waiting is None or not staff.may("transfer.approve"):
        return ()
    here, found = f"{url}/waivers/{waiting.id}", []
    if waiting.requested_by != staff.account_id and _takes(story.order, _E.WAIVE) and not story.order.is_disputed:
        label = words._("Approve: it is owed no more")
        found.append(Action(name="approve-waiver", label=label, url=f"{here}/approve"))
    found.append(Action(name="reject-waiver", label=words._("Reject: it is still owed"), url=f"{here}/reject"))
    return tuple(found)


def _reasons(words: Words, staff: Principal, order: Order, url: str) -> tuple[Action, ...]:
    wanted = (
        (
            _E.BOUNCE,
            "transfer.send",
            "returned",
            words._("Returned by the bank"),
            words._("Why did the bank return it?"),
        ),
        (
            _E.ASK_AGAIN,
            "transfer.assess",
            "ask-again",
            words._("Ask for the account again"),
            words._("What is wrong with it?"),
        ),
        (_E.CANCEL, "transfer.approve", "cancel", words._("Cancel the order"), words._("Why is it not transferred?")),
    )
    return tuple(
        Action(name=name, label=label, url=f"{url}/{name}", asks=asks, hint=words._("For the audit. No names, please."))
        for event, permission, name, label, asks in wanted
        if _takes(order, event) and staff.may(permission)
    )


def _hint(words: Words, staff: Principal, order: Order) -> str:
    if order.is_disputed and order.status in OPEN:
        return words._("The payer disputes this payment with their bank. Until that is decided nothing is transferred.")
    if order.is_lost and order.status in OPEN:
        return words._(
            "A dispute of this payment was lost, so the payer has the money already. Ask your bank to call this transfer back."
        )
    if _takes(order, _E.APPROVE) and staff.may("transfer.approve") and _is_own(staff, order):
        return words._("You entered or assessed it, so another person has to order the payment.")
    if order.status is TransferStatus.APPROVED and staff.may("transfer.send"):
        return words._("It goes into the next file for the bank.")
    return ""

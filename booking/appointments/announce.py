"""A case's facts as a message in the outbox, and as the fields of a calendar entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from base.clock import Clock
from base.db import Connection
from base.i18n import pick
from base.seal import Sealer
from booking.appointments import person_store, store
from booking.appointments.calls import Calls
from booking.appointments.contact import Contact, readable
from booking.appointments.persons import open_contact, open_token
from booking.appointments.slots import Notice
from booking.appointments.store import CaseRow, ItemRow
from notifications.model import Untold
from notifications.usecases import Notifications
from payment.ports import Tx

# What says in a mail what a text said. A refund's text has its amount, which is gone with its contents; with an address it was a mail.
_BY_MAIL = {
    "call_link": "appointment_confirmed",
    "appointment_confirmed": "appointment_confirmed",
    "appointment_moved": "appointment_moved",
    "appointment_cancelled": "appointment_cancelled",
    "appointment_released": "appointment_released",
}
_STANDS = ("appointment_confirmed", "appointment_moved")  # what says when and where somebody is to come
_BOTH_WAYS = frozenset({"waitlist_offered"})  # runs out: a mail may be read too late


class Announcer:
    """By e-mail where there is an address, else by text message. The link in the message works: the case's token is kept sealed
    for that."""

    def __init__(
        self, notifications: Notifications, sealer: Sealer, clock: Clock, public_url: str, calls: Calls
    ) -> None:
        self._notifications = notifications
        self._sealer = sealer
        self._clock = clock
        self._public_url = public_url
        self._calls = calls

    async def __call__(self, tx: Tx, reference: UUID, notice: Notice) -> None:
        conn = cast("Connection", tx)
        row = await store.find_case(conn, reference)
        person = await person_store.find_person(conn, reference, lock=True)
        if row is not None and _ends_call(row, notice):
            await self._calls.call_off(conn, row.id)  # whatever became of the person
        if row is None or person is None:  # erased: there is nobody to be told
            return
        more = await self._call(conn, row, notice)
        contact = open_contact(self._sealer, reference, person, row.language)
        fields = {**self.fields(row), **_called(row, contact), **more, **notice.fields, **self._own(row, notice)}
        for template, channel, recipient in self._ways(contact, notice.template, fields):
            await self._notifications.enqueue(
                conn,
                key=f"{template}:{reference}:{notice.about or row.sequence}:{channel}",
                reference=reference,
                template=template,
                channel=channel,
                language=row.language,
                recipient=recipient,
                fields=fields,
                due_at=self._clock(),
            )

    async def tell_by_mail(self, conn: Connection, untold: Untold) -> bool:
        """What a text was to say, where there is an e-mail address. False: somebody has to call."""
        row = await store.find_case(conn, untold.reference)
        person = await person_store.find_person(conn, untold.reference, lock=True)
        if row is None or person is None:
            return True  # erased: nobody is to be told
        email = open_contact(self._sealer, row.id, person, row.language).email
        template = _BY_MAIL.get(untold.template)
        is_late = row.starts_at <= self._clock() or (template in _STANDS and row.status != "confirmed")
        if is_late:
            return True
        if email is None or template is None:
            return False
        notice = Notice(template)
        await self._notifications.enqueue(
            conn,
            key=f"{template}:{row.id}:text-{untold.id}:email",
            reference=row.id,
            template=template,
            channel="email",
            language=row.language,
            recipient=email,
            fields={**self.fields(row), **await self._call(conn, row, notice)},
            due_at=self._clock(),
        )
        return True

    def _ways(self, contact: Contact, template: str, fields: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """Template, channel and recipient. Without any way the page shows link and number, to be kept."""
        mobile = contact.mobile if self._notifications.can_text else None
        if contact.email is not None:
            yield template, "email", contact.email
        if mobile is not None and (contact.email is None or template in _BOTH_WAYS):
            yield template, "sms", mobile
        if mobile is None or fields["channel"] != "video" or template not in _STANDS:
            return
        if contact.email is not None or fields.get("join_url"):  # else the text before has the same link
            yield "call_link", "sms", mobile

    async def _call(self, conn: Connection, row: CaseRow, notice: Notice) -> Mapping[str, Any]:
        """A video appointment gets its room with the confirmation, and a later one when it moves, whatever way the link then goes."""
        if row.channel == "video" and notice.template in _STANDS:
            return {"join_url": await self._calls.invite(conn, row)}
        return {}

    def _own(self, row: CaseRow, notice: Notice) -> Mapping[str, str]:
        """A link that is the notice's own, in the person's language."""
        path = notice.fields.get("own_path")
        return {"own_url": f"{self._public_url}/{row.language}{path}"} if path else {}

    def fields(self, row: CaseRow) -> Mapping[str, Any]:
        """JSON, in the case's language; see notifications.fields.CaseFields."""
        token = open_token(self._sealer, row.id, row.token_sealed)
        services = [one.item.named(pick(one.name, row.language)) for one in row.items]
        return {
            "uid": str(row.id),
            "sequence": row.sequence,
            "city": pick(row.city, row.language),
            "number": row.number,
            "service": services[0],
            "further": [
                {"service": service, "starts_at": one.starts_at.isoformat()}
                for service, one in zip(services[1:], row.items[1:], strict=True)
            ],
            "channel": row.channel,
            "office": pick(row.office, row.language),
            "street": row.street,
            "postcode": row.postcode,
            "place": row.place,
            "directions": pick(row.directions, row.language),
            "starts_at": row.starts_at.isoformat(),
            "ends_at": row.ends_at.isoformat(),
            "time_zone": row.time_zone,
            "manage_url": f"{self._public_url}/{row.language}/case/{token}",
            "fee_cents": row.fee_cents,
            "owed_cents": row.fee_cents if row.pays_at_till else 0,
            "currency": row.currency,
            "refund_policy": pick(row.refund_policy, row.language),
            "documents": list(
                dict.fromkeys((*(each for one in row.items for each in _documents(one, row.language)), *_proofs(row)))
            ),
        }


def _documents(item: ItemRow, language: str) -> Sequence[str]:
    return item.documents.get(language) or item.documents.get("de") or ()


def _proofs(row: CaseRow) -> Sequence[str]:
    """What is to be shown for the reductions that were claimed."""
    return [pick(one.proof, row.language) for one in row.reductions if one.cents]


def _ends_call(row: CaseRow, notice: Notice) -> bool:
    """Cancelled, or moved to where there is no call: perhaps from one."""
    if notice.template == "appointment_moved":
        return row.channel != "video"
    return notice.template in ("appointment_cancelled", "appointment_released") and row.channel == "video"


def _called(row: CaseRow, contact: Contact) -> Mapping[str, str]:
    """The number that the office calls."""
    return {"call_number": readable(contact.mobile)} if row.channel == "phone" and contact.mobile else {}

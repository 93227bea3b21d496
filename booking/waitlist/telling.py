"""What is written to somebody on the list, and the link by which they leave it without the case's own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from base.db import Connection
from base.i18n import pick
from base.seal import Sealer, same
from booking.appointments import store as appointments
from booking.appointments.slots import Announce, Notice
from booking.waitlist.turns import KeptTime


class Teller:
    def __init__(self, announce: Announce, sealer: Sealer, public_url: str) -> None:
        self._announce = announce
        self._sealer = sealer
        self._public_url = public_url

    async def offer(
        self, conn: Connection, appointment_id: UUID, offer_id: UUID, time: KeptTime, until: datetime
    ) -> None:
        """The message is about the time on offer; the one that the case has is named beside it."""
        row = await appointments.find_case(conn, appointment_id)
        place = await appointments.find_place(conn, time.office_id)
        if row is None or place is None:
            raise LookupError(appointment_id)
        leave = f"{self._public_url}/{row.language}/waitlist/{appointment_id}/leave/{self.leave_token(appointment_id)}"
        fields = {
            "starts_at": time.starts_at.isoformat(),
            "ends_at": time.ends_at.isoformat(),
            "time_zone": time.time_zone,
            "office": pick(place.name, row.language),
            "street": place.street,
            "postcode": place.postcode,
            "place": place.place,
            "directions": pick(place.directions, row.language),
            "answer_until": until.isoformat(),
            "instead_of": row.starts_at.isoformat(),
            "leave_url": leave,
        }
        await self._announce(conn, appointment_id, Notice("waitlist_offered", str(offer_id), fields))

    def leave_token(self, appointment_id: UUID) -> str:
        """Opens nothing: whoever has it can take the case off the list, and no more."""
        return self._sealer.mac(f"waitlist-leave:{appointment_id}")

    def may_leave(self, appointment_id: UUID, token: str) -> bool:
        return token.isascii() and same(self.leave_token(appointment_id), token)

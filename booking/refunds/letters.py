"""Letters of a print run as PDF."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from base.clock import Clock
from base.i18n import format_money, pick, zone
from booking.appointments.model import Case
from booking.availability.slots import day_of
from booking.catalogue.snapshot import Snapshot
from booking.catalogue.usecases import Catalogue
from booking.refunds.usecases import Refunds
from notifications.letters import Letters
from notifications.refund_letters import RefundLetter
from payment.transfers.model import Order

_ANSWERED_BY = "115"  # where the city names no telephone of its own


@dataclass(frozen=True, slots=True)
class RefundLetters:
    refunds: Refunds
    catalogue: Catalogue
    setter: Letters
    clock: Clock
    public_url: str

    async def file(self, office_id: int, run_id: UUID) -> bytes:
        """Raises NotFound, also where none of them asks for anything any more."""
        found = await self.refunds.letters(office_id, run_id)
        known = await self.catalogue.snapshot()
        letters = [self._letter(order, case, code, known) for order, case, code in found]
        return await asyncio.to_thread(self.setter.pdf, letters, self.clock())

    def _letter(self, order: Order, case: Case, code: str, known: Snapshot) -> RefundLetter:
        language, office = case.language, known.offices[case.office_id]
        return RefundLetter(
            language=language,
            written_on=day_of(self.clock(), zone(case.time_zone)),
            recipient=(case.contact.name, *(case.contact.postal_address or ())),
            city=pick(known.city.name, language),
            office=pick(office.name, language),
            address=f"{office.street}, {office.postcode} {office.place}",
            phone=known.city.contact.get("phone") or _ANSWERED_BY,
            number=case.number,
            service=pick(known.services[case.service_id].name, language),
            amount=format_money(order.amount, language),
            purpose=order.purpose,
            link=f"{self.public_url}/{language}{self.refunds.link(order)}",
            site=f"{urlsplit(self.public_url).netloc}/{language}/refund",
            code=code,
        )

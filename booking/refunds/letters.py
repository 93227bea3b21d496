"""Letters that ask for an account, as PDF. Printed is what a PDF was made of."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from base.clock import Clock
from base.errors import NotFound
from base.i18n import format_money, pick, zone
from booking.appointments.model import Case
from booking.availability.slots import day_of
from booking.catalogue.snapshot import Snapshot
from booking.catalogue.usecases import Catalogue
from booking.refunds.model import Due
from booking.refunds.usecases import Refunds
from notifications.letters import Letters, print_file
from notifications.refund_letters import RefundLetter
from payment.transfers.model import Order

log = logging.getLogger(__name__)
_ANSWERED_BY = "115"  # where the city names no telephone of its own


@dataclass(frozen=True, slots=True)
class RefundLetters:
    refunds: Refunds
    catalogue: Catalogue
    setter: Letters
    clock: Clock
    public_url: str

    async def print_all(self, office_id: int, *, by: int, key: str) -> UUID:
        """All that wait. The same request again: the same run. Raises NoLetterWaits."""
        _pdf, made = await self._run(await self.refunds.waiting(office_id))
        return await self.refunds.take(office_id, made, by=by, key=key)

    async def print_one(self, office_id: int, appointment_id: UUID, order_id: UUID, *, by: int, key: str) -> UUID:
        """Whatever else reaches its payee; printed already, it is that run. Raises NotFound, NoLetterWaits."""
        known, due = await self.refunds.one_letter(office_id, appointment_id, order_id)
        if known is not None:
            return known
        _pdf, made = await self._run(due)
        return await self.refunds.take(office_id, made, by=by, key=key)

    async def file(self, office_id: int, run_id: UUID) -> bytes:
        """Raises NotFound, also where none of them asks for anything any more."""
        pdf, made = await self._run(await self.refunds.of_run(office_id, run_id))
        if not made:
            raise NotFound
        return pdf

    async def _run(self, asked: Sequence[tuple[Due, Case]]) -> tuple[bytes, list[Due]]:
        """The file, and what is in it: a letter that cannot be set keeps no other from being printed."""
        known, letters = await self.catalogue.snapshot(), {}
        for due, case in asked:
            order, code = await self.refunds.letter(due)
            letters[due] = self._letter(order, case, code, known)
        return await print_file(self.setter, letters, self.clock(), _left_out)

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


def _left_out(due: Due) -> None:
    log.error("letter left out of its run", extra={"order": str(due.order_id)})

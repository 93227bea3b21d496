"""What a message, or a letter, says of an invitation."""

from __future__ import annotations

from typing import Any

from base.i18n import pick
from booking.invitations.store import InvitationRow


def told(row: InvitationRow, public_url: str, token: str) -> dict[str, Any]:
    """JSON, in the language of the invitation; see notifications.fields.InvitationFields."""
    return {
        "city": pick(row.city, row.language),
        "service": pick(row.service, row.language),
        "channel": row.channel,
        "office": pick(row.office, row.language),
        "address": f"{row.street}, {row.postcode} {row.place}",
        "first_day": row.first_day.isoformat(),
        "last_day": row.last_day.isoformat(),
        "answer_by": row.answer_by.isoformat(),
        "answer_until": row.answer_until.isoformat(),
        "manage_url": f"{public_url}/{row.language}/invitation/link/{token}",
    }

"""What became of it all: one value for the whole city, its provider and its post, and what must hold whatever happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tests.faults.scene import Scene

FEE = 1300
PAID_IN = (
    ("fee", "psp_clearing", FEE),
    ("fee", "received_in_advance", -FEE),
)
EARNS = (("earned", "received_in_advance", FEE), ("earned", "revenue:fees", -FEE))
PAID_BACK = (
    ("refund", "received_in_advance", FEE),
    ("refund", "refund_payable", -FEE),
    ("refund", "refund_payable", FEE),
    ("refund", "psp_clearing", -FEE),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Whole: whatever is not named here is not there. Amounts in cents."""

    cases: tuple[tuple[str, ...], ...] = ()  # of each appointment the statuses it has gone through
    claims: tuple[int, ...] = ()  # statuses of all time ever taken: 2 booked, 8 expired, 9 cancelled
    payments: tuple[tuple[str, int, int], ...] = ()  # status, captured, refunded
    refunds: tuple[tuple[int, str], ...] = ()
    journal: tuple[tuple[str, str, int], ...] = ()
    sessions: tuple[str, ...] = ()  # at the provider
    charges: tuple[tuple[int, int], ...] = ()  # at the provider: paid, of that given back
    given_back: tuple[tuple[int, str], ...] = ()  # at the provider
    payouts: tuple[tuple[str, int], ...] = ()  # as we know them: status, amount
    paid_out: tuple[tuple[str, str, int], ...] = ()  # their journals
    mails: tuple[str, ...] = ()  # templates, one for each Message-ID


async def outcome(scene: Scene) -> Outcome:
    history = await scene.rows(
        "SELECT array_agg(h.status ORDER BY h.id) FROM appointment_history h GROUP BY appointment_id ORDER BY min(h.id)"
    )
    templates = dict(await scene.rows("SELECT id::text, template FROM message"))
    sandbox = scene.machine.state
    return Outcome(
        cases=tuple(tuple(statuses) for (statuses,) in history),
        claims=tuple(status for (status,) in await scene.rows("SELECT status FROM claim WHERE kind = 0 ORDER BY id")),
        payments=tuple(
            await scene.rows("SELECT status, captured_cents, refunded_cents FROM payment ORDER BY created_at")
        ),
        refunds=tuple(await scene.rows("SELECT amount_cents, status FROM refund ORDER BY created_at")),
        journal=tuple(
            await scene.rows(
                "SELECT j.kind, e.account, e.amount_cents FROM entry e JOIN journal j ON j.id = e.journal_id "
                "WHERE j.kind NOT IN ('psp_fee', 'payout', 'payout_failed') ORDER BY e.id"  # the provider's own prices
            )
        ),
        sessions=tuple(sorted(row["status"] for row in sandbox.rows("sessions"))),
        charges=tuple((row["amount"], row["amount_refunded"]) for row in sandbox.rows("charges") if row["paid"]),
        given_back=tuple((row["amount"], row["status"]) for row in sandbox.rows("refunds")),
        payouts=tuple(await scene.rows("SELECT status, amount_cents FROM provider_payout_now ORDER BY id")),
        paid_out=tuple(
            await scene.rows(
                "SELECT j.kind, e.account, e.amount_cents FROM entry e JOIN journal j ON j.id = e.journal_id "
                "WHERE j.kind IN ('payout', 'payout_failed') ORDER BY e.id"
            )
        ),
        mails=tuple(sorted(templates[ident] for ident in copies(scene))),
    )


def copies(scene: Scene) -> Counter[str]:
    """How often the post got each message, by its id, which is the left part of the Message-ID."""
    return Counter(mail.header("Message-ID").strip("<>").partition("@")[0] for mail in scene.mail.messages)


async def assert_sound(scene: Scene) -> None:
    assert await scene.rows("SELECT * FROM claim_audit") == []
    assert await scene.rows("SELECT journal_id FROM entry GROUP BY 1 HAVING sum(amount_cents) <> 0") == []
    assert await scene.rows("SELECT id FROM payment WHERE status = 'attention'") == []
    assert (
        await scene.rows(
            "SELECT j.id FROM journal j LEFT JOIN journal_seal s ON s.journal_id = j.id WHERE s.seq IS NULL"
        )
        == []
    )
    for table, done in (("job", "done"), ("message", "sent")):
        rows = await scene.rows(
            f"SELECT status, lease_until, lease_by FROM {table} WHERE (status, lease_until) IS DISTINCT FROM ('{done}', NULL)"
        )
        assert rows == [], f"{table}: not {done}, dead, or still leased"
    [(clearing,)] = await scene.rows(
        "SELECT coalesce(sum(amount_cents), 0)::int FROM entry e JOIN journal j ON j.id = e.journal_id "
        "WHERE account = 'psp_clearing' AND j.kind NOT IN ('psp_fee', 'payout', 'payout_failed')"
    )
    charges = [row for row in scene.machine.state.rows("charges") if row["paid"]]
    [(reversed_cents,)] = await scene.rows(  # by people, whatever the provider says
        "SELECT coalesce(-sum(amount_cents), 0)::int FROM entry e JOIN journal j ON j.id = e.journal_id "
        "WHERE account = 'psp_clearing' AND j.kind = 'reversal'"
    )
    movements = [one for row in scene.machine.state.rows("disputes") for one in row["balance_transactions"]]
    assert clearing + reversed_cents == sum(row["amount"] - row["amount_refunded"] for row in charges) + sum(
        one["amount"] for one in movements
    )
    sent = await scene.rows("SELECT id::text FROM message WHERE status = 'sent'")
    assert set(copies(scene)) == {ident for (ident,) in sent}

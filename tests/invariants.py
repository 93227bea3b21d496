"""What must hold whatever has happened, read from the tables and not through the code that wrote them."""

from __future__ import annotations

from base.db import Connection

# Of the payments of a case: its own id, and the holds of dearer times that it was moved to.
_REFERENCES = "SELECT a.id UNION ALL SELECT request_key FROM claim c WHERE c.moves = a.id AND c.appointment_id = a.id"
# Each query names what is wrong; a sound database answers none.
_FAULTS = {
    "two at the same counter, or somebody in closed time": "SELECT id FROM claim_audit",
    "a living case without its time, or a dead one with some": """
        SELECT a.id FROM appointment a WHERE (SELECT count(*) FROM claim c WHERE c.appointment_id = a.id AND c.status < 8)
          <> CASE WHEN a.status IN ('expired', 'cancelled') THEN 0
                  ELSE greatest(1, (SELECT count(*) FROM claim c WHERE c.appointment_id = a.id AND c.status < 8)) END""",
    "confirmed and not paid": f"""
        SELECT a.id FROM appointment a WHERE a.status IN ('confirmed', 'finished', 'no_show') AND a.fee_cents > 0
           AND NOT a.pays_at_till AND NOT EXISTS (SELECT FROM payment p WHERE p.status = 'paid' AND p.reference IN ({_REFERENCES}))""",
    "a fee that is not what was paid for it": f"""
        SELECT a.id FROM appointment a WHERE a.status = 'confirmed'
           AND NOT (a.pays_at_till AND NOT EXISTS (SELECT FROM payment p WHERE p.status = 'paid' AND NOT p.surplus AND p.reference = a.id))
           AND a.fee_cents <>
          (SELECT coalesce(sum(p.captured_cents), 0) FROM payment p
            WHERE p.status = 'paid' AND NOT p.surplus AND p.reference IN ({_REFERENCES}))
          - (SELECT coalesce(sum(r.amount_cents), 0) FROM refund r JOIN payment p ON p.id = r.payment_id
              WHERE r.reason = 'moved' AND r.retry_of IS NULL AND p.reference IN ({_REFERENCES}))""",
    "a visit of which a part is missing, or has become something else": """
        SELECT l.id FROM claim l WHERE l.parts > 1 AND l.parts <> 1 + (
          SELECT count(*) FROM claim c WHERE c.lead_id = l.id AND c.status = l.status
             AND c.appointment_id IS NOT DISTINCT FROM l.appointment_id)""",
    "reduced by something else than its claims": """
        SELECT a.id FROM appointment a WHERE a.reduction_cents <>
          (SELECT coalesce(sum(p.cents), 0) FROM reduction_part p WHERE p.appointment_id = a.id)""",
    "a price that is not the fee without what was taken off": """
        SELECT a.id FROM appointment a WHERE a.reduction_cents > 0 AND a.status NOT IN ('expired', 'cancelled')
           AND a.fee_cents + a.reduction_cents <> (SELECT sum(f.amount_cents * c.quantity) FROM claim c JOIN fee f ON f.id = c.fee_id
                                                    WHERE c.appointment_id = a.id AND c.status < 8)""",
    "paid twice": "SELECT reference FROM payment WHERE status = 'paid' GROUP BY 1 HAVING count(*) > 1",
    "more given back than there was": """
        SELECT p.id FROM payment p JOIN refund r ON r.payment_id = p.id AND r.status <> 'failed'
         GROUP BY p.id HAVING sum(r.amount_cents) > p.captured_cents""",
    "a journal that does not balance": "SELECT journal_id FROM entry GROUP BY 1 HAVING sum(amount_cents) <> 0",
    "money at the provider that the journal does not know": """
        SELECT 1 WHERE (SELECT coalesce(sum(amount_cents), 0) FROM entry e JOIN journal j ON j.id = e.journal_id
                         WHERE account = 'psp_clearing' AND j.kind NOT IN ('psp_fee', 'payout', 'payout_failed'))
          <> (SELECT coalesce(sum(captured_cents - refunded_cents), 0) FROM payment WHERE provider <> 'counter')
             + (SELECT coalesce(sum(o.amount_cents), 0) FROM transfer_order o JOIN payment p ON p.id = o.payment_id
                 WHERE o.status <> 'cancelled' AND p.provider <> 'counter')""",  # given back by the bank, not by the provider
    "a time that waits for a till and is not held so long": """
        SELECT t.appointment_id FROM till_hold t JOIN appointment a ON a.id = t.appointment_id AND a.status = 'held'
         WHERE NOT EXISTS (SELECT FROM claim c WHERE c.appointment_id = a.id AND c.status = 1 AND c.hold_until = t.pay_by)""",
    "a place given out by need without a case, or two": """
        SELECT r.id FROM allocation_request r LEFT JOIN claim c ON c.appointment_id = r.appointment_id
         WHERE r.status = 'placed' AND c.id IS NULL""",
    "an earlier time on offer that is not kept, or accepted and not the case's": """
        SELECT o.id FROM waitlist_offer o JOIN claim c ON c.request_key = o.hold_id
         WHERE o.status = 'open' AND (c.status <> 1 OR c.appointment_id IS NOT NULL)
            OR o.status = 'accepted' AND c.appointment_id IS DISTINCT FROM o.appointment_id""",
    "kept for the earlier-time list and not held, or the other way round": """
        SELECT s.hold_id FROM waitlist_slot s JOIN claim c ON c.request_key = s.hold_id
         WHERE (s.status = 'kept') <> (c.status = 1 AND c.appointment_id IS NULL) AND s.status <> 'returned'""",
    "a rebooking that is settled or not offered, and still keeps times": """
        SELECT r.id FROM rebooking r JOIN rebooking_offer o ON o.rebooking_id = r.id JOIN claim c ON c.request_key = o.hold_id
         WHERE r.status <> 'offered' AND c.status = 1 AND c.appointment_id IS NULL""",
    "a rebooking that is open although its case has left the closed time": """
        SELECT r.id FROM rebooking r JOIN claim c ON c.id = r.claim_id
         WHERE r.status IN ('due', 'offered', 'declined', 'silent', 'telephone') AND c.status >= 8""",
}
# Only when nothing is under way any more.
_RESTLESS = {
    "a hold that has run out": "SELECT id FROM claim WHERE kind = 0 AND status IN (1, 3)",
    "a case that waits for a payment": "SELECT id FROM appointment WHERE status IN ('held', 'expiring')",
    "a dead case that keeps money which its policy gives back": """
        SELECT a.id FROM appointment a JOIN payment p ON p.reference = a.id AND p.status = 'paid'
         WHERE a.status IN ('expired', 'cancelled')
           AND NOT EXISTS (SELECT FROM refund r WHERE r.payment_id = p.id AND r.status = 'succeeded')""",
    "a refund under way": "SELECT id FROM refund WHERE status IN ('approved', 'submitted')",
    "set aside by a run that is over": """
        SELECT s.hold_id FROM allocation_slot s JOIN allocation_run r ON r.id = s.run_id JOIN claim c ON c.request_key = s.hold_id
         WHERE r.status IN ('released', 'given_up') AND c.status = 1""",
}


async def faults(conn: Connection, *, at_rest: bool = False) -> dict[str, list[object]]:
    """Rows by what is wrong with them; empty where all is sound."""
    found = {}
    for name, sql in {**_FAULTS, **(_RESTLESS if at_rest else {})}.items():
        if rows := await conn.fetch(sql):
            found[name] = [row[0] for row in rows]
    return found

"""Conditions in SQL that several stores share: what is in trouble is the same for the books, the work list and the night's matching."""

# Of refund `f`: no other was made in its place, and no transfer order carries its money.
FAILED_FOR_GOOD = """(f.status = 'failed' AND coalesce(f.transfer_status, 'cancelled') = 'cancelled'
            AND NOT EXISTS (SELECT FROM refund n WHERE n.retry_of = f.id))"""

# Of payment `p`: it was reserved, and that ran out with nothing in its place.
UNCOVERED = """(p.status = 'fenced' AND p.authorised_until IS NOT NULL AND NOT p.surplus
            AND p.take_cents IS DISTINCT FROM 0 AND p.keep_cents IS DISTINCT FROM 0
            AND NOT EXISTS (SELECT FROM payment n
                             WHERE n.reference = p.reference AND NOT n.surplus AND n.status IN ('authorised', 'paid')))"""

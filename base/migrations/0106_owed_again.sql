-- A reservation that ran out before it was taken is an open fee of its visit (docs/adr/0061, 0070): the visit does not end in silence. The same
-- condition is `payment.conditions.UNCOVERED`.
CREATE FUNCTION payment_is_uncovered(p payment) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT p.status = 'fenced' AND p.authorised_until IS NOT NULL AND NOT p.surplus
         AND p.take_cents IS DISTINCT FROM 0 AND p.keep_cents IS DISTINCT FROM 0
         AND NOT EXISTS (SELECT FROM payment n WHERE n.reference = p.reference AND NOT n.surplus AND n.status IN ('authorised', 'paid')) $$;
CREATE OR REPLACE FUNCTION fee_is_open(ticket uuid, appointment uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM charge c WHERE c.status = 'open' AND (c.ticket_id = $1 OR c.appointment_id = $2))
      OR EXISTS (SELECT FROM appointment a WHERE a.id = $2 AND a.pays_at_till AND a.fee_cents > 0
                    AND NOT EXISTS (SELECT FROM payment p WHERE p.reference = a.id AND p.status = 'paid' AND NOT p.surplus))
      OR EXISTS (SELECT FROM payment p WHERE p.reference = $2 AND payment_is_uncovered(p)) $$;
CREATE INDEX IF NOT EXISTS payment_ran_out ON payment (reference) WHERE status = 'fenced' AND authorised_until IS NOT NULL;

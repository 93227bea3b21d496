-- Disputes are laid beside the provider's transactions as well: what the payer's bank took, and put back (docs/adr/0066).
CREATE OR REPLACE VIEW booked_at_provider AS
  SELECT j.id AS journal_id, j.at, j.business_day, j.payment_id, p.provider, e.cents,
         CASE WHEN k.kind = 'fee' THEN 'charge:' || coalesce(p.charge_id, p.id::text)
              WHEN k.dispute_id IS NOT NULL THEN 'dispute:' || d.provider_id
              WHEN k.refund_id IS NOT NULL THEN 'refund:' || coalesce(r.provider_id, r.id::text)
              WHEN k.kind = 'psp_fee' THEN 'fee:' || k.subject
              WHEN k.kind IN ('payout', 'payout_failed') THEN 'out:' || k.subject
              WHEN k.kind = 'difference_settled' THEN split_part(k.subject, '#', 1)   -- what was written off counts as what it was about
              ELSE k.kind || ':' || coalesce(k.subject, j.id::text) END AS key
    FROM journal j
    JOIN LATERAL (SELECT sum(amount_cents)::bigint AS cents FROM entry WHERE journal_id = j.id AND account = 'psp_clearing') e ON e.cents <> 0
    LEFT JOIN journal o ON o.id = j.reverses   -- what is taken back counts as what it takes back
    CROSS JOIN LATERAL (SELECT coalesce(o.kind, j.kind) AS kind, coalesce(o.subject, j.subject) AS subject,
                               coalesce(o.refund_id, j.refund_id) AS refund_id, coalesce(o.dispute_id, j.dispute_id) AS dispute_id) k
    LEFT JOIN payment p ON p.id = j.payment_id LEFT JOIN refund r ON r.id = k.refund_id LEFT JOIN dispute d ON d.id = k.dispute_id;

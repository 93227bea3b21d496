-- What finance's search by an amount asks for: the youngest payments of just this amount, and the youngest refunds.
-- Where the tables are large already, make these CONCURRENTLY by hand before.
CREATE INDEX IF NOT EXISTS payment_amount_created ON payment (amount_cents, created_at DESC, id);
CREATE INDEX IF NOT EXISTS refund_amount_created ON refund (amount_cents, created_at DESC, id);

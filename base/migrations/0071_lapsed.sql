-- A payment that nobody waits for any more, with a provider that cannot promise that it will not be made (docs/adr/0054). Late money turns it
-- into a paid one; it does not keep its case from another payment.
ALTER TABLE payment DROP CONSTRAINT payment_status;
ALTER TABLE payment ADD CONSTRAINT payment_status CHECK (status IN ('intended', 'open', 'processing', 'paid', 'fenced', 'lapsed', 'attention'));
DROP INDEX payment_one_living;
CREATE UNIQUE INDEX payment_one_living ON payment (reference) WHERE status NOT IN ('fenced', 'lapsed') AND NOT surplus;
DROP INDEX payment_unsettled;
CREATE INDEX payment_unsettled ON payment (coalesce(checked_at, created_at))
  WHERE status IN ('intended', 'open', 'processing', 'attention', 'lapsed');
-- Nothing can be paid to an address that is not shown any more; and a payment that never had one cannot lapse.
ALTER TABLE payment ADD CONSTRAINT payment_lapsed_was_open CHECK (status <> 'lapsed' OR (session_id IS NOT NULL AND pay_url IS NULL));

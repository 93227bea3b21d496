-- Money that is reserved first and taken when the service has been given, as an option per service (docs/adr/0061).
ALTER TABLE service ADD COLUMN capture text NOT NULL DEFAULT 'automatic'
  CONSTRAINT service_capture CHECK (capture IN ('automatic', 'manual'));

ALTER TABLE payment
  ADD COLUMN capture          text NOT NULL DEFAULT 'automatic',
  ADD COLUMN authorised_until timestamptz,             -- until when the provider keeps the money reserved; it stays when that is over
  ADD COLUMN take_cents       int,                     -- ordered to be taken, 0: to be let go; null: not decided yet
  ADD COLUMN take_attempt     int NOT NULL DEFAULT 1,  -- part of the idempotency key of that order
  ADD COLUMN take_attempt_at  timestamptz,
  ADD COLUMN keep_cents       int,                     -- what the city may keep of it; null: all
  ADD COLUMN keep_reason      text,
  DROP CONSTRAINT payment_captured,
  ADD CONSTRAINT payment_captured CHECK (captured_cents IN (0, amount_cents)
    OR capture = 'manual' AND captured_cents BETWEEN 1 AND amount_cents AND captured_cents IS NOT DISTINCT FROM take_cents) NOT VALID,
  ADD CONSTRAINT payment_capture CHECK (capture IN ('automatic', 'manual')) NOT VALID,
  ADD CONSTRAINT payment_authorised CHECK (status <> 'authorised'
    OR capture = 'manual' AND charge_id IS NOT NULL AND authorised_until IS NOT NULL) NOT VALID,
  ADD CONSTRAINT payment_take CHECK (take_cents IS NULL
    OR take_cents BETWEEN 0 AND amount_cents AND num_nulls(authorised_until, take_attempt_at) = 0) NOT VALID,
  ADD CONSTRAINT payment_keep CHECK (keep_cents IS NULL OR keep_cents BETWEEN 0 AND amount_cents AND authorised_until IS NOT NULL) NOT VALID,
  ADD CONSTRAINT payment_keep_reason CHECK ((keep_cents IS NULL) = (keep_reason IS NULL)
    AND (keep_reason IS NULL OR keep_reason IN ('cancelled', 'lost_slot', 'moved'))) NOT VALID;
ALTER TABLE payment VALIDATE CONSTRAINT payment_captured;
ALTER TABLE payment VALIDATE CONSTRAINT payment_capture;
ALTER TABLE payment VALIDATE CONSTRAINT payment_authorised;
ALTER TABLE payment VALIDATE CONSTRAINT payment_take;
ALTER TABLE payment VALIDATE CONSTRAINT payment_keep;
ALTER TABLE payment VALIDATE CONSTRAINT payment_keep_reason;
SELECT allow_words('payment', 'payment_status', ARRAY['authorised']);

CREATE TRIGGER payment_capture_fixed BEFORE UPDATE ON payment FOR EACH ROW WHEN (OLD.capture <> NEW.capture)
  EXECUTE FUNCTION refuse_by_rule('how a payment is captured never changes');
CREATE TRIGGER payment_take_is_final BEFORE UPDATE ON payment FOR EACH ROW
  WHEN (OLD.take_cents IS NOT NULL AND NEW.take_cents IS DISTINCT FROM OLD.take_cents)
  EXECUTE FUNCTION refuse_by_rule('what was ordered of the provider may have been done: it is not ordered otherwise');
CREATE TRIGGER payment_keep_only_falls BEFORE UPDATE ON payment FOR EACH ROW
  WHEN (OLD.keep_cents IS NOT NULL AND (NEW.keep_cents IS NULL OR NEW.keep_cents > OLD.keep_cents))
  EXECUTE FUNCTION refuse_by_rule('what was let go of a reservation is not asked for again');
CREATE INDEX payment_authorised_until ON payment (authorised_until) WHERE status = 'authorised';

-- What a payment is for, by product account; on which day it is earned; and what of it is not earned yet (docs/adr/0048).
CREATE FUNCTION lines_cents(lines jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT coalesce(sum((line ->> 'amount_cents')::bigint), 0) FROM jsonb_array_elements(lines) line $$;
ALTER TABLE payment
  ADD COLUMN lines         jsonb,
  ADD COLUMN service_day   date,                    -- local; null: whoever asked for the payment tells when it is earned
  ADD COLUMN advance_cents int NOT NULL DEFAULT 0;  -- received, and neither earned nor given back
UPDATE payment SET lines = jsonb_build_array(jsonb_build_object(
  'product', 'fees', 'amount_cents', amount_cents, 'label', '', 'quantity', 1, 'tax_percent', 0));
ALTER TABLE payment
  ALTER COLUMN lines SET NOT NULL,
  ADD CONSTRAINT payment_lines_sum CHECK (lines_cents(lines) = amount_cents),
  ADD CONSTRAINT payment_lines_form CHECK (NOT jsonb_path_exists(lines,
    '$[*] ? (!(@.product like_regex "^[a-z0-9_.-]+$") || !(@.amount_cents > 0) || !(@.quantity > 0) || !(@.tax_percent >= 0))')),
  ADD CONSTRAINT payment_advance_within_captured CHECK (advance_cents BETWEEN 0 AND captured_cents);
CREATE FUNCTION payment_lines_whole() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.lines := jsonb_build_array(jsonb_build_object(
    'product', 'fees', 'amount_cents', NEW.amount_cents, 'label', '', 'quantity', 1, 'tax_percent', 0));
  RETURN NEW; END $$;
CREATE TRIGGER payment_lines_whole BEFORE INSERT ON payment FOR EACH ROW WHEN (NEW.lines IS NULL)  -- nobody says what it is for
  EXECUTE FUNCTION payment_lines_whole();
CREATE TRIGGER payment_lines_fixed BEFORE UPDATE ON payment FOR EACH ROW WHEN (OLD.lines <> NEW.lines)
  EXECUTE FUNCTION refuse_by_rule('what a payment is for never changes');
CREATE TRIGGER payment_advance_by_entries BEFORE UPDATE ON payment FOR EACH ROW
  WHEN (OLD.advance_cents <> NEW.advance_cents AND pg_trigger_depth() = 0)
  EXECUTE FUNCTION refuse_by_rule('what is not earned yet is kept by the database itself, from the entries');
CREATE INDEX payment_to_earn ON payment (service_day) WHERE status = 'paid' AND advance_cents > 0;

ALTER TABLE entry
  DROP CONSTRAINT entry_account,
  ADD CONSTRAINT entry_account CHECK (account ~ ('^(receivable|psp_clearing|bank|cash:[a-z0-9_.-]+|terminal_clearing|received_in_advance|revenue:[a-z0-9_.-]+|'
    || 'psp_fees|refund_payable|transfer_payable|unassigned|dispute_receivable|dispute_loss|cash_difference|write_off)$')) NOT VALID;
ALTER TABLE entry VALIDATE CONSTRAINT entry_account;
ALTER TABLE journal
  DROP CONSTRAINT journal_kind,
  ADD CONSTRAINT journal_kind CHECK (kind IN ('fee', 'earned', 'refund', 'refund_failed')),
  DROP CONSTRAINT journal_refund_named,
  ADD CONSTRAINT journal_refund_named CHECK ((kind IN ('fee', 'earned')) = (refund_id IS NULL));

CREATE FUNCTION entry_of_advance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE payment SET advance_cents = advance_cents - NEW.amount_cents
   WHERE id = (SELECT payment_id FROM journal WHERE id = NEW.journal_id);
  RETURN NULL; END $$;
CREATE TRIGGER entry_of_advance AFTER INSERT ON entry FOR EACH ROW WHEN (NEW.account = 'received_in_advance')
  EXECUTE FUNCTION entry_of_advance();

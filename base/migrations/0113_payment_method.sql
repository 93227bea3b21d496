-- How its payer paid: the provider's word (card, paypal, wero, sepa_debit), at a till cash or terminal. NULL: not told, as for whatever was
-- paid before this release. The sums of closed days are by it, so it stands still once the money is there.
ALTER TABLE payment ADD COLUMN method text CONSTRAINT payment_method CHECK (method ~ '^[a-z0-9_]{1,40}$');
CREATE TRIGGER payment_method_fixed BEFORE UPDATE OF method ON payment FOR EACH ROW
  WHEN (OLD.status = 'paid' AND NEW.method IS DISTINCT FROM OLD.method)
  EXECUTE FUNCTION refuse_by_rule('how something was paid stands still once it is paid');

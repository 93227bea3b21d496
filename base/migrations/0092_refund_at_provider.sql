-- A refund that people have made on the provider's own pages is booked as one of its payment (docs/adr/0072); and a dispute that the payer has
-- won gives back what had failed and waited for a transfer.
--
-- A refund that failed stays failed, or a lost dispute has paid it back; that alone overtakes one, and not while a transfer is on its way.
DROP TRIGGER refund_failed_is_final ON refund;
CREATE TRIGGER refund_failed_is_final BEFORE UPDATE ON refund FOR EACH ROW
  WHEN (OLD.status = 'failed' AND NEW.status NOT IN ('failed', 'overtaken'))
  EXECUTE FUNCTION refuse_by_rule('a failed refund stays failed: another try is another refund');
CREATE FUNCTION refund_overtaken_by_loss() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF OLD.transfer_status IS NOT NULL AND OLD.transfer_status <> 'cancelled'
     OR NOT EXISTS (SELECT FROM dispute WHERE payment_id = NEW.payment_id AND status = 'lost') THEN
    RAISE EXCEPTION 'no lost dispute has paid refund % back', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'refund_overtaken_by_loss'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER refund_overtaken_by_loss BEFORE UPDATE ON refund FOR EACH ROW WHEN (NEW.status = 'overtaken' AND OLD.status <> 'overtaken')
  EXECUTE FUNCTION refund_overtaken_by_loss();

-- Made at the provider: the reason names the refund there, so `refund_by_rule_once` (which the former release asks by its columns) takes each
-- of them once, and a payment may have several.
ALTER TABLE refund DROP CONSTRAINT refund_reason,
  ADD CONSTRAINT refund_reason CHECK (split_part(reason, ':', 1) IN ('cancelled', 'lost_slot', 'manual', 'moved', 'at_provider')) NOT VALID;
ALTER TABLE refund VALIDATE CONSTRAINT refund_reason;
ALTER TABLE refund ADD CONSTRAINT refund_at_provider_is_that_one
  CHECK (CASE WHEN reason LIKE 'at\_provider%' THEN provider_id IS NOT NULL AND reason = 'at_provider:' || provider_id
              ELSE strpos(reason, ':') = 0 END) NOT VALID;
ALTER TABLE refund VALIDATE CONSTRAINT refund_at_provider_is_that_one;
CREATE INDEX refund_at_provider ON refund (created_at) WHERE reason LIKE 'at\_provider:%';

-- In the worklist two persons know of it. Nothing is booked by that: it has happened.
SELECT allow_words('difference', 'difference_cause', ARRAY['refund_at_provider']);
SELECT allow_words('difference', 'difference_proposal', ARRAY['acknowledge']);
SELECT allow_words('difference_request', 'difference_request_proposal', ARRAY['acknowledge']);
ALTER TABLE difference_request DROP CONSTRAINT difference_request_books,
  ADD CONSTRAINT difference_request_books CHECK ((approved IS TRUE AND proposal <> 'acknowledge') = (journal_id IS NOT NULL)) NOT VALID;
ALTER TABLE difference_request VALIDATE CONSTRAINT difference_request_books;
CREATE CONSTRAINT TRIGGER difference_acknowledged_by_two AFTER INSERT OR UPDATE ON difference DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.cause = 'refund_at_provider' AND NEW.state = 'explained') EXECUTE FUNCTION difference_by_two();

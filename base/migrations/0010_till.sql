-- A refund by two persons: one asks and says why, another one approves or rejects. An open request moves no money and keeps none:
-- it must not stand in the way of a refund that a rule promises. So the sum of refunds begins with the approval.
ALTER TABLE refund
  ADD COLUMN note        text,                       -- why, in the requester's words; no personal data
  ADD COLUMN rejected_by int REFERENCES account,     -- whoever asked may also withdraw
  ADD COLUMN decided_at  timestamptz,                -- when it was approved or rejected
  DROP CONSTRAINT refund_status,
  ADD CONSTRAINT refund_status CHECK (status IN ('requested', 'rejected', 'approved', 'submitted', 'succeeded', 'failed')),
  DROP CONSTRAINT refund_manual_is_approved,
  ADD CONSTRAINT refund_manual_is_approved
    CHECK (reason <> 'manual' OR (status IN ('requested', 'rejected')) = (approved_by IS NULL)),
  ADD CONSTRAINT refund_decided_at CHECK ((reason = 'manual' AND status <> 'requested') = (decided_at IS NOT NULL)),
  ADD CONSTRAINT refund_note CHECK ((reason = 'manual') = (note IS NOT NULL) AND (note IS NULL OR length(btrim(note)) BETWEEN 1 AND 500)),
  ADD CONSTRAINT refund_rejected_by CHECK ((status = 'rejected') = (rejected_by IS NOT NULL));
CREATE UNIQUE INDEX refund_one_request ON refund (payment_id) WHERE status = 'requested';

CREATE TRIGGER refund_manual_is_requested BEFORE INSERT ON refund FOR EACH ROW WHEN (NEW.reason = 'manual' AND NEW.status <> 'requested')
  EXECUTE FUNCTION refuse_by_rule('a refund by people starts as a request');
CREATE TRIGGER refund_terms_fixed BEFORE UPDATE ON refund FOR EACH ROW
  WHEN ((OLD.reason, OLD.note, OLD.requested_by) IS DISTINCT FROM (NEW.reason, NEW.note, NEW.requested_by))
  EXECUTE FUNCTION refuse_by_rule('why a refund is made and who asked for it never changes');
CREATE TRIGGER refund_decided_once BEFORE UPDATE ON refund FOR EACH ROW
  WHEN (OLD.status = 'rejected' AND NEW.status <> 'rejected'
        OR NEW.status IN ('requested', 'rejected') AND OLD.status NOT IN ('requested', NEW.status)
        OR OLD.decided_at IS NOT NULL AND (OLD.approved_by, OLD.rejected_by, OLD.decided_at) IS DISTINCT FROM (NEW.approved_by, NEW.rejected_by, NEW.decided_at))
  EXECUTE FUNCTION refuse_by_rule('a request is decided once');

CREATE OR REPLACE FUNCTION refund_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE counted int := 0; counts int := 0; BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.amount_cents <> OLD.amount_cents OR NEW.payment_id <> OLD.payment_id THEN
      RAISE EXCEPTION 'a refund''s amount never changes' USING ERRCODE = '42501', CONSTRAINT = 'refund_amount_fixed'; END IF;
    IF OLD.status IN ('approved', 'submitted', 'succeeded') THEN counted := OLD.amount_cents; END IF;
  END IF;
  IF NEW.status IN ('approved', 'submitted', 'succeeded') THEN counts := NEW.amount_cents; END IF;
  IF counts <> counted THEN UPDATE payment SET refunded_cents = refunded_cents + counts - counted WHERE id = NEW.payment_id; END IF;
  RETURN NULL; END $$;
COMMENT ON COLUMN payment.refunded_cents IS 'approved, pending and succeeded refunds together';

-- What a day's page asks for. Where the tables are large already, make these CONCURRENTLY by hand before.
CREATE INDEX IF NOT EXISTS journal_at ON journal (at);
CREATE INDEX IF NOT EXISTS journal_payment ON journal (payment_id);
CREATE INDEX IF NOT EXISTS payment_created ON payment (created_at);
CREATE INDEX IF NOT EXISTS payment_charge ON payment (charge_id) WHERE charge_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS vendor_event_payment ON vendor_event (payment_id) WHERE payment_id IS NOT NULL;

-- Four eyes above a threshold (docs/adr/0077): a refund by rule that is larger waits for one person, who is neither the one who has cancelled or
-- moved for its payee nor the one who asked for it anew. Unlike a request of a person it keeps its money: a rule has promised it.
ALTER TABLE refund
  ADD COLUMN needs_approval boolean NOT NULL DEFAULT false,
  ADD COLUMN caused_by      int REFERENCES account,   -- who did for its payee what the rule follows from; null: they themselves, or nobody
  ADD COLUMN asked_by       int REFERENCES account;   -- who asked for it anew after a rejection; null: its payee
ALTER TABLE refund
  ADD CONSTRAINT refund_needs_approval_by_rule
    CHECK (NOT needs_approval OR requested_by IS NULL AND reason IN ('cancelled', 'moved')) NOT VALID,
  ADD CONSTRAINT refund_by_rule_is_approved
    CHECK (NOT needs_approval OR approved_by IS NOT NULL OR status NOT IN ('approved', 'submitted', 'succeeded')) NOT VALID,
  ADD CONSTRAINT refund_by_rule_four_eyes
    CHECK (approved_by IS NULL OR approved_by IS DISTINCT FROM caused_by AND approved_by IS DISTINCT FROM asked_by) NOT VALID,
  DROP CONSTRAINT refund_decided_at,
  ADD CONSTRAINT refund_decided_at CHECK (CASE WHEN needs_approval THEN (decided_at IS NOT NULL) = (num_nonnulls(approved_by, rejected_by) = 1)
    ELSE (decided_at IS NOT NULL) = (reason = 'manual' AND status <> 'requested') END) NOT VALID;
ALTER TABLE refund VALIDATE CONSTRAINT refund_needs_approval_by_rule;
ALTER TABLE refund VALIDATE CONSTRAINT refund_by_rule_is_approved;
ALTER TABLE refund VALIDATE CONSTRAINT refund_by_rule_four_eyes;
ALTER TABLE refund VALIDATE CONSTRAINT refund_decided_at;

-- One request of a person at a time; what waits by rule stands beside it.
DROP INDEX refund_one_request;
CREATE UNIQUE INDEX refund_one_request ON refund (payment_id) WHERE status = 'requested' AND NOT needs_approval;
CREATE INDEX refund_waiting ON refund (created_at) WHERE status = 'requested';

-- It begins as waiting; only another try of one that was approved goes on with that approval.
CREATE FUNCTION refund_by_rule_is_requested() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM refund o WHERE o.id = NEW.retry_of AND o.payment_id = NEW.payment_id AND o.reason = NEW.reason AND o.needs_approval
                    AND o.amount_cents = NEW.amount_cents AND o.status = 'failed' AND o.approved_by = NEW.approved_by AND o.decided_at = NEW.decided_at) THEN
    RAISE EXCEPTION 'refund % waits for approval first', NEW.id USING ERRCODE = '42501', CONSTRAINT = 'refund_by_rule_is_requested'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER refund_by_rule_is_requested BEFORE INSERT ON refund FOR EACH ROW WHEN (NEW.needs_approval AND NEW.status <> 'requested')
  EXECUTE FUNCTION refund_by_rule_is_requested();

CREATE OR REPLACE TRIGGER refund_terms_fixed BEFORE UPDATE ON refund FOR EACH ROW
  WHEN ((OLD.reason, OLD.requested_by, OLD.needs_approval, OLD.caused_by) IS DISTINCT FROM (NEW.reason, NEW.requested_by, NEW.needs_approval, NEW.caused_by)
        OR OLD.asked_by IS DISTINCT FROM NEW.asked_by AND NOT (OLD.status = 'rejected' AND NEW.status = 'requested')
        OR OLD.note IS DISTINCT FROM NEW.note AND (OLD.note IS NULL OR NEW.note IS DISTINCT FROM '[erased]' OR OLD.decided_at IS NULL))
  EXECUTE FUNCTION refuse_by_rule('why a refund is made and who asked for it never changes; once decided, the note may be erased');

-- A claim does not end with a rejection: it may be asked for anew, and is decided anew.
CREATE OR REPLACE TRIGGER refund_decided_once BEFORE UPDATE ON refund FOR EACH ROW
  WHEN (NOT (OLD.needs_approval AND OLD.status = 'rejected' AND NEW.status = 'requested')
        AND (OLD.status = 'rejected' AND NEW.status <> 'rejected'
             OR NEW.status IN ('requested', 'rejected') AND OLD.status NOT IN ('requested', NEW.status)
             OR OLD.decided_at IS NOT NULL
                AND (OLD.approved_by, OLD.rejected_by, OLD.decided_at) IS DISTINCT FROM (NEW.approved_by, NEW.rejected_by, NEW.decided_at)))
  EXECUTE FUNCTION refuse_by_rule('a request is decided once');

-- What waits by rule keeps its money: what is asked for by people, or done at the provider, has what is left.
CREATE OR REPLACE FUNCTION refund_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE counted int := 0; counts int := 0; BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.amount_cents <> OLD.amount_cents OR NEW.payment_id <> OLD.payment_id THEN
      RAISE EXCEPTION 'a refund''s amount never changes' USING ERRCODE = '42501', CONSTRAINT = 'refund_amount_fixed'; END IF;
    IF OLD.status IN ('approved', 'submitted', 'succeeded') OR OLD.needs_approval AND OLD.status = 'requested' THEN counted := OLD.amount_cents; END IF;
  END IF;
  IF NEW.status IN ('approved', 'submitted', 'succeeded') OR NEW.needs_approval AND NEW.status = 'requested' THEN counts := NEW.amount_cents; END IF;
  IF counts <> counted THEN UPDATE payment SET refunded_cents = refunded_cents + counts - counted WHERE id = NEW.payment_id; END IF;
  RETURN NULL; END $$;

-- Why it was rejected, which its payee reads, and who asked for it anew. Only the words go, with the person.
CREATE TABLE refund_step (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  refund_id uuid NOT NULL REFERENCES refund,
  event     text NOT NULL CONSTRAINT refund_step_event CHECK (event IN ('rejected', 'asked_anew')),
  at        timestamptz NOT NULL,
  by        int REFERENCES account,                   -- null: its payee
  note      text,
  CONSTRAINT refund_step_rejected_by CHECK (event <> 'rejected' OR by IS NOT NULL),
  CONSTRAINT refund_step_note CHECK ((event = 'rejected') = (note IS NOT NULL) AND (note IS NULL OR length(btrim(note)) BETWEEN 1 AND 500))
);
CREATE INDEX refund_step_refund ON refund_step (refund_id, id);
CREATE TRIGGER refund_step_append_only BEFORE UPDATE ON refund_step FOR EACH ROW
  WHEN ((OLD.refund_id, OLD.event, OLD.at, OLD.by) IS DISTINCT FROM (NEW.refund_id, NEW.event, NEW.at, NEW.by) OR NEW.note IS DISTINCT FROM '[erased]')
  EXECUTE FUNCTION refuse_by_rule('what was decided about a refund stays written; only its words may be erased');
CREATE TRIGGER refund_step_never_deleted BEFORE DELETE OR TRUNCATE ON refund_step
  EXECUTE FUNCTION refuse_by_rule('what was decided about a refund stays written');
CREATE FUNCTION refund_rejected_with_reason() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM refund_step WHERE refund_id = NEW.id AND event = 'rejected' AND by = NEW.rejected_by AND at = NEW.decided_at) THEN
    RAISE EXCEPTION 'refund % is rejected without a reason', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'refund_rejected_with_reason'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER refund_rejected_with_reason AFTER UPDATE ON refund DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.needs_approval AND NEW.status = 'rejected' AND OLD.status <> 'rejected') EXECUTE FUNCTION refund_rejected_with_reason();

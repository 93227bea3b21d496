-- Money. A payment knows a reference, never an appointment. Integer cents.
CREATE TABLE payment (
  id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  reference         uuid NOT NULL,
  provider          text NOT NULL,
  amount_cents      int NOT NULL CONSTRAINT payment_amount CHECK (amount_cents > 0),
  currency          text NOT NULL CONSTRAINT payment_currency CHECK (currency ~ '^[A-Z]{3}$'),
  description       text NOT NULL,                -- what the payer reads; no topic of the appointment
  language          text NOT NULL,
  return_url        text NOT NULL,
  status            text NOT NULL DEFAULT 'intended'
                    CONSTRAINT payment_status CHECK (status IN ('intended', 'open', 'processing', 'paid', 'fenced', 'attention')),
  attempt           int NOT NULL DEFAULT 1,       -- part of the idempotency key towards the provider
  attempt_at        timestamptz NOT NULL,         -- the key may be forgotten by the provider after 24 h
  session_id        text CONSTRAINT payment_session_once UNIQUE,
  charge_id         text,                         -- the provider's id of the money (Stripe: PaymentIntent)
  pay_url           text,
  captured_cents    int NOT NULL DEFAULT 0,
  refunded_cents    int NOT NULL DEFAULT 0,       -- requested, pending and succeeded refunds together
  attention         text,
  surplus           boolean NOT NULL DEFAULT false,  -- money beyond what the reference owes (a second session was paid): goes back in full
  created_at        timestamptz NOT NULL,
  checked_at        timestamptz,                  -- when the provider was last asked
  CONSTRAINT payment_refund_within_captured CHECK (refunded_cents BETWEEN 0 AND captured_cents),
  CONSTRAINT payment_captured CHECK (captured_cents IN (0, amount_cents)),
  CONSTRAINT payment_paid_is_captured CHECK ((status = 'paid') = (captured_cents > 0)),
  CONSTRAINT payment_attention_reason CHECK ((status = 'attention') = (attention IS NOT NULL))
);
-- One living payment per reference: a second tab meets the first one's session. Where attention is needed money may lie, so it lives.
CREATE UNIQUE INDEX payment_one_living ON payment (reference) WHERE status <> 'fenced' AND NOT surplus;
CREATE INDEX payment_reference ON payment (reference);
CREATE INDEX payment_unsettled ON payment (coalesce(checked_at, created_at)) WHERE status IN ('intended', 'open', 'processing', 'attention');

-- Rules about a change rather than a state: the trigger bears the rule's name, its argument says it in words.
CREATE FUNCTION refuse_by_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = '42501', CONSTRAINT = TG_NAME; END $$;
CREATE TRIGGER payment_paid_is_final BEFORE UPDATE ON payment FOR EACH ROW WHEN (OLD.status = 'paid' AND NEW.status <> 'paid')
  EXECUTE FUNCTION refuse_by_rule('a paid payment stays paid: what is given back is a refund');
CREATE TRIGGER payment_terms_fixed BEFORE UPDATE ON payment FOR EACH ROW
  WHEN ((OLD.reference, OLD.provider, OLD.amount_cents, OLD.currency) IS DISTINCT FROM (NEW.reference, NEW.provider, NEW.amount_cents, NEW.currency))
  EXECUTE FUNCTION refuse_by_rule('what is owed, for what and through whom never changes');
CREATE TRIGGER payment_refunded_by_refunds BEFORE UPDATE ON payment FOR EACH ROW
  WHEN (OLD.refunded_cents <> NEW.refunded_cents AND pg_trigger_depth() = 0)
  EXECUTE FUNCTION refuse_by_rule('the sum of refunds is kept by the database itself');
CREATE TRIGGER payment_never_deleted BEFORE DELETE OR TRUNCATE ON payment EXECUTE FUNCTION refuse_by_rule('payments are never deleted');

CREATE TABLE refund (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  payment_id   uuid NOT NULL REFERENCES payment,
  amount_cents int NOT NULL CONSTRAINT refund_amount CHECK (amount_cents > 0),
  reason       text NOT NULL CONSTRAINT refund_reason CHECK (reason IN ('cancelled', 'lost_slot', 'manual')),
  status       text NOT NULL DEFAULT 'requested'
               CONSTRAINT refund_status CHECK (status IN ('requested', 'approved', 'submitted', 'succeeded', 'failed')),
  requested_by int REFERENCES account,            -- null: by rule
  approved_by  int REFERENCES account,
  attempt      int NOT NULL DEFAULT 1,
  attempt_at   timestamptz NOT NULL,
  provider_id  text CONSTRAINT refund_provider_once UNIQUE,
  failure      text,
  created_at   timestamptz NOT NULL,
  checked_at   timestamptz,                        -- when the provider was last asked
  retry_of     uuid CONSTRAINT refund_retried_once UNIQUE REFERENCES refund,   -- failed is final: another try is another refund
  retry_at     timestamptz,                        -- when a failed one is tried anew; null: that is for people to decide
  CONSTRAINT refund_retry_of_another CHECK (retry_of <> id),
  CONSTRAINT refund_retry_of_failed_rule CHECK (retry_at IS NULL OR status = 'failed' AND requested_by IS NULL),
  CONSTRAINT refund_four_eyes CHECK (requested_by IS NULL OR approved_by IS DISTINCT FROM requested_by),
  CONSTRAINT refund_manual_has_requester CHECK ((reason = 'manual') = (requested_by IS NOT NULL)),
  CONSTRAINT refund_manual_is_approved CHECK (reason <> 'manual' OR status = 'requested' OR approved_by IS NOT NULL)
);
CREATE INDEX refund_payment ON refund (payment_id);
CREATE INDEX refund_unsettled ON refund (coalesce(checked_at, attempt_at)) WHERE status IN ('approved', 'submitted') OR retry_at IS NOT NULL;
CREATE INDEX refund_failed ON refund (id) WHERE status = 'failed';
CREATE UNIQUE INDEX refund_by_rule_once ON refund (payment_id, reason) WHERE requested_by IS NULL AND status <> 'failed';
CREATE TRIGGER refund_starts_unsent BEFORE INSERT ON refund FOR EACH ROW WHEN (NEW.status NOT IN ('requested', 'approved'))
  EXECUTE FUNCTION refuse_by_rule('a refund starts as requested or approved');
CREATE TRIGGER refund_failed_is_final BEFORE UPDATE ON refund FOR EACH ROW WHEN (OLD.status = 'failed' AND NEW.status <> 'failed')
  EXECUTE FUNCTION refuse_by_rule('a failed refund stays failed: another try is another refund');
CREATE TRIGGER refund_never_deleted BEFORE DELETE OR TRUNCATE ON refund EXECUTE FUNCTION refuse_by_rule('refunds are never deleted');

-- The sum of a payment's refunds is kept by the database itself; payment_refund_within_captured then forbids over-refunding.
CREATE FUNCTION refund_sum() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN UPDATE payment SET refunded_cents = refunded_cents + NEW.amount_cents WHERE id = NEW.payment_id;
  ELSIF NEW.amount_cents <> OLD.amount_cents OR NEW.payment_id <> OLD.payment_id THEN
    RAISE EXCEPTION 'a refund''s amount never changes' USING ERRCODE = '42501', CONSTRAINT = 'refund_amount_fixed'; END IF;
  IF TG_OP = 'UPDATE' AND NEW.status = 'failed' AND OLD.status <> 'failed' THEN
    UPDATE payment SET refunded_cents = refunded_cents - NEW.amount_cents WHERE id = NEW.payment_id; END IF;
  RETURN NULL; END $$;
CREATE TRIGGER refund_sum AFTER INSERT OR UPDATE ON refund FOR EACH ROW EXECUTE FUNCTION refund_sum();

CREATE TABLE journal (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind       text NOT NULL CONSTRAINT journal_kind CHECK (kind IN ('fee', 'refund', 'refund_failed')),
  payment_id uuid NOT NULL REFERENCES payment,
  refund_id  uuid REFERENCES refund,
  at         timestamptz NOT NULL,
  made_in    xid8 NOT NULL DEFAULT pg_current_xact_id(),   -- only this transaction may add entries
  CONSTRAINT journal_once UNIQUE NULLS NOT DISTINCT (kind, payment_id, refund_id),
  CONSTRAINT journal_refund_named CHECK ((kind = 'fee') = (refund_id IS NULL))
);
CREATE TABLE entry (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  journal_id   bigint NOT NULL REFERENCES journal,
  account      text NOT NULL CONSTRAINT entry_account CHECK (account ~ '^(receivable|psp_clearing|bank|revenue:[a-z0-9_.-]+|psp_fees|refund_payable|unassigned|dispute_receivable)$'),
  amount_cents int NOT NULL CONSTRAINT entry_not_zero CHECK (amount_cents <> 0)      -- debit positive, credit negative
);
CREATE INDEX entry_journal ON entry (journal_id);
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON entry FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE FUNCTION entry_with_its_journal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM journal WHERE id = NEW.journal_id AND made_in <> pg_current_xact_id()) THEN
    RAISE EXCEPTION 'journal % is closed', NEW.journal_id USING ERRCODE = '42501', CONSTRAINT = 'entry_with_its_journal'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER entry_with_its_journal BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION entry_with_its_journal();
CREATE FUNCTION journal_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE j bigint; s bigint; n int; BEGIN
  IF TG_TABLE_NAME = 'journal' THEN j := NEW.id; ELSE j := NEW.journal_id; END IF;   -- not CASE: it would look for both columns
  SELECT coalesce(sum(amount_cents), 0), count(*) INTO s, n FROM entry WHERE journal_id = j;
  IF s <> 0 OR n < 2 THEN
    RAISE EXCEPTION 'journal % has % entries and the sum %', j, n, s USING ERRCODE = '23514', CONSTRAINT = 'journal_balanced'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER journal_balanced AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journal_balanced();
CREATE CONSTRAINT TRIGGER entry_balanced AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journal_balanced();
CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is never emptied', TG_TABLE_NAME USING ERRCODE = '42501', CONSTRAINT = TG_TABLE_NAME || '_append_only'; END $$;
CREATE TRIGGER journal_not_emptied BEFORE TRUNCATE ON journal EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER entry_not_emptied BEFORE TRUNCATE ON entry EXECUTE FUNCTION refuse_truncate();

-- Up to when the list of a provider's sessions has been gone through: finds sessions that no row of ours names.
CREATE TABLE provider_listing (
  provider     text PRIMARY KEY,
  listed_until timestamptz NOT NULL
);

-- Disputes: the payer's bank takes a payment back and decides later whether the city may have it (docs/adr/0060). What was given back before
-- stays given back; while a dispute is open, and once it is lost, nothing else is.
--
-- Adds words to a CHECK of the form `column IN (...)`, whatever it allows already: other migrations add theirs.
CREATE FUNCTION allow_words(of_table regclass, rule text, words text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE def text; listed text[]; col text; BEGIN
  SELECT pg_get_constraintdef(oid) INTO STRICT def FROM pg_constraint WHERE conrelid = of_table AND conname = rule;
  col := (regexp_match(def, '\((\w+) = ANY'))[1];
  listed := ARRAY(SELECT m[1] FROM regexp_matches(def, '''([^'']+)''', 'g') m);
  listed := listed || ARRAY(SELECT w FROM unnest(words) w WHERE w <> ALL (listed));
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I CHECK (%I IN (%s)) NOT VALID', of_table, rule, rule, col,
                 (SELECT string_agg(quote_literal(w), ', ' ORDER BY n) FROM unnest(listed) WITH ORDINALITY t(w, n)));
  EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', of_table, rule); END $$;

CREATE TABLE dispute (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  payment_id      uuid NOT NULL REFERENCES payment,
  provider_id     text NOT NULL CONSTRAINT dispute_provider_once UNIQUE,
  status          text NOT NULL CONSTRAINT dispute_status CHECK (status IN ('inquiry', 'open', 'answered', 'won', 'lost', 'closed')),
  reason          text NOT NULL,                     -- the provider's word
  amount_cents    int NOT NULL CONSTRAINT dispute_amount CHECK (amount_cents > 0),
  taken_cents     int NOT NULL DEFAULT 0,            -- withdrawn from our account at the provider
  returned_cents  int NOT NULL DEFAULT 0,            -- and put back
  evidence_due_at timestamptz,
  opened_at       timestamptz NOT NULL,              -- at the provider
  closed_at       timestamptz,
  attention       text,                              -- what does not fit
  created_at      timestamptz NOT NULL,
  checked_at      timestamptz,                       -- when the provider was last asked
  CONSTRAINT dispute_inquiry_takes_nothing CHECK (status NOT IN ('inquiry', 'closed') OR taken_cents = 0),
  CONSTRAINT dispute_returned_all CHECK (taken_cents >= 0 AND returned_cents IN (0, taken_cents)),
  CONSTRAINT dispute_returned_to_winner CHECK (returned_cents = 0 OR status = 'won'),
  CONSTRAINT dispute_closed_at CHECK ((status IN ('won', 'lost', 'closed')) = (closed_at IS NOT NULL))
);
CREATE INDEX dispute_payment ON dispute (payment_id);
CREATE INDEX dispute_unsettled ON dispute (coalesce(checked_at, created_at))
  WHERE status IN ('inquiry', 'open', 'answered') OR status = 'won' AND returned_cents < taken_cents OR status = 'lost' AND taken_cents = 0;
CREATE TRIGGER dispute_never_deleted BEFORE DELETE OR TRUNCATE ON dispute EXECUTE FUNCTION refuse_by_rule('disputes are never deleted');
CREATE TRIGGER dispute_terms_fixed BEFORE UPDATE ON dispute FOR EACH ROW
  WHEN ((OLD.payment_id, OLD.provider_id, OLD.opened_at) IS DISTINCT FROM (NEW.payment_id, NEW.provider_id, NEW.opened_at))
  EXECUTE FUNCTION refuse_by_rule('which payment a dispute is about never changes');
CREATE TRIGGER dispute_closed_is_final BEFORE UPDATE ON dispute FOR EACH ROW
  WHEN (OLD.closed_at IS NOT NULL AND (NEW.status, NEW.closed_at) IS DISTINCT FROM (OLD.status, OLD.closed_at))
  EXECUTE FUNCTION refuse_by_rule('a dispute is decided once');
CREATE TRIGGER dispute_taken_once BEFORE UPDATE ON dispute FOR EACH ROW
  WHEN (OLD.taken_cents > 0 AND NEW.taken_cents <> OLD.taken_cents OR NEW.returned_cents < OLD.returned_cents)
  EXECUTE FUNCTION refuse_by_rule('what a dispute has taken is booked and stays so');

-- Who writes a dispute and who sends a refund wait for each other at the payment, so that neither overlooks the other.
CREATE FUNCTION dispute_of_paid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM FROM payment WHERE id = NEW.payment_id AND status = 'paid' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'payment % is not paid', NEW.payment_id USING ERRCODE = '23514', CONSTRAINT = 'dispute_of_paid'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER dispute_of_paid BEFORE INSERT ON dispute FOR EACH ROW EXECUTE FUNCTION dispute_of_paid();

SELECT allow_words('refund', 'refund_status', ARRAY['overtaken']);
CREATE FUNCTION refund_not_while_disputed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE is_lost boolean; BEGIN
  PERFORM FROM payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
  SELECT bool_or(status = 'lost') INTO is_lost FROM dispute WHERE payment_id = NEW.payment_id AND status IN ('open', 'answered', 'lost');
  -- By rule one may be owed while the dispute is open; it waits, and is not sent.
  IF is_lost OR is_lost IS NOT NULL AND (TG_OP = 'UPDATE' OR NEW.reason = 'manual') THEN
    RAISE EXCEPTION 'payment % is disputed', NEW.payment_id USING ERRCODE = '42501', CONSTRAINT = 'refund_not_while_disputed'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER refund_not_made_while_disputed BEFORE INSERT ON refund FOR EACH ROW EXECUTE FUNCTION refund_not_while_disputed();
CREATE TRIGGER refund_not_sent_while_disputed BEFORE UPDATE ON refund FOR EACH ROW
  WHEN (OLD.status = 'requested' AND NEW.status = 'approved' OR NEW.status = 'submitted' AND OLD.status <> 'submitted')
  EXECUTE FUNCTION refund_not_while_disputed();
CREATE TRIGGER refund_overtaken_is_final BEFORE UPDATE ON refund FOR EACH ROW WHEN (OLD.status = 'overtaken' AND NEW.status <> 'overtaken')
  EXECUTE FUNCTION refuse_by_rule('what a lost dispute has paid back is not refunded');

ALTER TABLE journal ADD COLUMN dispute_id uuid REFERENCES dispute;
SELECT allow_words('journal', 'journal_kind', ARRAY['dispute', 'dispute_won', 'dispute_lost', 'refund_overtaken']);
ALTER TABLE journal
  ADD CONSTRAINT journal_dispute_named CHECK ((kind IN ('dispute', 'dispute_won', 'dispute_lost')) = (dispute_id IS NOT NULL)) NOT VALID;
ALTER TABLE journal VALIDATE CONSTRAINT journal_dispute_named;
-- Whatever other kinds and keys there are by now stay.
DO $$ DECLARE said text; is_constraint boolean; BEGIN
  SELECT pg_get_constraintdef(oid) INTO STRICT said FROM pg_constraint WHERE conrelid = 'journal'::regclass AND conname = 'journal_refund_named';
  IF said LIKE '%''fee''%' THEN  -- it lists the kinds that name no refund
    ALTER TABLE journal DROP CONSTRAINT journal_refund_named;
    EXECUTE 'ALTER TABLE journal ADD CONSTRAINT journal_refund_named '
      || replace(replace(said, ' NOT VALID', ''), '''fee''::text', '''fee''::text, ''dispute''::text, ''dispute_won''::text, ''dispute_lost''::text')
      || ' NOT VALID';
    ALTER TABLE journal VALIDATE CONSTRAINT journal_refund_named;
  END IF;
  said := replace(pg_get_indexdef('journal_once'::regclass), 'payment_id,', 'payment_id, dispute_id,');
  is_constraint := EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'journal'::regclass AND conname = 'journal_once');
  IF is_constraint THEN ALTER TABLE journal DROP CONSTRAINT journal_once; ELSE DROP INDEX journal_once; END IF;
  EXECUTE said;
  IF is_constraint THEN ALTER TABLE journal ADD CONSTRAINT journal_once UNIQUE USING INDEX journal_once; END IF;
END $$;

-- At the commit the books say of each dispute what the row says: how much of our money at the provider it has taken.
CREATE FUNCTION dispute_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE d dispute; booked int; BEGIN
  SELECT * INTO d FROM dispute WHERE id = NEW.id;
  SELECT coalesce(sum(e.amount_cents), 0) INTO booked FROM journal j JOIN entry e ON e.journal_id = j.id
   WHERE j.dispute_id = d.id AND e.account = 'psp_clearing';
  IF booked <> d.returned_cents - d.taken_cents THEN
    RAISE EXCEPTION 'dispute % has taken %, booked is %', d.id, d.taken_cents - d.returned_cents, -booked
      USING ERRCODE = '23514', CONSTRAINT = 'dispute_booked'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dispute_booked AFTER INSERT OR UPDATE ON dispute DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dispute_booked();

-- Nobody takes back by hand what a payer's bank has done.
CREATE FUNCTION journal_of_dispute_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM journal WHERE id = NEW.reverses AND (dispute_id IS NOT NULL OR kind = 'refund_overtaken')) THEN
    RAISE EXCEPTION 'journal % stands for what a bank has done', NEW.reverses USING ERRCODE = '42501', CONSTRAINT = 'journal_of_dispute_stays'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER journal_of_dispute_stays BEFORE INSERT ON journal FOR EACH ROW WHEN (NEW.reverses IS NOT NULL)
  EXECUTE FUNCTION journal_of_dispute_stays();

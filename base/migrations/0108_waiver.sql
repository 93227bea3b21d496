-- A refund that nobody fetches: its payee waives it in writing, or it is barred by the statute of limitations (docs/adr/0064). Two persons say so, with
-- a reason and where the evidence is; what was owed becomes income, in an account of its own; reversing that journal (docs/adr/0068) makes it owed again.
SELECT allow_words('transfer_order', 'transfer_order_status', ARRAY['waived']);
SELECT allow_words('journal', 'journal_kind', ARRAY['refund_waived']);
DO $$ DECLARE accounts text; BEGIN   -- with whatever other migrations have added
  SELECT replace(replace(pg_get_constraintdef(oid), ')$''', '|waived_refunds)$'''), ' NOT VALID', '') INTO STRICT accounts
    FROM pg_constraint WHERE conrelid = 'entry'::regclass AND conname = 'entry_account';
  ALTER TABLE entry DROP CONSTRAINT entry_account;
  EXECUTE 'ALTER TABLE entry ADD CONSTRAINT entry_account ' || accounts || ' NOT VALID';
END $$;
ALTER TABLE entry VALIDATE CONSTRAINT entry_account;
CREATE OR REPLACE TRIGGER transfer_order_graph BEFORE UPDATE ON transfer_order FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND NOT (OLD.status || '>' || NEW.status) = ANY (ARRAY[
    'asked>iban_given', 'asked>cancelled', 'iban_given>assessed', 'iban_given>asked', 'iban_given>cancelled',
    'assessed>approved', 'assessed>asked', 'assessed>cancelled', 'approved>exported', 'approved>asked', 'approved>cancelled',
    'exported>paid', 'exported>returned', 'paid>returned', 'returned>iban_given', 'returned>cancelled',
    'asked>waived', 'iban_given>waived', 'returned>waived', 'waived>asked']))
  EXECUTE FUNCTION refuse_by_rule('this is not a way that a transfer order goes');

CREATE TABLE transfer_waiver (
  id           uuid PRIMARY KEY,
  order_id     uuid NOT NULL REFERENCES transfer_order,
  ground       text NOT NULL CONSTRAINT transfer_waiver_ground CHECK (ground IN ('waived', 'barred')),
  reason       text NOT NULL CONSTRAINT transfer_waiver_reason CHECK (reason = btrim(reason) AND length(reason) BETWEEN 5 AND 500),
  evidence     text NOT NULL CONSTRAINT transfer_waiver_evidence CHECK (evidence = btrim(evidence) AND length(evidence) BETWEEN 3 AND 300),   -- where it is filed
  requested_by int NOT NULL REFERENCES account,
  requested_at timestamptz NOT NULL,
  status       text NOT NULL DEFAULT 'requested' CONSTRAINT transfer_waiver_status CHECK (status IN ('requested', 'approved', 'rejected')),
  decided_by   int REFERENCES account,
  decided_at   timestamptz,
  journal_id   bigint REFERENCES journal CONSTRAINT transfer_waiver_journal_once UNIQUE,
  CONSTRAINT transfer_waiver_decided CHECK ((status = 'requested') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
  CONSTRAINT transfer_waiver_by_two CHECK (status <> 'approved' OR decided_by <> requested_by),   -- who asked may withdraw, not approve
  CONSTRAINT transfer_waiver_books CHECK ((status = 'approved') = (journal_id IS NOT NULL))
);
CREATE UNIQUE INDEX transfer_waiver_once ON transfer_waiver (order_id) WHERE status = 'requested';
CREATE INDEX transfer_waiver_of ON transfer_waiver (order_id);
CREATE TRIGGER transfer_waiver_terms_fixed BEFORE UPDATE ON transfer_waiver FOR EACH ROW
  WHEN ((OLD.status <> 'requested' OR (OLD.id, OLD.order_id, OLD.ground, OLD.reason, OLD.evidence, OLD.requested_by, OLD.requested_at)
        IS DISTINCT FROM (NEW.id, NEW.order_id, NEW.ground, NEW.reason, NEW.evidence, NEW.requested_by, NEW.requested_at))
        AND NOT only_erased(to_jsonb(OLD), to_jsonb(NEW), 'reason') AND NOT only_erased(to_jsonb(OLD), to_jsonb(NEW), 'evidence'))
  EXECUTE FUNCTION refuse_by_rule('what was asked for stays, and so does what was decided');
CREATE TRIGGER transfer_waiver_never_deleted BEFORE DELETE OR TRUNCATE ON transfer_waiver EXECUTE FUNCTION refuse_by_rule('waivers are never deleted');
CREATE CONSTRAINT TRIGGER transfer_waiver_words_kept AFTER UPDATE ON transfer_waiver DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.reason <> NEW.reason OR OLD.evidence <> NEW.evidence) EXECUTE FUNCTION words_kept('finance_note', 'city_day(($1).requested_at)');

-- Sections 195 and 199 BGB, which claims for money that was paid without being owed follow in public law as well: three years from the end of the
-- year in which the refund was owed.
CREATE FUNCTION limitation_ends(owed_on date) RETURNS date LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT make_date(extract(year FROM owed_on)::int + 4, 1, 1) $$;
CREATE FUNCTION transfer_waiver_limitation() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE owed date; BEGIN
  SELECT city_day(created_at) INTO STRICT owed FROM transfer_order WHERE id = NEW.order_id;
  IF city_day(NEW.requested_at) < limitation_ends(owed) THEN
    RAISE EXCEPTION 'order % is barred from %', NEW.order_id, limitation_ends(owed) USING ERRCODE = '23514', CONSTRAINT = 'transfer_waiver_limitation'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER transfer_waiver_limitation BEFORE INSERT ON transfer_waiver FOR EACH ROW WHEN (NEW.ground = 'barred') EXECUTE FUNCTION transfer_waiver_limitation();

-- At the commit: an order and its journals say the same, and nothing is waived without two persons.
CREATE OR REPLACE FUNCTION transfer_order_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE owed bigint; o transfer_order; BEGIN
  SELECT * INTO STRICT o FROM transfer_order WHERE id = NEW.id;
  SELECT coalesce(-sum(e.amount_cents), 0) INTO owed FROM entry e JOIN journal j ON j.id = e.journal_id
   WHERE e.account = 'transfer_payable'
     AND (j.refund_id = o.refund_id OR j.reverses IN (SELECT id FROM journal WHERE kind = 'refund_waived' AND refund_id = o.refund_id));
  IF owed <> (CASE WHEN o.status IN ('paid', 'cancelled', 'waived') THEN 0 ELSE o.amount_cents END) THEN
    RAISE EXCEPTION 'order % is % and % are owed', o.id, o.status, owed USING ERRCODE = '23514', CONSTRAINT = 'transfer_order_booked'; END IF;
  RETURN NULL; END $$;
CREATE FUNCTION transfer_order_waived_by_two() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM transfer_order o WHERE o.id = NEW.id AND o.status <> 'waived')
     AND NOT EXISTS (SELECT FROM transfer_waiver w WHERE w.order_id = NEW.id AND w.status = 'approved'
                        AND NOT EXISTS (SELECT FROM journal r WHERE r.reverses = w.journal_id)) THEN
    RAISE EXCEPTION 'order % was waived by nobody', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'transfer_order_waived_by_two'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER transfer_order_waived_by_two AFTER UPDATE ON transfer_order DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.status = 'waived') EXECUTE FUNCTION transfer_order_waived_by_two();
CREATE FUNCTION journal_waived_by_two() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM transfer_waiver WHERE journal_id = NEW.id AND status = 'approved') THEN
    RAISE EXCEPTION 'journal % waives what nobody approved', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'journal_waived_by_two'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER journal_waived_by_two AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.kind = 'refund_waived') EXECUTE FUNCTION journal_waived_by_two();

-- It may happen more than once to one refund.
DO $$ DECLARE whole text; BEGIN
  whole := pg_get_indexdef('journal_once'::regclass);
  IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'journal_once' AND conrelid = 'journal'::regclass) THEN
    ALTER TABLE journal DROP CONSTRAINT journal_once; ELSE DROP INDEX journal_once; END IF;
  EXECUTE whole || CASE WHEN whole LIKE '% WHERE %' THEN ' AND ' ELSE ' WHERE ' END || $w$(kind <> 'refund_waived')$w$;
END $$;
-- Reversed, it is owed as before, and its payee is asked anew: whatever account stood there is forgotten.
CREATE FUNCTION waiver_reversed() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE o uuid; BEGIN
  UPDATE transfer_order SET status = 'asked', round = round + 1, holder = NULL, iban = NULL, iban_end = NULL, entered_by = NULL, entered_at = NULL,
         assessed_by = NULL, assessed_at = NULL, approved_by = NULL, approved_at = NULL, due_on = NULL, budget_year = NULL, changed_at = NEW.at
   WHERE status = 'waived' AND refund_id = (SELECT refund_id FROM journal WHERE id = NEW.reverses AND kind = 'refund_waived') RETURNING id INTO o;
  IF o IS NOT NULL THEN INSERT INTO transfer_step (order_id, event, at) VALUES (o, 'reopen', NEW.at); END IF;
  RETURN NULL; END $$;
CREATE TRIGGER waiver_reversed AFTER INSERT ON journal FOR EACH ROW WHEN (NEW.kind = 'reversal') EXECUTE FUNCTION waiver_reversed();

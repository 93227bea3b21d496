-- What people typed about a case goes with its person, or by a term that is carried out and written down (docs/adr/0017, 0069): to the one mark
-- "[erased]", and never back. The rest of the row stays as it was.
CREATE FUNCTION only_erased(was jsonb, becomes jsonb, col text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT becomes ->> col = '[erased]' AND was ->> col IS DISTINCT FROM '[erased]' AND was ->> col IS NOT NULL AND was - col = becomes - col $$;

-- Rows that never changed change in this one way; which rules forbade it before still forbid all else.
DO $$ DECLARE t record; def text; BEGIN
  FOR t IN SELECT * FROM (VALUES ('open_fee', 'open_fee_append_only', 'note'), ('charge_history', 'charge_history_append_only', 'reason'),
                                 ('override', 'override_append_only', 'reason'), ('transfer_step', 'transfer_step_append_only', 'note'),
                                 ('difference_note', 'difference_note_append_only', 'text'), ('reversal', 'reversal_terms_fixed', 'reason'),
                                 ('difference_request', 'difference_request_decided_once', 'note')) v (tab, name, col) LOOP
    SELECT pg_get_triggerdef(g.oid) INTO STRICT def FROM pg_trigger g WHERE g.tgrelid = t.tab::regclass AND g.tgname = t.name;
    EXECUTE format('DROP TRIGGER %I ON %I', t.name, t.tab);
    IF def LIKE '% OR UPDATE %' OR def LIKE '%UPDATE OR %' OR def LIKE '%DELETE OR %' THEN   -- of a deletion there is no row after it
      EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t.tab || '_never_deleted', t.tab);
      def := format('CREATE TRIGGER %I BEFORE UPDATE ON %I FOR EACH ROW WHEN (true) EXECUTE FUNCTION refuse_change()', t.name, t.tab);
    END IF;
    EXECUTE regexp_replace(def, ' WHEN \((.*)\) EXECUTE FUNCTION',
      format(' WHEN ((\1) AND NOT only_erased(to_jsonb(old), to_jsonb(new), %L)) EXECUTE FUNCTION', t.col));
  END LOOP; END $$;

-- At the commit: of a case whose person is erased, or in the transaction of a run that reaches beyond the row's day. Arguments: the kind of
-- term, the row's day, and (where it goes with a person) its case, as SQL of $1.
CREATE FUNCTION words_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE of_day date; of_case uuid; BEGIN
  IF TG_NARGS > 2 THEN
    EXECUTE 'SELECT ' || TG_ARGV[2] INTO of_case USING NEW;
    IF EXISTS (SELECT FROM appointment WHERE id = of_case AND erased_at IS NOT NULL) THEN RETURN NULL; END IF;
  END IF;
  EXECUTE 'SELECT ' || TG_ARGV[1] INTO of_day USING NEW;
  IF of_case IS NULL
     AND EXISTS (SELECT FROM retention_run WHERE kind = TG_ARGV[0] AND until_day > of_day AND NOT is_counted AND made_in = pg_current_xact_id()) THEN
    RETURN NULL; END IF;
  RAISE EXCEPTION 'what was typed in % is kept', TG_TABLE_NAME USING ERRCODE = '42501', CONSTRAINT = TG_TABLE_NAME || '_words_kept'; END $$;
CREATE CONSTRAINT TRIGGER open_fee_words_kept AFTER UPDATE ON open_fee DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION words_kept('visit_note', 'city_day(($1).left_at)', '(SELECT appointment_id FROM ticket WHERE id = ($1).ticket_id)');
CREATE CONSTRAINT TRIGGER charge_history_words_kept AFTER UPDATE ON charge_history DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION words_kept('visit_note', 'city_day(($1).at)', '(SELECT appointment_id FROM charge WHERE id = ($1).charge_id)');
CREATE CONSTRAINT TRIGGER override_words_kept AFTER UPDATE ON override DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION words_kept('visit_note', 'city_day(($1).at)', '(SELECT appointment_id FROM claim WHERE override_id = ($1).id AND appointment_id IS NOT NULL LIMIT 1)');
CREATE CONSTRAINT TRIGGER difference_note_words_kept AFTER UPDATE ON difference_note DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  EXECUTE FUNCTION words_kept('finance_note', 'city_day(($1).at)');
CREATE CONSTRAINT TRIGGER difference_request_words_kept AFTER UPDATE ON difference_request DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.note <> NEW.note) EXECUTE FUNCTION words_kept('finance_note', 'city_day(($1).requested_at)');
CREATE CONSTRAINT TRIGGER reversal_words_kept AFTER UPDATE ON reversal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.reason <> NEW.reason) EXECUTE FUNCTION words_kept('finance_note', 'city_day(($1).requested_at)');
CREATE FUNCTION transfer_step_words_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM transfer_order WHERE id = NEW.order_id AND status NOT IN ('asked', 'iban_given', 'assessed', 'approved', 'exported', 'returned')) THEN
    RAISE EXCEPTION 'order % goes on', NEW.order_id USING ERRCODE = '42501', CONSTRAINT = 'transfer_step_words_kept'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER transfer_step_words_kept AFTER UPDATE ON transfer_step DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfer_step_words_kept();

-- Why nobody looked at a reduction's proof.
CREATE OR REPLACE FUNCTION reduction_claim_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE a appointment; BEGIN
  SELECT * INTO a FROM appointment WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.appointment_id ELSE NEW.appointment_id END;
  IF TG_OP <> 'UPDATE' THEN
    IF a.status IS DISTINCT FROM 'held' THEN
      RAISE EXCEPTION 'a case that is % keeps its claims', a.status USING ERRCODE = '42501', CONSTRAINT = 'reduction_claim_before_booking'; END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END IF;
  IF a.erased_at IS NOT NULL AND only_erased(to_jsonb(OLD), to_jsonb(NEW), 'reason') THEN RETURN NEW; END IF;
  IF (OLD.appointment_id, OLD.reduction_id, OLD.persons, OLD.claimed_at) IS DISTINCT FROM (NEW.appointment_id, NEW.reduction_id, NEW.persons, NEW.claimed_at) THEN
    RAISE EXCEPTION 'what was claimed stays' USING ERRCODE = '42501', CONSTRAINT = 'reduction_claim_fixed'; END IF;
  IF a.status IS DISTINCT FROM 'confirmed' THEN
    RAISE EXCEPTION 'the proof of a case that is % is decided no more', a.status USING ERRCODE = '42501', CONSTRAINT = 'reduction_claim_while_booked'; END IF;
  RETURN NEW; END $$;

-- A further fee: why it was withdrawn, and what was typed beside its name. On a receipt that is part of a voucher and stays for its term; then,
-- and of one that was withdrawn, the name of the price list is left. Payment and transfer say the same, by this alone.
CREATE FUNCTION lines_bare(lines jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT jsonb_agg(line - 'label' ORDER BY n) FROM jsonb_array_elements(lines) WITH ORDINALITY e (line, n) $$;
CREATE FUNCTION lines_named(lines jsonb, name text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT jsonb_agg(CASE WHEN line ? 'label' THEN line || jsonb_build_object('label', name) ELSE line END ORDER BY n)
    FROM jsonb_array_elements(lines) WITH ORDINALITY e (line, n) $$;
CREATE FUNCTION charge_name(c charge) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT left(coalesce(s.name ->> c.language, s.name ->> 'de'), 300) FROM fee f JOIN service s ON s.id = f.service_id WHERE f.id = c.fee_id $$;
CREATE OR REPLACE TRIGGER charge_terms_fixed BEFORE UPDATE ON charge FOR EACH ROW
  WHEN ((OLD.office_id, OLD.ticket_id, OLD.appointment_id, OLD.kind, OLD.fee_id, OLD.quantity, OLD.amount_cents, OLD.currency, lines_bare(OLD.lines),
         OLD.legal_basis, OLD.day, OLD.requested_by, OLD.requested_at)
        IS DISTINCT FROM (NEW.office_id, NEW.ticket_id, NEW.appointment_id, NEW.kind, NEW.fee_id, NEW.quantity, NEW.amount_cents, NEW.currency, lines_bare(NEW.lines),
         NEW.legal_basis, NEW.day, NEW.requested_by, NEW.requested_at))
  EXECUTE FUNCTION refuse_by_rule('what was asked for never changes: it is withdrawn and asked for anew');
CREATE FUNCTION charge_text_goes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.label IS DISTINCT FROM charge_name(NEW) OR NEW.lines IS DISTINCT FROM lines_named(OLD.lines, NEW.label) THEN
    RAISE EXCEPTION 'charge % is named as it was asked for', NEW.id USING ERRCODE = '42501', CONSTRAINT = 'charge_text_goes'; END IF;
  UPDATE transfer_order o SET lines = lines_named(o.lines, NEW.label) FROM payment p WHERE p.id = o.payment_id AND p.reference = NEW.id;
  UPDATE payment SET lines = lines_named(lines, NEW.label) WHERE reference = NEW.id;
  RETURN NULL; END $$;
CREATE TRIGGER charge_text_goes AFTER UPDATE ON charge FOR EACH ROW
  WHEN (OLD.label <> NEW.label OR OLD.lines <> NEW.lines) EXECUTE FUNCTION charge_text_goes();
CREATE CONSTRAINT TRIGGER charge_text_kept AFTER UPDATE ON charge DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.label <> NEW.label AND NEW.status <> 'withdrawn') EXECUTE FUNCTION words_kept('receipt_text', '($1).day');
CREATE CONSTRAINT TRIGGER charge_words_kept AFTER UPDATE ON charge DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.label <> NEW.label AND NEW.status = 'withdrawn' OR OLD.withdraw_reason <> NEW.withdraw_reason)
  EXECUTE FUNCTION words_kept('visit_note', 'city_day(($1).changed_at)', '($1).appointment_id');
CREATE TRIGGER charge_reason_fixed BEFORE UPDATE ON charge FOR EACH ROW
  WHEN (OLD.withdraw_reason <> NEW.withdraw_reason AND NEW.withdraw_reason <> '[erased]')
  EXECUTE FUNCTION refuse_by_rule('why a charge was withdrawn never changes');
CREATE OR REPLACE TRIGGER payment_lines_fixed BEFORE UPDATE ON payment FOR EACH ROW
  WHEN (OLD.lines <> NEW.lines AND (pg_trigger_depth() = 0 OR lines_bare(OLD.lines) <> lines_bare(NEW.lines)))
  EXECUTE FUNCTION refuse_by_rule('what a payment is for never changes');
CREATE OR REPLACE TRIGGER transfer_order_terms_fixed BEFORE UPDATE ON transfer_order FOR EACH ROW
  WHEN ((OLD.id, OLD.refund_id, OLD.payment_id, OLD.amount_cents, OLD.purpose, lines_bare(OLD.lines), OLD.created_at)
        IS DISTINCT FROM (NEW.id, NEW.refund_id, NEW.payment_id, NEW.amount_cents, NEW.purpose, lines_bare(NEW.lines), NEW.created_at)
        OR OLD.lines <> NEW.lines AND pg_trigger_depth() = 0)
  EXECUTE FUNCTION refuse_by_rule('what is transferred, and for which refund, never changes');

-- With the person, whichever version of the code erases it.
CREATE FUNCTION appointment_forgets_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE open_fee SET note = '[erased]' WHERE note <> '[erased]' AND ticket_id IN (SELECT id FROM ticket WHERE appointment_id = NEW.id);
  UPDATE charge SET withdraw_reason = '[erased]' WHERE appointment_id = NEW.id AND withdraw_reason <> '[erased]';
  UPDATE charge c SET label = charge_name(c), lines = lines_named(lines, charge_name(c))
   WHERE appointment_id = NEW.id AND status = 'withdrawn' AND kind = 'fee' AND label <> charge_name(c);
  UPDATE charge_history SET reason = '[erased]' WHERE reason <> '[erased]' AND charge_id IN (SELECT id FROM charge WHERE appointment_id = NEW.id);
  UPDATE reduction_claim SET reason = '[erased]' WHERE appointment_id = NEW.id AND reason <> '[erased]';
  UPDATE override SET reason = '[erased]' WHERE kind <> 3 AND reason <> '[erased]' AND id IN (SELECT override_id FROM claim WHERE appointment_id = NEW.id);
  RETURN NULL; END $$;
CREATE TRIGGER appointment_forgets_words AFTER UPDATE ON appointment FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION appointment_forgets_words();

CREATE INDEX IF NOT EXISTS claim_of_override ON claim (override_id) WHERE override_id IS NOT NULL;

ALTER TABLE retention_term DISABLE TRIGGER retention_term_checked;   -- no person makes a new kind; a migration does
INSERT INTO retention_term (kind, months, from_year_end, legal_basis, set_at) VALUES
  ('visit_note',    1, false, 'Vermerke an Besuchen ohne Termin: Art. 5 Abs. 1 lit. e DSGVO', now()),
  ('receipt_text', 96, true,  'Text einer Gebühr auf der Quittung, wie Buchungsbelege: § 147 Abs. 3 AO (8 Jahre; GemHVO BW § 39 Abs. 2: 6 Jahre)', now()),
  ('finance_note', 96, true,  'Begründungen von Buchungen, wie Buchungsbelege: § 147 Abs. 3 AO (8 Jahre; GemHVO BW § 39 Abs. 2: 6 Jahre)', now());
ALTER TABLE retention_term ENABLE TRIGGER retention_term_checked;

-- How long each kind of record is kept (docs/adr/0069): terms with their legal basis, longer at will and shorter with a reason; what is over its
-- term goes by a run that is written down, and nothing goes before or without one.
CREATE TABLE retention_term (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind          text NOT NULL CONSTRAINT retention_term_kind CHECK (kind ~ '^[a-z_]+$'),
  months        int NOT NULL CONSTRAINT retention_term_months CHECK (months BETWEEN 1 AND 600),
  from_year_end boolean NOT NULL,                    -- counted from the end of the year, as AO and GemHVO do; else from the record itself
  legal_basis   text NOT NULL CONSTRAINT retention_term_basis CHECK (length(btrim(legal_basis)) BETWEEN 5 AND 300),
  reason        text CONSTRAINT retention_term_reason CHECK (reason = btrim(reason) AND length(reason) BETWEEN 5 AND 500),
  set_by        int REFERENCES account,              -- null: came with the product
  set_at        timestamptz NOT NULL
);
CREATE INDEX retention_term_of_kind ON retention_term (kind, id);
INSERT INTO retention_term (kind, months, from_year_end, legal_basis, set_at) VALUES
  ('books',              120, true,  'Bücher: § 147 Abs. 3 AO; GemHVO BW § 39 Abs. 2 (10 Jahre)', now()),
  ('export_file',         96, true,  'Buchungsbelege: § 147 Abs. 3 AO (8 Jahre; GemHVO BW § 39 Abs. 2: 6 Jahre)', now()),
  ('bank_statement',      96, true,  'Kontoauszüge wie Belege: § 147 Abs. 3 AO (8 Jahre; GemHVO BW § 39 Abs. 2: 6 Jahre)', now()),
  ('transfer_bank_data',   3, false, 'Bankverbindung einer Erstattung, nur bis zur Überweisung nötig: Art. 5 Abs. 1 lit. e DSGVO', now()),
  ('bank_refusal',        12, false, 'Abgewiesene Bankdateien, Fehlersuche: Art. 5 Abs. 1 lit. e DSGVO', now()),
  ('provider_message',    24, false, 'Meldungen des Zahlungsdienstes, Nachweis bei Rückfragen: Art. 5 Abs. 1 lit. e DSGVO', now());

CREATE FUNCTION retention_term_checked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before retention_term; BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('retention_term', 0));
  SELECT * INTO before FROM retention_term WHERE kind = NEW.kind ORDER BY id DESC LIMIT 1;
  IF before IS NULL OR NEW.set_by IS NULL THEN
    RAISE EXCEPTION 'no person makes a new kind, and nobody changes one without a name' USING ERRCODE = '23514', CONSTRAINT = 'retention_term_of_known_kind'; END IF;
  NEW.from_year_end := before.from_year_end;
  IF NEW.months < before.months AND NEW.reason IS NULL THEN
    RAISE EXCEPTION '% would be kept shorter without a reason', NEW.kind USING ERRCODE = '23514', CONSTRAINT = 'retention_term_shorter_with_reason'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER retention_term_checked BEFORE INSERT ON retention_term FOR EACH ROW EXECUTE FUNCTION retention_term_checked();
CREATE TRIGGER retention_term_append_only BEFORE UPDATE OR DELETE ON retention_term FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_term_not_emptied BEFORE TRUNCATE ON retention_term EXECUTE FUNCTION refuse_truncate();

-- Records of days before this one are over their term.
CREATE FUNCTION retention_until(k text, today date) RETURNS date LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN from_year_end THEN date_trunc('year', today - make_interval(months => months))::date
              ELSE (today - make_interval(months => months))::date END
    FROM retention_term WHERE kind = k ORDER BY id DESC LIMIT 1 $$;

-- A run: everything of a kind from before a day. `rows`: how many went; what is only counted stays where it is.
CREATE TABLE retention_run (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind       text NOT NULL,
  until_day  date NOT NULL,
  rows       bigint NOT NULL CONSTRAINT retention_run_rows CHECK (rows >= 0),
  is_counted boolean NOT NULL,
  at         timestamptz NOT NULL,
  made_in    xid8 NOT NULL DEFAULT pg_current_xact_id(),
  CONSTRAINT retention_run_once UNIQUE (kind, until_day)
);
CREATE FUNCTION retention_run_in_term() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.until_day IS DISTINCT FROM least(NEW.until_day, retention_until(NEW.kind, city_day(NEW.at))) OR retention_until(NEW.kind, city_day(NEW.at)) IS NULL THEN
    RAISE EXCEPTION '% is kept from % on', NEW.kind, retention_until(NEW.kind, city_day(NEW.at)) USING ERRCODE = '23514', CONSTRAINT = 'retention_run_in_term'; END IF;
  NEW.made_in := pg_current_xact_id();
  RETURN NEW; END $$;
CREATE TRIGGER retention_run_in_term BEFORE INSERT ON retention_run FOR EACH ROW EXECUTE FUNCTION retention_run_in_term();
CREATE TRIGGER retention_run_append_only BEFORE UPDATE OR DELETE ON retention_run FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER retention_run_not_emptied BEFORE TRUNCATE ON retention_run EXECUTE FUNCTION refuse_truncate();

-- Instead of "never": not without a run of this transaction that reaches so far. Arguments: the kind, and the row's day as SQL of $1.
CREATE FUNCTION refuse_before_term() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE of_day date; BEGIN
  EXECUTE 'SELECT ' || TG_ARGV[1] INTO of_day USING OLD;
  IF NOT EXISTS (SELECT FROM retention_run WHERE kind = TG_ARGV[0] AND until_day > of_day AND NOT is_counted AND made_in = pg_current_xact_id()) THEN
    RAISE EXCEPTION '% rows are kept for their term', TG_TABLE_NAME USING ERRCODE = '42501', CONSTRAINT = TG_TABLE_NAME || '_append_only'; END IF;
  RETURN OLD; END $$;

DROP TRIGGER export_file_append_only ON export_file;
CREATE TRIGGER export_file_append_only BEFORE UPDATE ON export_file FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER export_file_kept BEFORE DELETE ON export_file FOR EACH ROW
  EXECUTE FUNCTION refuse_before_term('export_file', '(SELECT day FROM export_batch WHERE number = ($1).batch)');
DROP TRIGGER export_download_append_only ON export_download;
CREATE TRIGGER export_download_append_only BEFORE UPDATE ON export_download FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER export_download_kept BEFORE DELETE ON export_download FOR EACH ROW
  EXECUTE FUNCTION refuse_before_term('export_file', '(SELECT day FROM export_batch WHERE number = ($1).batch)');

-- Of bank statements the names, accounts and purposes of others go, with the file itself; balances and entries stay, which the chain of statements is made of.
DROP TRIGGER bank_detail_append_only ON bank_detail;
CREATE TRIGGER bank_detail_append_only BEFORE UPDATE ON bank_detail FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_detail_kept BEFORE DELETE ON bank_detail FOR EACH ROW
  EXECUTE FUNCTION refuse_before_term('bank_statement', '(SELECT to_on FROM bank_statement WHERE id = ($1).statement_id)');
DROP TRIGGER bank_file_append_only ON bank_file;
CREATE TRIGGER bank_file_append_only BEFORE UPDATE ON bank_file FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_file_kept BEFORE DELETE ON bank_file FOR EACH ROW
  EXECUTE FUNCTION refuse_before_term('bank_statement', '(SELECT max(to_on) FROM bank_statement WHERE file_id = ($1).id)');
ALTER TABLE bank_statement ALTER COLUMN file_id DROP NOT NULL,
  DROP CONSTRAINT bank_statement_file_id_fkey,
  ADD CONSTRAINT bank_statement_file_id_fkey FOREIGN KEY (file_id) REFERENCES bank_file ON DELETE SET NULL NOT VALID;
ALTER TABLE bank_statement VALIDATE CONSTRAINT bank_statement_file_id_fkey;
DROP TRIGGER bank_statement_append_only ON bank_statement;
CREATE TRIGGER bank_statement_append_only BEFORE UPDATE ON bank_statement FOR EACH ROW
  WHEN ((OLD.follows IS NOT NULL OR NEW.follows IS NULL) AND NOT (OLD.file_id IS NOT NULL AND NEW.file_id IS NULL AND OLD.follows IS NOT DISTINCT FROM NEW.follows)
     OR NEW.file_id IS NOT NULL AND OLD.file_id IS DISTINCT FROM NEW.file_id
     OR (OLD.id, OLD.iban, OLD.statement_id, OLD.year, OLD.sequence, OLD.from_on, OLD.to_on, OLD.opening_cents, OLD.closing_cents, OLD.entries)
        IS DISTINCT FROM
        (NEW.id, NEW.iban, NEW.statement_id, NEW.year, NEW.sequence, NEW.from_on, NEW.to_on, NEW.opening_cents, NEW.closing_cents, NEW.entries))
  EXECUTE FUNCTION refuse_change();
CREATE FUNCTION bank_statement_file_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM bank_file WHERE id = OLD.file_id) THEN
    RAISE EXCEPTION 'the file is there' USING ERRCODE = '42501', CONSTRAINT = 'bank_statement_append_only'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER bank_statement_file_kept BEFORE UPDATE ON bank_statement FOR EACH ROW WHEN (OLD.file_id IS NOT NULL AND NEW.file_id IS NULL)
  EXECUTE FUNCTION bank_statement_file_gone();
DROP TRIGGER bank_refusal_append_only ON bank_refusal;
CREATE TRIGGER bank_refusal_append_only BEFORE UPDATE ON bank_refusal FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_refusal_kept BEFORE DELETE ON bank_refusal FOR EACH ROW
  EXECUTE FUNCTION refuse_before_term('bank_refusal', 'city_day(($1).refused_at)');
CREATE INDEX IF NOT EXISTS vendor_event_received ON vendor_event (received_at);

UPDATE role SET permissions = permissions || ARRAY['oversight.read'] WHERE name IN ('auditor', 'admin') AND NOT 'oversight.read' = ANY (permissions);
UPDATE role SET permissions = permissions || ARRAY['retention.change'] WHERE name = 'admin' AND NOT 'retention.change' = ANY (permissions);

-- Bank statements as they came (docs/adr/0052): a file is stored whole or not at all, adds up, and continues the statement before.
CREATE TABLE bank_file (
  id      uuid PRIMARY KEY,
  name    text NOT NULL,
  raw     bytea NOT NULL CONSTRAINT bank_file_not_empty CHECK (length(raw) > 0),
  sha256  bytea NOT NULL GENERATED ALWAYS AS (sha256(raw)) STORED,
  read_at timestamptz NOT NULL,
  read_by int REFERENCES account,   -- null: found in the folder
  CONSTRAINT bank_file_once UNIQUE (sha256)
);

-- Amounts: cents of euros, positive what came in.
CREATE TABLE bank_statement (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  file_id       uuid NOT NULL REFERENCES bank_file,
  iban          text NOT NULL CONSTRAINT bank_statement_iban_form CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'),
  statement_id  text NOT NULL,
  year          int NOT NULL,
  sequence      int NOT NULL CONSTRAINT bank_statement_sequence_counts CHECK (sequence >= 0),
  from_on       date NOT NULL,
  to_on         date NOT NULL CONSTRAINT bank_statement_year_of_end CHECK (extract(year FROM to_on) = year),
  opening_cents bigint NOT NULL,
  closing_cents bigint NOT NULL,
  entries       int NOT NULL CONSTRAINT bank_statement_entries_counted CHECK (entries >= 0),
  follows       bigint CONSTRAINT bank_statement_followed_once UNIQUE,   -- the one right before; null: none is there, or a gap lies between
  CONSTRAINT bank_statement_span CHECK (from_on <= to_on),
  CONSTRAINT bank_statement_once UNIQUE (iban, year, sequence),
  CONSTRAINT bank_statement_of_account UNIQUE (id, iban),
  CONSTRAINT bank_statement_end UNIQUE (id, iban, closing_cents),
  CONSTRAINT bank_statement_continues FOREIGN KEY (follows, iban, opening_cents) REFERENCES bank_statement (id, iban, closing_cents),
  CONSTRAINT bank_statement_follows_another CHECK (follows <> id)
);
CREATE INDEX bank_statement_file ON bank_statement (file_id);

CREATE TABLE bank_entry (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  statement_id  bigint NOT NULL,
  position      int NOT NULL CONSTRAINT bank_entry_position_counts CHECK (position > 0),
  iban          text NOT NULL,   -- of our account
  amount_cents  bigint NOT NULL,
  is_reversal   boolean NOT NULL,
  booked_on     date NOT NULL,
  value_on      date,
  acct_svcr_ref text NOT NULL,
  entry_ref     text NOT NULL,
  msg_id        text NOT NULL,
  pmt_inf_id    text NOT NULL,
  info          text NOT NULL,
  details       int NOT NULL CONSTRAINT bank_entry_details_counted CHECK (details >= 0),   -- 0: the bank does not split it
  CONSTRAINT bank_entry_once UNIQUE (statement_id, position),
  CONSTRAINT bank_entry_of_statement FOREIGN KEY (statement_id, iban) REFERENCES bank_statement (id, iban)
);
CREATE UNIQUE INDEX bank_entry_reference_once ON bank_entry (iban, acct_svcr_ref) WHERE acct_svcr_ref <> '';
CREATE INDEX bank_entry_booked ON bank_entry (booked_on);

CREATE TABLE bank_detail (
  id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  statement_id       bigint NOT NULL,
  entry              int NOT NULL,   -- position of the entry
  position           int NOT NULL CONSTRAINT bank_detail_position_counts CHECK (position > 0),
  amount_cents       bigint NOT NULL,
  acct_svcr_ref      text NOT NULL,
  end_to_end_id      text NOT NULL,
  msg_id             text NOT NULL,
  pmt_inf_id         text NOT NULL,
  debtor_name        text NOT NULL,
  debtor_iban        text NOT NULL,
  creditor_name      text NOT NULL,
  creditor_iban      text NOT NULL,
  remittance         text NOT NULL,
  creditor_reference text NOT NULL,
  return_reason      text NOT NULL,
  CONSTRAINT bank_detail_once UNIQUE (statement_id, entry, position),
  CONSTRAINT bank_detail_of_entry FOREIGN KEY (statement_id, entry) REFERENCES bank_entry (statement_id, position)
);
CREATE INDEX bank_detail_end_to_end ON bank_detail (end_to_end_id) WHERE end_to_end_id <> '';

-- At commit a statement has the entries that it counts, and they make its closing balance; so do the payments of its entries.
CREATE FUNCTION bank_statement_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE number int; total bigint; BEGIN
  SELECT count(*), coalesce(sum(amount_cents), 0) INTO number, total FROM bank_entry WHERE statement_id = NEW.id;
  IF number <> NEW.entries OR NEW.opening_cents + total <> NEW.closing_cents THEN
    RAISE EXCEPTION 'statement %: % entries of % make %', NEW.id, number, NEW.entries, total
      USING ERRCODE = '23514', CONSTRAINT = 'bank_statement_adds_up'; END IF;
  IF EXISTS (
    SELECT FROM bank_entry e LEFT JOIN (
      SELECT entry, count(*) AS number, sum(amount_cents) AS total FROM bank_detail WHERE statement_id = NEW.id GROUP BY entry) d ON d.entry = e.position
     WHERE e.statement_id = NEW.id AND (e.details <> coalesce(d.number, 0) OR e.details > 0 AND e.amount_cents <> d.total)) THEN
    RAISE EXCEPTION 'statement %: an entry and its payments differ', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'bank_entry_adds_up'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER bank_statement_adds_up AFTER INSERT ON bank_statement DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION bank_statement_adds_up();

-- And it never gets more of them later.
CREATE FUNCTION bank_entries_complete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM bank_statement s WHERE s.id IN (SELECT statement_id FROM added)
                AND (SELECT count(*) FROM bank_entry WHERE statement_id = s.id) > s.entries) THEN
    RAISE EXCEPTION 'more entries than the statement counts' USING ERRCODE = '23514', CONSTRAINT = 'bank_statement_complete'; END IF;
  RETURN NULL; END $$;
CREATE TRIGGER bank_entries_complete AFTER INSERT ON bank_entry REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION bank_entries_complete();
CREATE FUNCTION bank_details_complete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (
    SELECT FROM (SELECT statement_id, entry, count(*) AS number FROM bank_detail
                  WHERE statement_id IN (SELECT statement_id FROM added) GROUP BY statement_id, entry) d
      JOIN bank_entry e ON e.statement_id = d.statement_id AND e.position = d.entry WHERE d.number > e.details) THEN
    RAISE EXCEPTION 'more payments than the entry counts' USING ERRCODE = '23514', CONSTRAINT = 'bank_entry_complete'; END IF;
  RETURN NULL; END $$;
CREATE TRIGGER bank_details_complete AFTER INSERT ON bank_detail REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION bank_details_complete();

-- Files that were found in the folder and refused: shown, never stored.
CREATE TABLE bank_refusal (
  sha256     bytea PRIMARY KEY CONSTRAINT bank_refusal_sha256 CHECK (length(sha256) = 32),
  name       text NOT NULL,
  refused_at timestamptz NOT NULL,
  code       text NOT NULL,
  fields     jsonb NOT NULL   -- what the sentence of this code is filled with
);

DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['bank_file', 'bank_entry', 'bank_detail', 'bank_refusal'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t || '_append_only', t);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I EXECUTE FUNCTION refuse_truncate()', t || '_not_emptied', t);
  END LOOP; END $$;
CREATE TRIGGER bank_statement_kept BEFORE DELETE ON bank_statement FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_statement_not_emptied BEFORE TRUNCATE ON bank_statement EXECUTE FUNCTION refuse_truncate();
-- A gap that is filled later: only then it is said what a statement follows.
CREATE TRIGGER bank_statement_append_only BEFORE UPDATE ON bank_statement FOR EACH ROW
  WHEN (OLD.follows IS NOT NULL OR NEW.follows IS NULL
     OR (OLD.id, OLD.file_id, OLD.iban, OLD.statement_id, OLD.year, OLD.sequence, OLD.from_on, OLD.to_on, OLD.opening_cents, OLD.closing_cents, OLD.entries)
        IS DISTINCT FROM
        (NEW.id, NEW.file_id, NEW.iban, NEW.statement_id, NEW.year, NEW.sequence, NEW.from_on, NEW.to_on, NEW.opening_cents, NEW.closing_cents, NEW.entries))
  EXECUTE FUNCTION refuse_change();

UPDATE role SET permissions = permissions || ARRAY['reconcile.work'] WHERE name = 'finance' AND NOT 'reconcile.work' = ANY (permissions);

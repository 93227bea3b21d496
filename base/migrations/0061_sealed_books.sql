-- The books sealed (docs/adr/0049): each journal has a business day and, soon after its commit, a link in a chain of SHA-256; a day that is
-- closed takes no journal any more; what was wrong is taken back by a journal that reverses it, once.
CREATE FUNCTION city_day(moment timestamptz) RETURNS date LANGUAGE sql STABLE AS $$
  SELECT (moment AT TIME ZONE coalesce((SELECT time_zone FROM city), 'Europe/Berlin'))::date $$;

ALTER TABLE journal
  ADD COLUMN business_day date,                                -- local; the day of `at`, or the next that was open when it was booked
  ADD COLUMN reverses     bigint REFERENCES journal CONSTRAINT journal_reversed_once UNIQUE;
ALTER TABLE journal DISABLE TRIGGER journal_append_only;
UPDATE journal SET business_day = city_day(at);
UPDATE journal f SET reverses = b.id FROM journal b
 WHERE f.kind = 'refund_failed' AND b.kind = 'refund' AND b.refund_id = f.refund_id;
ALTER TABLE journal ENABLE TRIGGER journal_append_only;
ALTER TABLE journal ALTER COLUMN business_day SET NOT NULL;
CREATE INDEX journal_business_day ON journal (business_day);
CREATE INDEX entry_account_journal ON entry (account, journal_id);

-- A closed day. Its root: the hash of the root before, of the day's name and of the day's seals in the order of the chain.
CREATE TABLE ledger_day (
  day         date PRIMARY KEY,
  closed_at   timestamptz NOT NULL,
  closed_by   int NOT NULL REFERENCES account,
  journals    int NOT NULL,
  last_seq    bigint NOT NULL,                                 -- how far the chain went
  root_sha256 bytea NOT NULL CONSTRAINT ledger_day_root_is_sha256 CHECK (length(root_sha256) = 32)
);
CREATE TRIGGER ledger_day_append_only BEFORE UPDATE OR DELETE ON ledger_day FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_day_not_emptied BEFORE TRUNCATE ON ledger_day EXECUTE FUNCTION refuse_truncate();

-- Who books holds this lock with others until the commit; who closes a day holds it alone, and so sees all that was booked on it.
CREATE FUNCTION journal_on_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE closed date; BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('ledger_day', 0));
  SELECT max(day) INTO closed FROM ledger_day;
  IF NEW.business_day <= closed THEN
    RAISE EXCEPTION '% is closed', NEW.business_day USING ERRCODE = '42501', CONSTRAINT = 'journal_on_open_day'; END IF;
  IF NEW.business_day IS NULL THEN NEW.business_day := greatest(city_day(NEW.at), closed + 1); END IF;
  IF NEW.kind = 'refund_failed' AND NEW.reverses IS NULL THEN
    NEW.reverses := (SELECT id FROM journal WHERE kind = 'refund' AND refund_id = NEW.refund_id); END IF;
  RETURN NEW; END $$;
CREATE TRIGGER journal_on_its_day BEFORE INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_on_its_day();

CREATE FUNCTION journal_reverses_all() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM (SELECT account, sum(amount_cents) AS cents FROM entry WHERE journal_id IN (NEW.id, NEW.reverses) GROUP BY account) a
              WHERE cents <> 0)
     OR NEW.payment_id IS DISTINCT FROM (SELECT payment_id FROM journal WHERE id = NEW.reverses) THEN
    RAISE EXCEPTION 'journal % does not take back all of %', NEW.id, NEW.reverses USING ERRCODE = '23514', CONSTRAINT = 'journal_reverses_all'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER journal_reverses_all AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.reverses IS NOT NULL) EXECUTE FUNCTION journal_reverses_all();

-- The chain. What is hashed is text that anybody can make again (payment/ledgers/chain.py does), so it must not change with the schema.
CREATE FUNCTION journal_canonical(j journal) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT concat_ws(E'\t', 'journal', j.id, j.kind, coalesce(j.payment_id::text, '-'), coalesce(j.refund_id::text, '-'), coalesce(j.reverses::text, '-'),
                   to_char(j.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), to_char(j.business_day, 'YYYY-MM-DD'),
                   coalesce((SELECT currency FROM payment WHERE id = j.payment_id), '-')) || E'\n'
      || coalesce((SELECT string_agg(concat_ws(E'\t', 'entry', id, account, amount_cents) || E'\n', '' ORDER BY id) FROM entry WHERE journal_id = j.id), '') $$;
CREATE TABLE journal_seal (
  seq             bigint PRIMARY KEY,
  journal_id      bigint NOT NULL REFERENCES journal CONSTRAINT journal_seal_once UNIQUE,
  previous_sha256 bytea NOT NULL,                              -- of the seal before; 32 zero bytes before the first
  sha256          bytea NOT NULL CONSTRAINT journal_seal_is_sha256 CHECK (length(sha256) = 32),
  sealed_at       timestamptz NOT NULL
);
CREATE FUNCTION journal_seal_chained() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last journal_seal; j journal; BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('journal_seal', 0));
  SELECT * INTO last FROM journal_seal ORDER BY seq DESC LIMIT 1;
  SELECT * INTO STRICT j FROM journal WHERE id = NEW.journal_id;
  NEW.seq := coalesce(last.seq, 0) + 1;
  NEW.previous_sha256 := coalesce(last.sha256, decode(repeat('00', 32), 'hex'));
  NEW.sha256 := sha256(NEW.previous_sha256 || convert_to(journal_canonical(j), 'UTF8'));
  RETURN NEW; END $$;
CREATE TRIGGER journal_seal_chained BEFORE INSERT ON journal_seal FOR EACH ROW EXECUTE FUNCTION journal_seal_chained();
CREATE TRIGGER journal_seal_append_only BEFORE UPDATE OR DELETE ON journal_seal FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_seal_not_emptied BEFORE TRUNCATE ON journal_seal EXECUTE FUNCTION refuse_truncate();

-- Journals without a seal yet; put here with the journal itself, so none is missed. Sealed after the commit: payments do not wait for each other.
CREATE TABLE journal_unsealed (journal_id bigint PRIMARY KEY REFERENCES journal);
CREATE FUNCTION journal_falls_due() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO journal_unsealed VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER journal_falls_due AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_falls_due();
INSERT INTO journal_unsealed SELECT id FROM journal;

CREATE FUNCTION ledger_day_closed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE before ledger_day; BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('ledger_day', 0));
  SELECT * INTO before FROM ledger_day ORDER BY day DESC LIMIT 1;
  IF NEW.day >= city_day(NEW.closed_at) THEN
    RAISE EXCEPTION '% is not over', NEW.day USING ERRCODE = '23514', CONSTRAINT = 'ledger_day_over'; END IF;
  IF NEW.day <= before.day OR EXISTS (SELECT FROM journal WHERE business_day < NEW.day AND (before.day IS NULL OR business_day > before.day)) THEN
    RAISE EXCEPTION '% is not the next to be closed', NEW.day USING ERRCODE = '23514', CONSTRAINT = 'ledger_day_in_order'; END IF;
  IF EXISTS (SELECT FROM journal j LEFT JOIN journal_seal s ON s.journal_id = j.id WHERE j.business_day = NEW.day AND s.seq IS NULL) THEN
    RAISE EXCEPTION '% is not sealed', NEW.day USING ERRCODE = '23514', CONSTRAINT = 'ledger_day_sealed'; END IF;
  SELECT count(*), coalesce((SELECT max(seq) FROM journal_seal), 0),
         sha256(coalesce(before.root_sha256, decode(repeat('00', 32), 'hex')) || convert_to(to_char(NEW.day, 'YYYY-MM-DD'), 'UTF8')
                || coalesce(string_agg(s.sha256, ''::bytea ORDER BY s.seq), ''::bytea))
    INTO NEW.journals, NEW.last_seq, NEW.root_sha256
    FROM journal j JOIN journal_seal s ON s.journal_id = j.id WHERE j.business_day = NEW.day;
  RETURN NEW; END $$;
CREATE TRIGGER ledger_day_closed BEFORE INSERT ON ledger_day FOR EACH ROW EXECUTE FUNCTION ledger_day_closed();

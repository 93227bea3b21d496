-- Batches for the treasury (docs/adr/0056): the files of one closed day, under a number without a gap, kept as they were made.
CREATE TABLE export_batch (
  number          int PRIMARY KEY,
  day             date NOT NULL CONSTRAINT export_batch_of_closed_day REFERENCES ledger_day
                                CONSTRAINT export_batch_day_once UNIQUE,   -- with journal_on_open_day: each journal is in one batch, once
  made_by         int NOT NULL REFERENCES account,
  made_at         timestamptz NOT NULL,
  manifest_sha256 bytea NOT NULL
);
CREATE TABLE export_file (
  batch     int NOT NULL REFERENCES export_batch,
  format    text NOT NULL CONSTRAINT export_file_format CHECK (format IN ('totals-csv', 'items-csv', 'datev-extf', 'xlsx', 'manifest')),
  name      text NOT NULL CONSTRAINT export_file_name CHECK (name ~ '^[A-Za-z0-9_.-]+$'),
  rows      int NOT NULL,
  sum_cents bigint NOT NULL,
  content   bytea NOT NULL,
  sha256    bytea NOT NULL CONSTRAINT export_file_is_sha256 CHECK (sha256 = sha256(content)),
  PRIMARY KEY (batch, format)
);
-- Who of the treasury took it, as whom somebody here wrote it down, and under which number of theirs.
CREATE TABLE export_acknowledgement (
  batch       int CONSTRAINT export_acknowledgement_once PRIMARY KEY REFERENCES export_batch,
  recorded_by int NOT NULL REFERENCES account,
  at          timestamptz NOT NULL,
  reference   text NOT NULL CONSTRAINT export_acknowledgement_reference CHECK (reference = btrim(reference) AND length(reference) BETWEEN 1 AND 100)
);

CREATE FUNCTION export_batch_gapless() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE next int; BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('export_batch', 0));
  SELECT coalesce(max(number), 0) + 1 INTO next FROM export_batch;
  IF NEW.number <> next THEN
    RAISE EXCEPTION 'batch % where % is next', NEW.number, next USING ERRCODE = '23514', CONSTRAINT = 'export_batch_gapless'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER export_batch_gapless BEFORE INSERT ON export_batch FOR EACH ROW EXECUTE FUNCTION export_batch_gapless();

-- At the commit: what the manifest says is what the books say of the day, and it names the files that are there, no more and no fewer.
CREATE FUNCTION export_batch_check(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE said jsonb; b export_batch; d ledger_day; booked jsonb; BEGIN
  SELECT * INTO STRICT b FROM export_batch WHERE number = n;
  SELECT * INTO STRICT d FROM ledger_day WHERE day = b.day;
  SELECT convert_from(content, 'UTF8')::jsonb INTO said FROM export_file WHERE batch = n AND format = 'manifest' AND sha256 = b.manifest_sha256;
  IF said IS NULL OR said ->> 'batch' IS DISTINCT FROM n::text OR said ->> 'business_day' IS DISTINCT FROM to_char(b.day, 'YYYY-MM-DD')
     OR EXISTS (SELECT FROM jsonb_array_elements(said -> 'files') f
                  FULL JOIN (SELECT name, encode(sha256, 'hex') AS hex FROM export_file WHERE batch = n AND format <> 'manifest') s
                    ON s.name = f ->> 'name' AND s.hex = f ->> 'sha256'
                 WHERE s.name IS NULL OR f IS NULL) THEN
    RAISE EXCEPTION 'batch % has not the files of its manifest', n USING ERRCODE = '23514', CONSTRAINT = 'export_batch_manifest'; END IF;
  SELECT coalesce(jsonb_agg(jsonb_build_object('account', account, 'debit_cents', debit, 'credit_cents', credit) ORDER BY account COLLATE "C"), '[]')
    INTO booked
    FROM (SELECT e.account, sum(greatest(e.amount_cents, 0)) AS debit, sum(greatest(-e.amount_cents, 0)) AS credit
            FROM entry e JOIN journal j ON j.id = e.journal_id WHERE j.business_day = b.day GROUP BY e.account) a;
  IF said -> 'accounts' IS DISTINCT FROM booked OR said ->> 'vouchers' IS DISTINCT FROM d.journals::text
     OR said ->> 'ledger_root_sha256' IS DISTINCT FROM encode(d.root_sha256, 'hex') THEN
    RAISE EXCEPTION 'batch % says of % something else than the books', n, b.day USING ERRCODE = '23514', CONSTRAINT = 'export_batch_of_ledger'; END IF;
END $$;
CREATE FUNCTION export_batch_whole() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM export_batch_check(NEW.number); RETURN NULL; END $$;
CREATE FUNCTION export_file_named() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM export_batch_check(NEW.batch); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER export_batch_whole AFTER INSERT ON export_batch DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION export_batch_whole();
CREATE CONSTRAINT TRIGGER export_file_named AFTER INSERT ON export_file DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION export_file_named();

CREATE TRIGGER export_batch_append_only BEFORE UPDATE OR DELETE ON export_batch FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER export_batch_not_emptied BEFORE TRUNCATE ON export_batch EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER export_file_append_only BEFORE UPDATE OR DELETE ON export_file FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER export_file_not_emptied BEFORE TRUNCATE ON export_file EXECUTE FUNCTION refuse_truncate();
CREATE TRIGGER export_acknowledgement_append_only BEFORE UPDATE OR DELETE ON export_acknowledgement FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER export_acknowledgement_not_emptied BEFORE TRUNCATE ON export_acknowledgement EXECUTE FUNCTION refuse_truncate();

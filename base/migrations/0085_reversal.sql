-- Batches on their way (docs/adr/0067): who fetched which file of a batch is written down, and taking a batch is a matter of who keeps the cash.
-- Reversals by a person (docs/adr/0068): asked by one with a reason, approved by another, of any journal once and of no reversal.
CREATE TABLE export_download (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  batch      int NOT NULL,
  format     text NOT NULL,
  account_id int NOT NULL REFERENCES account,
  at         timestamptz NOT NULL,
  CONSTRAINT export_download_of_file FOREIGN KEY (batch, format) REFERENCES export_file (batch, format)
);
CREATE INDEX export_download_batch ON export_download (batch, id);
CREATE TRIGGER export_download_append_only BEFORE UPDATE OR DELETE ON export_download FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER export_download_not_emptied BEFORE TRUNCATE ON export_download EXECUTE FUNCTION refuse_truncate();

INSERT INTO duty_permission (permission, duty) VALUES ('export.take', 'cash'), ('reversal.approve', 'ordering') ON CONFLICT DO NOTHING;
UPDATE role SET permissions = permissions || ARRAY['export.take'] WHERE name = 'treasury' AND NOT 'export.take' = ANY (permissions);
UPDATE role SET permissions = permissions || ARRAY['export.send'] WHERE name = 'finance' AND NOT 'export.send' = ANY (permissions);
UPDATE role SET permissions = permissions || ARRAY['reversal.request', 'reversal.approve']
 WHERE name = 'finance' AND NOT 'reversal.request' = ANY (permissions);

-- The kinds that are there, whatever they are, and this one.
DO $$ DECLARE said text; BEGIN
  SELECT pg_get_constraintdef(oid) INTO STRICT said FROM pg_constraint WHERE conrelid = 'journal'::regclass AND conname = 'journal_kind';
  IF said NOT LIKE '%''reversal''%' THEN
    ALTER TABLE journal DROP CONSTRAINT journal_kind;
    EXECUTE 'ALTER TABLE journal ADD CONSTRAINT journal_kind ' || replace(said, 'ARRAY[', 'ARRAY[''reversal''::text, ') || ' NOT VALID';
    ALTER TABLE journal VALIDATE CONSTRAINT journal_kind;
  END IF;
  SELECT pg_get_constraintdef(oid) INTO STRICT said FROM pg_constraint WHERE conrelid = 'journal'::regclass AND conname = 'journal_refund_named';
  IF said LIKE '%''fee''%' AND said NOT LIKE '%''reversal''%' THEN   -- it lists the kinds that name no refund
    ALTER TABLE journal DROP CONSTRAINT journal_refund_named;
    EXECUTE 'ALTER TABLE journal ADD CONSTRAINT journal_refund_named ' || replace(said, 'ARRAY[', 'ARRAY[''reversal''::text, ') || ' NOT VALID';
    ALTER TABLE journal VALIDATE CONSTRAINT journal_refund_named;
  END IF;
  -- One payment may have several: of its fee, of what was earned.
  SELECT pg_get_indexdef('journal_once'::regclass) INTO STRICT said;
  IF said NOT LIKE '%reverses%' THEN
    said := replace(said, 'refund_id)', 'refund_id, reverses)');
    IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'journal'::regclass AND conname = 'journal_once') THEN
      ALTER TABLE journal DROP CONSTRAINT journal_once;
      EXECUTE said;
      ALTER TABLE journal ADD CONSTRAINT journal_once UNIQUE USING INDEX journal_once;
    ELSE
      DROP INDEX journal_once;
      EXECUTE said;
    END IF;
  END IF;
END $$;
ALTER TABLE journal ADD CONSTRAINT journal_reversal_named CHECK (kind <> 'reversal' OR reverses IS NOT NULL) NOT VALID;
ALTER TABLE journal VALIDATE CONSTRAINT journal_reversal_named;

-- `posted`: the journal that takes it back, once it is approved.
CREATE TABLE reversal (
  id           uuid PRIMARY KEY,
  journal_id   bigint NOT NULL REFERENCES journal,
  reason       text NOT NULL CONSTRAINT reversal_has_reason CHECK (reason = btrim(reason) AND length(reason) BETWEEN 5 AND 500),
  requested_by int NOT NULL REFERENCES account,
  requested_at timestamptz NOT NULL,
  status       text NOT NULL DEFAULT 'requested' CONSTRAINT reversal_status CHECK (status IN ('requested', 'approved', 'rejected')),
  decided_by   int REFERENCES account,
  decided_at   timestamptz,
  posted       bigint REFERENCES journal CONSTRAINT reversal_posted_once UNIQUE,
  CONSTRAINT reversal_decided CHECK ((status = 'requested') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
  CONSTRAINT reversal_by_two CHECK (status <> 'approved' OR decided_by <> requested_by),   -- who asked may withdraw, not approve
  CONSTRAINT reversal_approved_is_posted CHECK ((status = 'approved') = (posted IS NOT NULL))
);
CREATE UNIQUE INDEX reversal_once ON reversal (journal_id) WHERE status <> 'rejected';
CREATE INDEX reversal_waiting ON reversal (requested_at) WHERE status = 'requested';
CREATE TRIGGER reversal_terms_fixed BEFORE UPDATE ON reversal FOR EACH ROW
  WHEN (OLD.status <> 'requested' OR (OLD.id, OLD.journal_id, OLD.reason, OLD.requested_by, OLD.requested_at)
        IS DISTINCT FROM (NEW.id, NEW.journal_id, NEW.reason, NEW.requested_by, NEW.requested_at))
  EXECUTE FUNCTION refuse_by_rule('what was asked for stays, and so does what was decided');
CREATE TRIGGER reversal_stays BEFORE DELETE ON reversal FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reversal_not_emptied BEFORE TRUNCATE ON reversal EXECUTE FUNCTION refuse_truncate();

-- What takes another journal back is itself never taken back; a refund's journal goes back with the refund alone.
CREATE FUNCTION reversal_of_original() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM journal WHERE id = NEW.journal_id AND (reverses IS NOT NULL OR kind IN ('refund', 'refund_failed', 'reversal'))) THEN
    RAISE EXCEPTION 'journal % is not reversed by hand', NEW.journal_id USING ERRCODE = '23514', CONSTRAINT = 'reversal_of_original'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER reversal_of_original BEFORE INSERT ON reversal FOR EACH ROW EXECUTE FUNCTION reversal_of_original();
-- At the commit two persons stand behind a journal of this kind, whoever booked it.
CREATE FUNCTION journal_reversal_approved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM reversal WHERE posted = NEW.id AND journal_id = NEW.reverses AND status = 'approved') THEN
    RAISE EXCEPTION 'nobody approved the reversal %', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'journal_reversal_approved'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER journal_reversal_approved AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.kind = 'reversal') EXECUTE FUNCTION journal_reversal_approved();

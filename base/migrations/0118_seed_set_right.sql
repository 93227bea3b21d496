-- A seed typed wrong is set right before the release, or its run given up: always by another person and with a reason, and what was
-- entered before stays published, so that nobody can try seeds until a result suits without everybody seeing it (docs/adr/0021).
ALTER TABLE allocation_run ADD COLUMN seed_because text;                  -- why the seed before this one was wrong
ALTER TABLE allocation_run ADD COLUMN given_up_by int REFERENCES account; -- NULL: before the seed, as before this release

CREATE TABLE allocation_former_seed (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id       uuid NOT NULL REFERENCES allocation_run,
  seed         text NOT NULL,
  seeded_at    timestamptz NOT NULL,
  seeded_by    int NOT NULL REFERENCES account,
  because      text NOT NULL CONSTRAINT allocation_former_seed_says_why CHECK (length(btrim(because)) > 0),
  set_right_at timestamptz NOT NULL CONSTRAINT allocation_former_seed_not_backwards CHECK (set_right_at >= seeded_at),
  set_right_by int NOT NULL REFERENCES account CONSTRAINT allocation_former_seed_two_persons CHECK (set_right_by <> seeded_by)
);
CREATE INDEX allocation_former_seed_run ON allocation_former_seed (run_id, id);
CREATE TRIGGER allocation_former_seed_append_only BEFORE UPDATE OR DELETE ON allocation_former_seed
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER allocation_former_seed_not_emptied BEFORE TRUNCATE ON allocation_former_seed EXECUTE FUNCTION refuse_truncate();

ALTER TABLE allocation_run DROP CONSTRAINT allocation_run_stands;
ALTER TABLE allocation_run ADD CONSTRAINT allocation_run_stands CHECK (CASE status
    WHEN 'open'     THEN list IS NULL
    WHEN 'closed'   THEN list IS NOT NULL AND seed IS NULL
    WHEN 'ranked'   THEN seed IS NOT NULL AND released_at IS NULL
    WHEN 'released' THEN seed IS NOT NULL AND num_nonnulls(released_at, released_by) = 2
    ELSE released_at IS NULL AND length(btrim(given_up_because)) > 0 END) NOT VALID;
ALTER TABLE allocation_run VALIDATE CONSTRAINT allocation_run_stands;
ALTER TABLE allocation_run ADD CONSTRAINT allocation_run_given_up_by_another
  CHECK (status <> 'given_up' OR seed IS NULL OR given_up_by IS NOT NULL AND given_up_by <> seeded_by) NOT VALID;
ALTER TABLE allocation_run VALIDATE CONSTRAINT allocation_run_given_up_by_another;

-- As in 0021; new: a ranked run takes another seed from another person, and is given up.
CREATE OR REPLACE FUNCTION allocation_run_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a run is never deleted' USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_never_deleted';
  ELSIF OLD.status IN ('released', 'given_up') THEN
    RAISE EXCEPTION 'run % is over', OLD.id USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_over_never_changes';
  ELSIF (OLD.id, OLD.service_id, OLD.class_days, OLD.closes_at, OLD.seed_source, OLD.seed_at, OLD.release_by, OLD.opened_by, OLD.opened_at)
     IS DISTINCT FROM
        (NEW.id, NEW.service_id, NEW.class_days, NEW.closes_at, NEW.seed_source, NEW.seed_at, NEW.release_by, NEW.opened_by, NEW.opened_at)
     OR OLD.list IS NOT NULL AND (OLD.list, OLD.list_sha256, OLD.closed_at) IS DISTINCT FROM (NEW.list, NEW.list_sha256, NEW.closed_at)
     OR OLD.seed IS NOT NULL
        AND (OLD.seed, OLD.seeded_at, OLD.seeded_by, OLD.result, OLD.seed_because)
            IS DISTINCT FROM (NEW.seed, NEW.seeded_at, NEW.seeded_by, NEW.result, NEW.seed_because)
        AND (NEW.status <> 'ranked' OR NEW.seed IS NULL OR NEW.seed = OLD.seed OR NEW.seeded_by = OLD.seeded_by
             OR NEW.result IS NOT DISTINCT FROM OLD.result)
  THEN
    RAISE EXCEPTION 'what run % has published stays', OLD.id USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_published_stays';
  ELSIF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN
        (('open', 'closed'), ('closed', 'ranked'), ('ranked', 'released'),
         ('open', 'given_up'), ('closed', 'given_up'), ('ranked', 'given_up')) THEN
    RAISE EXCEPTION 'run % does not become %', OLD.id, NEW.status USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_transition';
  END IF;
  IF OLD.seed IS NOT NULL AND NEW.seed <> OLD.seed THEN  -- by the schema itself: no way sets a seed right and leaves no trace
    INSERT INTO allocation_former_seed (run_id, seed, seeded_at, seeded_by, because, set_right_at, set_right_by)
    VALUES (OLD.id, OLD.seed, OLD.seeded_at, OLD.seeded_by, NEW.seed_because, NEW.seeded_at, NEW.seeded_by);
  END IF;
  RETURN NEW; END $$;

-- Whoever has booked reads on their page where exactly it is (which wedding room); not of every counter, as which one it is may change.
ALTER TABLE counter ADD COLUMN is_told boolean NOT NULL DEFAULT false;

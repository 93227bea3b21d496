-- Giving out by need: who asks, how urgent it is confirmed to be, and runs whose list is published before their seed exists (docs/adr/0021).
CREATE TABLE allocation_service (                -- a service with a row here is not held by the public (claim_by_need)
  service_id  int PRIMARY KEY REFERENCES service,
  class_days  int[] NOT NULL DEFAULT '{7,21,42}',
  offer_hours int NOT NULL DEFAULT 48 CONSTRAINT allocation_service_offer CHECK (offer_hours BETWEEN 1 AND 336)
);

CREATE FUNCTION allocation_rises(days int[]) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT cardinality(days) > 0 AND days[1] >= 0 AND days = ARRAY(SELECT DISTINCT d FROM unnest(days) d ORDER BY d) $$;
ALTER TABLE allocation_service ADD CONSTRAINT allocation_service_classes CHECK (allocation_rises(class_days));

CREATE TABLE allocation_run (
  id          uuid PRIMARY KEY,
  service_id  int NOT NULL REFERENCES allocation_service,
  status      text NOT NULL DEFAULT 'open'
              CONSTRAINT allocation_run_status CHECK (status IN ('open', 'closed', 'ranked', 'released', 'given_up')),
  class_days  int[] NOT NULL CONSTRAINT allocation_run_classes CHECK (allocation_rises(class_days)),
  closes_at   timestamptz NOT NULL,
  seed_source text NOT NULL CONSTRAINT allocation_run_names_source CHECK (length(btrim(seed_source)) > 0),
  seed_at     timestamptz NOT NULL,              -- when the source will speak
  release_by  timestamptz NOT NULL,              -- until then the slots are kept
  opened_by   int NOT NULL REFERENCES account,
  opened_at   timestamptz NOT NULL,
  closed_at   timestamptz,
  list        bytea,                             -- as published, byte for byte
  list_sha256 bytea,
  seed        text,
  seeded_at   timestamptz,
  seeded_by   int REFERENCES account,
  result      bytea,
  released_at timestamptz,
  released_by int REFERENCES account,
  given_up_because text,
  CONSTRAINT allocation_run_in_order     CHECK (opened_at < closes_at AND seed_at > closes_at AND release_by > seed_at),
  CONSTRAINT allocation_run_closed_in_time CHECK (closed_at >= closes_at AND closed_at < seed_at),   -- never once the seed may be known
  CONSTRAINT allocation_run_list_hashed  CHECK (num_nonnulls(closed_at, list, list_sha256) IN (0, 3) AND list_sha256 = sha256(list)),
  CONSTRAINT allocation_run_seed_after_closing CHECK (num_nonnulls(seed, seeded_at, seeded_by, result) IN (0, 4)
                                                      AND (seed IS NULL OR list IS NOT NULL AND seeded_at >= seed_at)),
  CONSTRAINT allocation_run_stands CHECK (CASE status
    WHEN 'open'     THEN list IS NULL
    WHEN 'closed'   THEN list IS NOT NULL AND seed IS NULL
    WHEN 'ranked'   THEN seed IS NOT NULL AND released_at IS NULL
    WHEN 'released' THEN seed IS NOT NULL AND num_nonnulls(released_at, released_by) = 2
    ELSE seed IS NULL AND length(btrim(given_up_because)) > 0 END)
);
CREATE UNIQUE INDEX allocation_run_one_at_a_time ON allocation_run (service_id) WHERE status IN ('open', 'closed', 'ranked');

-- What was named beforehand stays, what was published stays, and a run that is over never changes.
CREATE FUNCTION allocation_run_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a run is never deleted' USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_never_deleted';
  ELSIF OLD.status IN ('released', 'given_up') THEN
    RAISE EXCEPTION 'run % is over', OLD.id USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_over_never_changes';
  ELSIF (OLD.id, OLD.service_id, OLD.class_days, OLD.closes_at, OLD.seed_source, OLD.seed_at, OLD.release_by, OLD.opened_by, OLD.opened_at)
     IS DISTINCT FROM
        (NEW.id, NEW.service_id, NEW.class_days, NEW.closes_at, NEW.seed_source, NEW.seed_at, NEW.release_by, NEW.opened_by, NEW.opened_at)
     OR OLD.list IS NOT NULL AND (OLD.list, OLD.list_sha256, OLD.closed_at) IS DISTINCT FROM (NEW.list, NEW.list_sha256, NEW.closed_at)
     OR OLD.seed IS NOT NULL AND (OLD.seed, OLD.seeded_at, OLD.seeded_by, OLD.result) IS DISTINCT FROM (NEW.seed, NEW.seeded_at, NEW.seeded_by, NEW.result)
  THEN
    RAISE EXCEPTION 'what run % has published stays', OLD.id USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_published_stays';
  ELSIF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN
        (('open', 'closed'), ('closed', 'ranked'), ('ranked', 'released'), ('open', 'given_up'), ('closed', 'given_up')) THEN
    RAISE EXCEPTION 'run % does not become %', OLD.id, NEW.status USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_transition';
  END IF;
  RETURN NEW; END $$;
CREATE TRIGGER allocation_run_guard BEFORE UPDATE OR DELETE ON allocation_run FOR EACH ROW EXECUTE FUNCTION allocation_run_guard();

CREATE TABLE allocation_slot (                   -- the times set aside for a run: holds that no citizen has the token of
  hold_id uuid PRIMARY KEY REFERENCES claim (request_key),
  run_id  uuid NOT NULL REFERENCES allocation_run
);
CREATE INDEX allocation_slot_run ON allocation_slot (run_id);

CREATE TABLE allocation_request (
  id             uuid PRIMARY KEY,
  public_id      text NOT NULL CONSTRAINT allocation_request_public_id CHECK (public_id ~ '^[0-9A-HJKMNP-TV-Z]{12}$'),
  service_id     int NOT NULL REFERENCES allocation_service,
  status         text NOT NULL DEFAULT 'unverified'
                 CONSTRAINT allocation_request_status CHECK (status IN ('unverified', 'asked', 'confirmed', 'refused', 'withdrawn', 'placed')),
  language       text NOT NULL,
  made_at        timestamptz NOT NULL,
  claimed_deadline date,                         -- as the applicant says
  deadline       date,                           -- as staff have confirmed or corrected it
  checked_by     int REFERENCES account,
  checked_at     timestamptz,
  check_reason   text,
  offices        int[] NOT NULL DEFAULT '{}',    -- the most wished first; none: any
  windows        jsonb NOT NULL DEFAULT '[]',
  person_hmac    bytea NOT NULL CONSTRAINT allocation_request_person_is_hmac CHECK (length(person_hmac) = 32),
  contact_hmac   bytea NOT NULL CONSTRAINT allocation_request_contact_is_hmac CHECK (length(contact_hmac) = 32),
  request_key    uuid NOT NULL,                  -- a form sent twice is one request
  run_id         uuid REFERENCES allocation_run, -- which placed it
  appointment_id uuid REFERENCES appointment,
  CONSTRAINT allocation_request_public_id_once   UNIQUE (public_id),
  CONSTRAINT allocation_request_key_once         UNIQUE (request_key),
  CONSTRAINT allocation_request_appointment_once UNIQUE (appointment_id),
  CONSTRAINT allocation_request_placed_has_case CHECK ((status = 'placed') = (num_nonnulls(run_id, appointment_id) = 2)
                                                       AND num_nonnulls(run_id, appointment_id) IN (0, 2)),
  CONSTRAINT allocation_request_checked CHECK (num_nonnulls(checked_by, checked_at, check_reason) IN (0, 3)
                                               AND (checked_at IS NOT NULL OR status NOT IN ('confirmed', 'refused', 'placed'))
                                               AND (checked_at IS NULL OR length(btrim(check_reason)) > 0)),
  CONSTRAINT allocation_request_deadline_checked CHECK (deadline IS NULL OR checked_at IS NOT NULL)
);
-- One living request per person, and per contact, for a service. What nobody has verified blocks nobody.
CREATE UNIQUE INDEX allocation_request_one_living ON allocation_request (service_id, person_hmac) WHERE status IN ('asked', 'confirmed');
CREATE UNIQUE INDEX allocation_request_one_contact ON allocation_request (service_id, contact_hmac) WHERE status IN ('asked', 'confirmed');

-- Who asks. Sealed; erased without touching what a run has decided.
CREATE TABLE allocation_person (
  request_id uuid PRIMARY KEY REFERENCES allocation_request,
  contact    bytea NOT NULL,
  birth_date bytea NOT NULL,
  reason     bytea
);

CREATE FUNCTION allocation_request_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF OLD.appointment_id IS NOT NULL AND (NEW.appointment_id, NEW.run_id) IS DISTINCT FROM (OLD.appointment_id, OLD.run_id) THEN
    RAISE EXCEPTION 'request % has its appointment', OLD.id USING ERRCODE = '42501', CONSTRAINT = 'allocation_request_one_appointment';
  ELSIF (NEW.public_id, NEW.service_id, NEW.made_at, NEW.person_hmac) IS DISTINCT FROM (OLD.public_id, OLD.service_id, OLD.made_at, OLD.person_hmac) THEN
    RAISE EXCEPTION 'what the lot and the waiting time hang on stays' USING ERRCODE = '42501', CONSTRAINT = 'allocation_request_stays';
  END IF;
  RETURN NEW; END $$;
CREATE TRIGGER allocation_request_guard BEFORE UPDATE ON allocation_request FOR EACH ROW EXECUTE FUNCTION allocation_request_guard();

-- A service given out by need takes no plain hold, whoever asks: the row is not made, so that a batch goes on without it.
CREATE FUNCTION claim_by_need() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('schalter.allocation', true) IS DISTINCT FROM 'on'
     AND EXISTS (SELECT FROM allocation_service WHERE service_id = NEW.service_id) THEN RETURN NULL; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER claim_by_need BEFORE INSERT ON claim FOR EACH ROW
  WHEN (NEW.kind = 0 AND NEW.status = 1 AND NEW.override_id IS NULL) EXECUTE FUNCTION claim_by_need();

-- Requests are of a service and not of an office: the role is given for the whole city.
INSERT INTO role (name, permissions) VALUES ('allocation', ARRAY['allocation.check', 'allocation.run', 'person.read']);

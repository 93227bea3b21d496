-- The case. Its time lies in claim, its person in person, its money in payment (by reference): each is erased or kept by its own law.
CREATE TABLE appointment (
  id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  number           text NOT NULL CONSTRAINT appointment_number_once UNIQUE,      -- what a citizen reads out: "K7F-3QM"; authorises nothing
  office_id        int NOT NULL REFERENCES office,
  service_id       int NOT NULL REFERENCES service,
  channel          text NOT NULL CONSTRAINT appointment_channel CHECK (channel IN ('onsite', 'video', 'phone')),
  language         text NOT NULL,
  status           text NOT NULL DEFAULT 'held'
                   CONSTRAINT appointment_status CHECK (status IN ('held', 'expiring', 'confirmed', 'expired', 'cancelled', 'finished', 'no_show')),
  fee_id           int REFERENCES fee,                                           -- the version valid at the hold
  fee_cents        int NOT NULL CONSTRAINT appointment_fee CHECK (fee_cents >= 0),
  refund_policy_id int NOT NULL REFERENCES refund_policy,                        -- the version valid at booking
  token_sha256     bytea NOT NULL CONSTRAINT appointment_token_is_sha256 CHECK (length(token_sha256) = 32),
  token_sealed     bytea NOT NULL,                                               -- the same token, so that later mails can carry the link
  sequence         int NOT NULL DEFAULT 0,                                       -- RFC 5545 SEQUENCE, +1 on every change of time, place or status
  fence_tried_at   timestamptz,                                                  -- when expiry last visited the case: least recently first
  created_at       timestamptz NOT NULL,
  xid              bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  CONSTRAINT appointment_token_once UNIQUE (token_sha256)
);
CREATE INDEX appointment_feed ON appointment (xid);
ALTER TABLE claim ADD CONSTRAINT claim_of_appointment FOREIGN KEY (appointment_id) REFERENCES appointment;

-- Who comes. Sealed field by field (AES-256-GCM, key outside the database); looked up by HMAC only.
CREATE TABLE person (
  appointment_id uuid PRIMARY KEY REFERENCES appointment,
  name           bytea NOT NULL,
  email          bytea,
  mobile         bytea,
  postal_address bytea,
  needs          bytea,
  email_hmac     bytea,
  mobile_hmac    bytea,
  CONSTRAINT person_one_contact CHECK (num_nonnulls(email, mobile, postal_address) >= 1)
);
CREATE INDEX person_email ON person (email_hmac) WHERE email_hmac IS NOT NULL;
CREATE INDEX person_mobile ON person (mobile_hmac) WHERE mobile_hmac IS NOT NULL;

CREATE TABLE appointment_history (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  appointment_id uuid NOT NULL REFERENCES appointment,
  status         text NOT NULL,
  at             timestamptz NOT NULL DEFAULT now()
);
CREATE FUNCTION appointment_touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.xid := pg_current_xact_id()::text::bigint; RETURN NEW; END $$;
CREATE TRIGGER appointment_touch BEFORE UPDATE ON appointment FOR EACH ROW EXECUTE FUNCTION appointment_touch();
CREATE FUNCTION appointment_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
    INSERT INTO appointment_history (appointment_id, status) VALUES (NEW.id, NEW.status); END IF;
  RETURN NULL; END $$;
CREATE TRIGGER appointment_log AFTER INSERT OR UPDATE ON appointment FOR EACH ROW EXECUTE FUNCTION appointment_log();

-- At commit a living case has living time of the same status, and a dead one has none. A claim that changes its case concerns both.
CREATE FUNCTION appointment_has_time() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE a appointment; idents uuid[]; live int; fitting int; BEGIN
  IF TG_TABLE_NAME = 'appointment' THEN idents := ARRAY[NEW.id];   -- not CASE: all arms would be looked up
  ELSIF TG_OP = 'INSERT' THEN idents := ARRAY[NEW.appointment_id];
  ELSE idents := ARRAY[OLD.appointment_id, NEW.appointment_id]; END IF;
  FOR a IN SELECT * FROM appointment WHERE id = ANY (idents) LOOP
    SELECT count(*) FILTER (WHERE status < 8),
           count(*) FILTER (WHERE status = CASE a.status WHEN 'held' THEN 1 WHEN 'expiring' THEN 3 ELSE 2 END)
      INTO live, fitting FROM claim WHERE appointment_id = a.id;
    IF (a.status IN ('expired', 'cancelled') AND live > 0)
       OR (a.status IN ('held', 'expiring', 'confirmed', 'finished', 'no_show') AND (fitting = 0 OR live <> fitting)) THEN
      RAISE EXCEPTION 'appointment % is % with % live claims', a.id, a.status, live
        USING ERRCODE = '23514', CONSTRAINT = 'appointment_has_time'; END IF;
  END LOOP;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER appointment_has_time AFTER INSERT OR UPDATE ON appointment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION appointment_has_time();
CREATE CONSTRAINT TRIGGER claim_made_for_case AFTER INSERT ON claim DEFERRABLE INITIALLY DEFERRED   -- two, as WHEN knows no OLD at INSERT
  FOR EACH ROW WHEN (NEW.appointment_id IS NOT NULL) EXECUTE FUNCTION appointment_has_time();
CREATE CONSTRAINT TRIGGER claim_has_case AFTER UPDATE ON claim DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.appointment_id IS NOT NULL OR NEW.appointment_id IS NOT NULL) EXECUTE FUNCTION appointment_has_time();

-- Closing a counter or an office with people in it: who was affected, the times kept for each, and what became of it (docs/adr/0032).
CREATE TABLE closing (
  id           uuid PRIMARY KEY,
  office_id    int NOT NULL REFERENCES office,
  counter_id   int,                              -- null: the whole office
  counters     int[] NOT NULL,                   -- all that were closed by it
  during       tstzrange NOT NULL CONSTRAINT closing_some_time CHECK (lower(during) < upper(during) AND isfinite(lower(during)) AND isfinite(upper(during))),
  reason       text NOT NULL CONSTRAINT closing_reason CHECK (length(btrim(reason)) > 0),
  if_silent    text NOT NULL CONSTRAINT closing_if_silent CHECK (if_silent IN ('telephone', 'cancel')),
  answer_hours int NOT NULL CONSTRAINT closing_answer_hours CHECK (answer_hours BETWEEN 1 AND 336),
  override_id  bigint NOT NULL CONSTRAINT closing_override_once UNIQUE REFERENCES override,
  made_by      int NOT NULL REFERENCES account,
  made_at      timestamptz NOT NULL,
  CONSTRAINT closing_counter_in_office FOREIGN KEY (counter_id, office_id) REFERENCES counter (id, office_id)
);
CREATE INDEX closing_office ON closing (office_id, made_at DESC);
CREATE TRIGGER closing_append_only BEFORE UPDATE OR DELETE ON closing FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE rebooking (                         -- of one case, until it has left its closed time
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  closing_id     uuid NOT NULL REFERENCES closing,
  appointment_id uuid NOT NULL REFERENCES appointment,
  claim_id       bigint NOT NULL CONSTRAINT rebooking_claim_once UNIQUE REFERENCES claim,   -- the time that is closed
  status         text NOT NULL DEFAULT 'due' CONSTRAINT rebooking_status CHECK (status IN
                 ('due', 'offered', 'declined', 'silent', 'telephone', 'shifted', 'accepted', 'moved', 'cancelled', 'came')),
  because        text CONSTRAINT rebooking_because CHECK (because IN ('unreachable', 'too_near', 'nothing_free', 'special')),
  answer_until   timestamptz,
  tried_at       timestamptz,                    -- when it was worked on last: least recently first
  CONSTRAINT rebooking_offered_ends CHECK (status <> 'offered' OR answer_until IS NOT NULL),
  CONSTRAINT rebooking_telephone_because CHECK ((status = 'telephone') <= (because IS NOT NULL))
);
CREATE UNIQUE INDEX rebooking_one_open ON rebooking (appointment_id) WHERE status IN ('due', 'offered', 'declined', 'silent', 'telephone');
CREATE INDEX rebooking_closing ON rebooking (closing_id);
CREATE INDEX rebooking_work ON rebooking (status) WHERE status IN ('due', 'offered');

CREATE TABLE rebooking_offer (                   -- a hold that only this case can take, until the answer is due
  hold_id      uuid PRIMARY KEY REFERENCES claim (request_key),
  rebooking_id uuid NOT NULL REFERENCES rebooking,
  n            smallint NOT NULL CONSTRAINT rebooking_offer_three CHECK (n BETWEEN 1 AND 3),
  is_last      boolean NOT NULL DEFAULT true     -- of the offer made last
);
CREATE UNIQUE INDEX rebooking_offer_place ON rebooking_offer (rebooking_id, n) WHERE is_last;

CREATE FUNCTION rebooking_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a rebooking is never deleted' USING ERRCODE = '42501', CONSTRAINT = 'rebooking_never_deleted';
  ELSIF (NEW.id, NEW.closing_id, NEW.appointment_id, NEW.claim_id) IS DISTINCT FROM (OLD.id, OLD.closing_id, OLD.appointment_id, OLD.claim_id) THEN
    RAISE EXCEPTION 'whose rebooking it is stays' USING ERRCODE = '42501', CONSTRAINT = 'rebooking_stays';
  ELSIF NEW.status <> OLD.status AND NOT (CASE OLD.status
      WHEN 'due'     THEN NEW.status IN ('offered', 'telephone', 'shifted', 'moved', 'cancelled', 'came')
      WHEN 'offered' THEN NEW.status IN ('due', 'declined', 'silent', 'accepted', 'moved', 'cancelled', 'came')
      WHEN 'declined'  THEN NEW.status IN ('moved', 'cancelled', 'came')
      WHEN 'silent'    THEN NEW.status IN ('moved', 'cancelled', 'came')
      WHEN 'telephone' THEN NEW.status IN ('moved', 'cancelled', 'came')
      ELSE false END) THEN
    RAISE EXCEPTION 'rebooking % does not become % from %', OLD.id, NEW.status, OLD.status
      USING ERRCODE = '42501', CONSTRAINT = 'rebooking_transition';
  END IF;
  RETURN NEW; END $$;
CREATE TRIGGER rebooking_guard BEFORE UPDATE OR DELETE ON rebooking FOR EACH ROW EXECUTE FUNCTION rebooking_guard();

-- Whatever ends an offer, the times that were not taken are free with the same commit.
CREATE FUNCTION rebooking_frees() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE claim SET status = 9, hold_until = NULL
   WHERE status = 1 AND appointment_id IS NULL AND request_key IN (SELECT hold_id FROM rebooking_offer WHERE rebooking_id = NEW.id);
  RETURN NULL; END $$;
CREATE TRIGGER rebooking_frees AFTER UPDATE OF status ON rebooking FOR EACH ROW
  WHEN (OLD.status = 'offered' AND NEW.status <> 'offered') EXECUTE FUNCTION rebooking_frees();

-- A case that leaves its closed time has settled its rebooking, whoever moved or cancelled it and by whatever way.
CREATE FUNCTION rebooking_follows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE rebooking r SET status = CASE
      WHEN NEW.status <> 10 THEN 'cancelled'
      WHEN r.status = 'offered' AND EXISTS (SELECT FROM rebooking_offer o JOIN claim c ON c.request_key = o.hold_id
             WHERE o.rebooking_id = r.id AND c.appointment_id = r.appointment_id) THEN 'accepted'
      ELSE 'moved' END
   WHERE r.claim_id = NEW.id AND r.status IN ('due', 'offered', 'declined', 'silent', 'telephone');
  RETURN NULL; END $$;
CREATE TRIGGER rebooking_follows AFTER UPDATE OF status ON claim FOR EACH ROW
  WHEN (OLD.status = 2 AND NEW.status >= 8) EXECUTE FUNCTION rebooking_follows();

-- Who was booking while it was closed, and has paid since, is affected as well. What staff book into it afterwards is not.
CREATE FUNCTION rebooking_begins() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO rebooking (closing_id, appointment_id, claim_id)
  SELECT c.id, NEW.appointment_id, NEW.id FROM closing c
   WHERE c.during && tstzrange(NEW.starts_at, NEW.ends_at) AND NEW.counter_id = ANY (c.counters) AND NEW.created_at <= c.made_at
   ORDER BY c.made_at LIMIT 1
  ON CONFLICT DO NOTHING;
  RETURN NULL; END $$;
CREATE TRIGGER rebooking_begins AFTER UPDATE OF status ON claim FOR EACH ROW
  WHEN (OLD.status IN (1, 3) AND NEW.status = 2 AND NEW.override_id IS NOT NULL) EXECUTE FUNCTION rebooking_begins();

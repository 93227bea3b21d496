-- The earlier-time list: who would rather come earlier than they are booked, and freed time that is offered to them one by one before it is
-- everybody's again (docs/adr/0030). Code before this migration frees time as ever; what is kept for the list is a hold to it.

CREATE TABLE waitlist_wish (                     -- on the list while the row is there; it goes with its person
  appointment_id uuid PRIMARY KEY CONSTRAINT waitlist_wish_of_person REFERENCES person ON DELETE CASCADE,
  offices        int[] NOT NULL DEFAULT '{}',    -- none: any
  windows        jsonb NOT NULL DEFAULT '[]',    -- none: any time
  contact_hmac   bytea NOT NULL CONSTRAINT waitlist_wish_contact_is_hmac CHECK (length(contact_hmac) = 32),
  made_at        timestamptz NOT NULL            -- the rank
);

CREATE TABLE waitlist_slot (                     -- freed time that is kept for the list: a hold that nobody has the token of
  hold_id uuid PRIMARY KEY REFERENCES claim (request_key),
  status  text NOT NULL DEFAULT 'kept'
          CONSTRAINT waitlist_slot_status CHECK (status IN ('kept', 'taken', 'returned', 'closed')),
  back_at timestamptz,                           -- nobody on the list takes it: from then on it is everybody's, drawn once
  CONSTRAINT waitlist_slot_returns CHECK ((status = 'returned') = (back_at IS NOT NULL))
);
CREATE INDEX waitlist_slot_kept ON waitlist_slot (hold_id) WHERE status = 'kept';
CREATE TRIGGER waitlist_slot_decided_once BEFORE UPDATE ON waitlist_slot FOR EACH ROW WHEN (OLD.status <> 'kept')
  EXECUTE FUNCTION refuse_by_rule('what became of a kept time is decided once');

CREATE TABLE waitlist_offer (
  id             uuid PRIMARY KEY,
  hold_id        uuid NOT NULL REFERENCES waitlist_slot,
  appointment_id uuid NOT NULL REFERENCES appointment,
  number         smallint NOT NULL CONSTRAINT waitlist_offer_at_most_ten CHECK (number BETWEEN 1 AND 10),
  contact_hmac   bytea,                          -- whose it is; gone with the answer
  status         text NOT NULL DEFAULT 'open'
                 CONSTRAINT waitlist_offer_status CHECK (status IN ('open', 'accepted', 'declined', 'lapsed')),
  made_at        timestamptz NOT NULL,
  answer_until   timestamptz NOT NULL,
  CONSTRAINT waitlist_offer_at_most_a_day CHECK (answer_until > made_at AND answer_until <= made_at + interval '24 hours'),
  CONSTRAINT waitlist_offer_contact CHECK ((status = 'open') = (contact_hmac IS NOT NULL)),
  CONSTRAINT waitlist_offer_numbered UNIQUE (appointment_id, number),
  CONSTRAINT waitlist_offer_once UNIQUE (hold_id, appointment_id)
);
CREATE UNIQUE INDEX waitlist_offer_one_per_slot   ON waitlist_offer (hold_id)        WHERE status = 'open';
CREATE UNIQUE INDEX waitlist_offer_one_per_case   ON waitlist_offer (appointment_id) WHERE status = 'open';
CREATE UNIQUE INDEX waitlist_offer_one_per_person ON waitlist_offer (contact_hmac)   WHERE status = 'open';
CREATE TRIGGER waitlist_offer_answered_once BEFORE UPDATE ON waitlist_offer FOR EACH ROW WHEN (OLD.status <> 'open')
  EXECUTE FUNCTION refuse_by_rule('an offer is answered once');
CREATE TRIGGER waitlist_offer_terms_fixed BEFORE UPDATE ON waitlist_offer FOR EACH ROW
  WHEN ((OLD.hold_id, OLD.appointment_id, OLD.number, OLD.made_at, OLD.answer_until)
        IS DISTINCT FROM (NEW.hold_id, NEW.appointment_id, NEW.number, NEW.made_at, NEW.answer_until))
  EXECUTE FUNCTION refuse_by_rule('what was offered to whom, and until when, never changes');

-- At commit an open offer's time is kept, and an accepted one's is the case's.
CREATE FUNCTION waitlist_offer_has_time() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE o waitlist_offer; c claim; BEGIN
  SELECT * INTO o FROM waitlist_offer WHERE id = NEW.id;
  SELECT * INTO c FROM claim WHERE request_key = o.hold_id;
  IF o.status = 'open' AND (c.status <> 1 OR c.appointment_id IS NOT NULL)
     OR o.status = 'accepted' AND c.appointment_id IS DISTINCT FROM o.appointment_id THEN
    RAISE EXCEPTION 'offer % is % and its time is not', o.id, o.status
      USING ERRCODE = '23514', CONSTRAINT = 'waitlist_offer_has_time'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER waitlist_offer_has_time AFTER INSERT OR UPDATE ON waitlist_offer DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status IN ('open', 'accepted')) EXECUTE FUNCTION waitlist_offer_has_time();

-- Kept time becomes a case's only by an accepted offer.
CREATE FUNCTION waitlist_taken_by_offer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM waitlist_slot WHERE hold_id = NEW.request_key)
     AND NOT EXISTS (SELECT FROM waitlist_offer WHERE hold_id = NEW.request_key AND appointment_id = NEW.appointment_id
                        AND status = 'accepted') THEN
    RAISE EXCEPTION 'hold % is kept for the earlier-time list', NEW.request_key
      USING ERRCODE = '23514', CONSTRAINT = 'waitlist_taken_by_offer'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER waitlist_taken_by_offer AFTER UPDATE OF appointment_id ON claim DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.appointment_id IS NULL AND NEW.appointment_id IS NOT NULL) EXECUTE FUNCTION waitlist_taken_by_offer();

-- A case's time that is freed while somebody waits for such a one is kept with the same commit, whatever freed it: the public never sees it
-- in between. Coarse on purpose: whom it suits is found out afterwards. Without anybody who decides it is free again when it begins.
CREATE FUNCTION claim_kept_for_waitlist() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE kept uuid := gen_random_uuid(); BEGIN
  IF NOT EXISTS (
    SELECT FROM waitlist_wish w JOIN appointment a ON a.id = w.appointment_id
      JOIN counter k ON k.id = NEW.counter_id JOIN counter_service s ON s.counter_id = k.id AND s.service_id = NEW.service_id
     WHERE a.service_id = NEW.service_id AND a.channel = k.channel AND a.status = 'confirmed' AND a.id <> NEW.appointment_id AND k.is_active
       AND (w.offices = '{}' OR coalesce(NEW.sold_by, NEW.office_id) = ANY (w.offices))
       AND (NEW.sold_by IS NULL
            OR EXISTS (SELECT FROM counter_office p WHERE p.counter_id = NEW.counter_id AND p.office_id = NEW.sold_by))
       AND EXISTS (SELECT FROM claim c WHERE c.appointment_id = a.id AND c.status = 2 AND c.starts_at > NEW.starts_at)) THEN
    RETURN NULL;
  END IF;
  INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, buffer_min, sold_by, status, hold_until, request_key)
  VALUES (NEW.office_id, NEW.counter_id, NEW.service_id, NEW.fee_id, NEW.starts_at, NEW.ends_at, NEW.buffer_min, NEW.sold_by,
          1, NEW.starts_at, kept) ON CONFLICT DO NOTHING;
  IF FOUND THEN INSERT INTO waitlist_slot (hold_id) VALUES (kept); END IF;     -- not of a service given out by need (claim_by_need)
  RETURN NULL; END $$;
CREATE TRIGGER claim_kept_for_waitlist AFTER UPDATE OF status ON claim FOR EACH ROW
  WHEN (OLD.status < 8 AND NEW.status >= 8 AND NEW.kind = 0 AND NEW.appointment_id IS NOT NULL AND NEW.override_id IS NULL
        AND NEW.kept IS NULL) EXECUTE FUNCTION claim_kept_for_waitlist();

-- Kept time that is freed before anybody took it (it begins, or the counter closes) is offered to nobody any more.
CREATE FUNCTION waitlist_slot_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE waitlist_slot SET status = 'closed' WHERE hold_id = NEW.request_key AND status = 'kept';
  UPDATE waitlist_offer SET status = 'lapsed', contact_hmac = NULL WHERE hold_id = NEW.request_key AND status = 'open';
  RETURN NULL; END $$;
CREATE TRIGGER waitlist_slot_gone AFTER UPDATE OF status ON claim FOR EACH ROW
  WHEN (OLD.status = 1 AND NEW.status >= 8 AND NEW.appointment_id IS NULL) EXECUTE FUNCTION waitlist_slot_gone();

-- Whoever closes a counter need not wait for the list.
CREATE FUNCTION waitlist_gives_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE claim SET status = 9, hold_until = NULL
   WHERE counter_id = NEW.counter_id AND status = 1 AND appointment_id IS NULL
     AND (occupied && tstzrange(NEW.starts_at, NEW.ends_at) OR extra && tstzrange(NEW.starts_at, NEW.ends_at))
     AND EXISTS (SELECT FROM waitlist_slot s WHERE s.hold_id = request_key);
  RETURN NEW; END $$;
CREATE TRIGGER waitlist_gives_way BEFORE INSERT ON claim FOR EACH ROW WHEN (NEW.kind BETWEEN 1 AND 4)
  EXECUTE FUNCTION waitlist_gives_way();

UPDATE role SET permissions = permissions || ARRAY['waitlist.read'] WHERE name IN ('supervisor', 'admin');

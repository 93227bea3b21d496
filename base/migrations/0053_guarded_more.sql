-- Guarded services, what was still open (docs/adr/0040): so many living appointments of one mailbox or telephone, the name fixed whatever part of
-- a visit is guarded, and a booked time that is freed goes back at a moment that nobody can tell, so that none is handed from one name to another.
ALTER TABLE guard ADD COLUMN per_contact int NOT NULL DEFAULT 5 CONSTRAINT guard_per_contact CHECK (per_contact BETWEEN 1 AND 1000);

-- The HMAC of the address without its plus part. Where there is no such part it is `email_hmac`, which rows of the former code have.
ALTER TABLE person ADD COLUMN mailbox_hmac bytea CONSTRAINT person_mailbox_is_hmac CHECK (length(mailbox_hmac) = 32);
CREATE INDEX person_mailbox ON person (mailbox_hmac) WHERE mailbox_hmac IS NOT NULL;

CREATE OR REPLACE FUNCTION person_name_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM appointment a JOIN claim c ON c.appointment_id = a.id JOIN guard g ON g.service_id IN (a.service_id, c.service_id)
              WHERE a.id = NEW.appointment_id AND a.status <> 'held') THEN
    RAISE EXCEPTION 'the name of appointment % is fixed', NEW.appointment_id USING ERRCODE = '42501', CONSTRAINT = TG_NAME; END IF;
  RETURN NEW; END $$;

-- As in 0032, and whoever waits or not, where the time was booked and its service is guarded: the worker then draws when it is everybody's again.
CREATE OR REPLACE FUNCTION claim_kept_for_waitlist() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept uuid := gen_random_uuid(); once timestamptz := NEW.ends_at; BEGIN
  IF NOT (OLD.status = 2 AND EXISTS (SELECT FROM guard g WHERE g.service_id = NEW.service_id)) AND NOT EXISTS (
    SELECT FROM waitlist_wish w JOIN appointment a ON a.id = w.appointment_id
      JOIN counter k ON k.id = NEW.counter_id JOIN counter_service s ON s.counter_id = k.id AND s.service_id = NEW.service_id
     WHERE a.service_id = NEW.service_id AND a.channel = k.channel AND a.status = 'confirmed' AND a.id <> NEW.appointment_id AND k.is_active
       AND (w.offices = '{}' OR coalesce(NEW.sold_by, NEW.office_id) = ANY (w.offices))
       AND (NEW.sold_by IS NULL
            OR EXISTS (SELECT FROM counter_office p WHERE p.counter_id = NEW.counter_id AND p.office_id = NEW.sold_by))
       AND EXISTS (SELECT FROM claim c WHERE c.appointment_id = a.id AND c.status = 2 AND c.starts_at > NEW.starts_at)) THEN
    RETURN NULL;
  END IF;
  IF NEW.quantity > 1 THEN
    SELECT NEW.starts_at + make_interval(mins => coalesce(r.duration_min, s.duration_min) + NEW.buffer_min) INTO once
      FROM service s LEFT JOIN service_office r ON r.service_id = s.id AND r.office_id = coalesce(NEW.sold_by, NEW.office_id)
     WHERE s.id = NEW.service_id;
  END IF;
  INSERT INTO claim (office_id, counter_id, service_id, fee_id, starts_at, ends_at, buffer_min, sold_by, status, hold_until, request_key)
  VALUES (NEW.office_id, NEW.counter_id, NEW.service_id, NEW.fee_id, NEW.starts_at, least(once, NEW.ends_at), NEW.buffer_min, NEW.sold_by,
          1, NEW.starts_at, kept) ON CONFLICT DO NOTHING;
  IF FOUND THEN INSERT INTO waitlist_slot (hold_id) VALUES (kept); END IF;     -- not of a service given out by need (claim_by_need)
  RETURN NULL; END $$;

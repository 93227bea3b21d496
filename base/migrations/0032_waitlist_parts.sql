-- The earlier-time list beside visits of several parts: each part that is freed is kept as the time of its service once; what a quantity
-- took beyond that is free at once, as everybody on the list comes for one thing.
CREATE OR REPLACE FUNCTION claim_kept_for_waitlist() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE kept uuid := gen_random_uuid(); once timestamptz := NEW.ends_at; BEGIN
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

-- Where nobody has ever waited, hours are written as fast as before the list.
CREATE OR REPLACE FUNCTION waitlist_gives_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM waitlist_slot) THEN RETURN NEW; END IF;
  UPDATE claim SET status = 9, hold_until = NULL
   WHERE counter_id = NEW.counter_id AND status = 1 AND appointment_id IS NULL
     AND (occupied && tstzrange(NEW.starts_at, NEW.ends_at) OR extra && tstzrange(NEW.starts_at, NEW.ends_at))
     AND EXISTS (SELECT FROM waitlist_slot s WHERE s.hold_id = request_key);
  RETURN NEW; END $$;

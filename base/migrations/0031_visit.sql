-- One visit, several parts (docs/adr/0031): a service more than once, and services one after the other. Each part is a claim of its own; the
-- first leads, and what becomes of it becomes of the others in the same statement, also where former code knows of the first one only.
ALTER TABLE service
  ADD COLUMN most        int NOT NULL DEFAULT 1 CONSTRAINT service_most CHECK (most BETWEEN 1 AND 20),   -- how often in one visit
  ADD COLUMN further_min int CONSTRAINT service_further CHECK (further_min BETWEEN 0 AND 480 AND further_min % 5 = 0),   -- null: as the first
  ADD COLUMN counted     jsonb NOT NULL DEFAULT '{}';  -- what is counted: {"de": "Fahrzeuge", "en": "Vehicles"}

ALTER TABLE claim
  ADD COLUMN quantity smallint NOT NULL DEFAULT 1,
  ADD COLUMN parts    smallint,                        -- of the first claim of a visit that has several: how many, itself included
  ADD COLUMN lead_id  bigint,                          -- of the others: the first
  ADD CONSTRAINT claim_quantity   CHECK (quantity > 0) NOT VALID,
  ADD CONSTRAINT claim_lead       FOREIGN KEY (lead_id) REFERENCES claim NOT VALID,
  ADD CONSTRAINT claim_leads_some CHECK (parts > 1) NOT VALID,
  ADD CONSTRAINT claim_leads_or_follows CHECK (num_nonnulls(parts, lead_id) < 2 AND (lead_id IS NULL OR kind = 0)) NOT VALID,
  -- Its first claim ends a hold: nobody who looks for what has run out finds the others by themselves.
  ADD CONSTRAINT claim_ends_with_its_lead CHECK (lead_id IS NULL OR request_key IS NULL
                                                                        AND coalesce(hold_until, 'infinity') = 'infinity') NOT VALID;
CREATE INDEX claim_of_lead ON claim (lead_id) WHERE lead_id IS NOT NULL;

CREATE FUNCTION claim_for_quantity() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE least_min int; at_most int; BEGIN
  SELECT coalesce(r.duration_min, s.duration_min) + (NEW.quantity - 1) * coalesce(s.further_min, r.duration_min, s.duration_min), s.most
    INTO least_min, at_most
    FROM service s LEFT JOIN service_office r ON r.service_id = s.id AND r.office_id = coalesce(NEW.sold_by, NEW.office_id)
   WHERE s.id = NEW.service_id;
  IF NEW.quantity > at_most THEN
    RAISE EXCEPTION 'at most % in one visit', at_most USING ERRCODE = '23514', CONSTRAINT = 'claim_quantity_most';
  ELSIF NEW.ends_at - NEW.starts_at - NEW.buffer_min * interval '1 minute' < make_interval(mins => least_min) THEN
    RAISE EXCEPTION '% need % minutes', NEW.quantity, least_min USING ERRCODE = '23514', CONSTRAINT = 'claim_time_for_quantity';
  END IF; RETURN NEW; END $$;
CREATE TRIGGER claim_for_quantity BEFORE INSERT ON claim FOR EACH ROW WHEN (NEW.quantity > 1) EXECUTE FUNCTION claim_for_quantity();

CREATE FUNCTION visit_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'what a visit is for is said when it is made' USING ERRCODE = '42501', CONSTRAINT = 'visit_stays'; END $$;
CREATE TRIGGER visit_stays BEFORE UPDATE OF quantity, parts, lead_id ON claim FOR EACH ROW EXECUTE FUNCTION visit_stays();

CREATE FUNCTION visit_follows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE claim SET status = NEW.status, appointment_id = NEW.appointment_id,
                   hold_until = CASE WHEN NEW.status IN (1, 3) THEN 'infinity'::timestamptz END
   WHERE lead_id = NEW.id AND (status, appointment_id) IS DISTINCT FROM (NEW.status, NEW.appointment_id);
  RETURN NULL; END $$;
CREATE TRIGGER visit_follows AFTER UPDATE OF status, appointment_id ON claim FOR EACH ROW WHEN (NEW.parts > 1) EXECUTE FUNCTION visit_follows();

-- At commit a visit is there as a whole, and one thing has become of all its parts.
CREATE FUNCTION visit_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE l claim; n int; BEGIN
  SELECT * INTO l FROM claim WHERE id = coalesce(NEW.lead_id, NEW.id);
  SELECT count(*) INTO n FROM claim WHERE lead_id = l.id AND status = l.status AND starts_at >= l.starts_at
     AND appointment_id IS NOT DISTINCT FROM l.appointment_id;
  IF n + 1 IS DISTINCT FROM l.parts OR n <> (SELECT count(*) FROM claim WHERE lead_id = l.id) THEN
    RAISE EXCEPTION 'visit % has % of % parts', l.id, n + 1, l.parts USING ERRCODE = '23514', CONSTRAINT = 'visit_is_whole';
  END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER visit_is_whole AFTER INSERT OR UPDATE OF status, appointment_id ON claim DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.parts IS NOT NULL OR NEW.lead_id IS NOT NULL) EXECUTE FUNCTION visit_is_whole();

-- Kept time (5, 6) gives way over exactly p_wanted; the caller has locked the counter. What it was, null: nothing was kept there.
CREATE FUNCTION kept_gives_way(p_office int, p_counter int, p_wanted tstzrange) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE b record; was smallint; BEGIN
  FOR b IN SELECT id, kind, starts_at, ends_at FROM claim WHERE counter_id = p_counter AND occupied && p_wanted AND kind IN (5, 6)
              AND block_class(kind, starts_at, ends_at) = kind ORDER BY starts_at LOOP
    UPDATE claim SET status = 11 WHERE id = b.id;
    INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
    SELECT p_office, p_counter, lower(rest), upper(rest), b.kind, 5
      FROM unnest(tstzmultirange(tstzrange(b.starts_at, b.ends_at)) - tstzmultirange(p_wanted)) AS rest;
    was := greatest(was, b.kind);
  END LOOP;
  RETURN was; END $$;

CREATE OR REPLACE FUNCTION hold_kept(p_now timestamptz, p_until timestamptz, p_request uuid, p_service int, p_fee int, p_counter int,
                                     p_start timestamptz, p_end timestamptz, p_buffer smallint, p_office int) RETURNS bigint
LANGUAGE plpgsql SET schalter.hours = 'on' AS $$
DECLARE off int; was smallint; made bigint; BEGIN
  SELECT office_id INTO STRICT off FROM counter WHERE id = p_counter FOR NO KEY UPDATE;
  IF p_start <= p_now THEN RETURN NULL; END IF;
  BEGIN
    was := kept_gives_way(off, p_counter, tstzrange(p_start, p_end));
    INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, status, hold_until, request_key, created_at,
                       buffer_min, sold_by, kept)
    VALUES (off, p_service, p_fee, p_counter, p_start, p_end, 1, p_until, p_request, p_now, p_buffer, nullif(p_office, off), was)
    ON CONFLICT DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN RAISE EXCEPTION USING ERRCODE = 'BK001'; END IF;      -- the blocks come back with the subtransaction
  EXCEPTION WHEN SQLSTATE 'BK001' THEN RETURN NULL; END;
  RETURN made; END $$;

-- A hold of several parts, in the order in which they come: all or none, in one insert. False: one of them was taken or closed, or this
-- request is repeated. For staff what is kept for them gives way. Written by (counter, start), as batches of single holds are.
CREATE FUNCTION hold_visit(p_now timestamptz, p_until timestamptz, p_request uuid, p_office int, p_for_staff boolean, p_service int[], p_fee int[],
                           p_quantity smallint[], p_counter int[], p_start timestamptz[], p_end timestamptz[], p_buffer smallint[]) RETURNS boolean
LANGUAGE plpgsql SET schalter.hours = 'on' AS $$
DECLARE wanted int := cardinality(p_counter); made int; was smallint[] := array_fill(NULL::smallint, ARRAY[wanted]);
  lead bigint := nextval(pg_get_serial_sequence('claim', 'id')); u record; BEGIN
  IF EXISTS (SELECT FROM unnest(p_start) AS s WHERE s <= p_now) THEN RETURN false; END IF;
  IF p_for_staff THEN PERFORM 1 FROM counter WHERE id = ANY (p_counter) ORDER BY id FOR NO KEY UPDATE; END IF;
  BEGIN
    IF p_for_staff THEN
      FOR u IN SELECT k.office_id, w.c, w.s, w.e, w.n FROM unnest(p_counter, p_start, p_end) WITH ORDINALITY w (c, s, e, n)
                 JOIN counter k ON k.id = w.c ORDER BY w.c, w.s LOOP
        was[u.n::int] := kept_gives_way(u.office_id, u.c, tstzrange(u.s, u.e));
      END LOOP;
    END IF;
    INSERT INTO claim (id, lead_id, parts, office_id, service_id, fee_id, quantity, counter_id, starts_at, ends_at, status, hold_until,
                       request_key, created_at, buffer_min, sold_by, kept) OVERRIDING SYSTEM VALUE
    SELECT CASE w.n WHEN 1 THEN lead ELSE nextval(pg_get_serial_sequence('claim', 'id')) END, CASE WHEN w.n > 1 THEN lead END,
           CASE WHEN w.n = 1 AND wanted > 1 THEN wanted END, k.office_id, w.v, w.f, w.q, w.c, w.s, w.e, 1,
           CASE w.n WHEN 1 THEN p_until ELSE 'infinity' END, CASE w.n WHEN 1 THEN p_request END, p_now, w.b, nullif(p_office, k.office_id), was[w.n::int]
      FROM unnest(p_service, p_fee, p_quantity, p_counter, p_start, p_end, p_buffer) WITH ORDINALITY w (v, f, q, c, s, e, b, n)
      JOIN counter k ON k.id = w.c ORDER BY w.c, w.s
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS made = ROW_COUNT;
    IF made < wanted THEN RAISE EXCEPTION USING ERRCODE = 'BK001'; END IF;
  EXCEPTION WHEN SQLSTATE 'BK001' THEN RETURN false; END;
  RETURN true; END $$;

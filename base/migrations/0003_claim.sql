-- Everything that takes a counter's time is a row of claim: holds, appointments, and closed time.
-- One exclusion constraint decides overbooking, booking outside hours and closing over an appointment alike (docs/adr/0003).

CREATE TABLE override (                          -- every departure from hours or from "one at a time" has a row here
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind    smallint NOT NULL CHECK (kind IN (1, 2, 3)),   -- 1 overbooked, 2 outside hours, 3 left inside a closure
  reason  text NOT NULL CONSTRAINT override_reason CHECK (length(btrim(reason)) > 0),
  by_user int NOT NULL REFERENCES account,
  at      timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER override_append_only BEFORE UPDATE OR DELETE ON override FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What was shown at the hold must be what is asked for later: a version's terms stand, only its last day may move.
CREATE TRIGGER fee_append_only BEFORE UPDATE OF service_id, amount_cents, currency, legal_basis OR DELETE ON fee
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE claim (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  office_id      int NOT NULL,
  counter_id     int NOT NULL,
  service_id     int REFERENCES service,
  fee_id         int REFERENCES fee,              -- the version valid at the hold, frozen with it; 0 cents is a version too
  starts_at      timestamptz NOT NULL,
  ends_at        timestamptz NOT NULL CONSTRAINT claim_forward CHECK (ends_at > starts_at),
  kind           smallint NOT NULL DEFAULT 0,    -- 0 appointment; closed time: 1 outside hours, 2 break, 3 closure, 4 absence, 5 not yet released
  status         smallint NOT NULL DEFAULT 1     -- 1 held 2 booked 3 expiring 5 closed | free: 8 expired 9 cancelled 10 moved 11 lifted
                 CONSTRAINT claim_status CHECK (status IN (1, 2, 3, 5, 8, 9, 10, 11)),
  override_id    bigint REFERENCES override,
  hold_until     timestamptz,
  request_key    uuid,                           -- the hold's id: derived from the client's key, so that a repeated request finds its own row
  appointment_id uuid,                           -- null until the contact step
  created_at     timestamptz NOT NULL DEFAULT now(),
  xid            bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  occupied tstzrange GENERATED ALWAYS AS (CASE WHEN status < 8 AND override_id IS NULL     THEN tstzrange(starts_at, ends_at) END) STORED,
  extra    tstzrange GENERATED ALWAYS AS (CASE WHEN status < 8 AND override_id IS NOT NULL THEN tstzrange(starts_at, ends_at) END) STORED,
  CONSTRAINT claim_counter_in_office FOREIGN KEY (counter_id, office_id) REFERENCES counter (id, office_id),
  CONSTRAINT claim_closed_is_closed   CHECK ((kind > 0) = (status IN (5, 11))),
  CONSTRAINT claim_closed_no_override CHECK (kind = 0 OR override_id IS NULL),
  CONSTRAINT claim_has_service        CHECK (kind > 0 OR service_id IS NOT NULL),
  CONSTRAINT claim_has_fee            CHECK (kind > 0 OR override_id IS NOT NULL OR fee_id IS NOT NULL),
  CONSTRAINT claim_finite             CHECK (kind > 0 OR (isfinite(starts_at) AND isfinite(ends_at))),
  CONSTRAINT claim_held_ends          CHECK (kind > 0 OR status NOT IN (1, 3) OR hold_until IS NOT NULL),
  CONSTRAINT claim_booked_is_a_case   CHECK (kind > 0 OR status <> 2 OR appointment_id IS NOT NULL OR override_id IS NOT NULL),
  CONSTRAINT claim_request_once       UNIQUE (request_key),
  CONSTRAINT claim_no_overlap       EXCLUDE USING gist (counter_id WITH =, occupied WITH &&) WHERE (occupied IS NOT NULL),
  CONSTRAINT claim_no_overlap_extra EXCLUDE USING gist (counter_id WITH =, override_id WITH =, extra WITH &&) WHERE (extra IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX claim_office ON claim (office_id, starts_at) INCLUDE (counter_id, ends_at) WHERE kind = 0;
CREATE INDEX claim_due ON claim (hold_until) WHERE hold_until IS NOT NULL;
CREATE INDEX claim_feed ON claim (xid);
CREATE INDEX claim_appointment ON claim (appointment_id) WHERE appointment_id IS NOT NULL;

CREATE FUNCTION claim_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'claim rows are never deleted' USING ERRCODE = '42501', CONSTRAINT = 'claim_never_deleted';
  END IF;
  IF (CASE TG_OP WHEN 'UPDATE' THEN OLD.kind > 0 OR NEW.kind > 0 ELSE NEW.kind > 0 END)
     AND current_setting('schalter.hours', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION 'closed time changes only through set_open()' USING ERRCODE = '42501', CONSTRAINT = 'claim_closed_only_by_set_open';
  END IF;
  IF TG_OP = 'UPDATE' THEN NEW.xid := pg_current_xact_id()::text::bigint; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER claim_guard BEFORE UPDATE OR DELETE ON claim FOR EACH ROW EXECUTE FUNCTION claim_guard();
CREATE TRIGGER claim_guard_closed BEFORE INSERT ON claim FOR EACH ROW WHEN (NEW.kind > 0) EXECUTE FUNCTION claim_guard();

CREATE FUNCTION counter_born() RETURNS trigger LANGUAGE plpgsql SET schalter.hours = 'on' AS $$ BEGIN   -- closed for ever until opened
  INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
  VALUES (NEW.office_id, NEW.id, '-infinity', 'infinity', 5, 5);
  RETURN NULL; END $$;
CREATE TRIGGER counter_born AFTER INSERT ON counter FOR EACH ROW EXECUTE FUNCTION counter_born();

-- Hold: the caller sorts by (counter, start), one candidate each. A row comes back for every success; what is missing was taken or
-- closed, or is this request repeated: look up request_key before a missing row means "taken".
CREATE FUNCTION hold_set(p_now timestamptz, p_until timestamptz, p_request uuid[], p_service int[], p_fee int[], p_counter int[], p_start timestamptz[], p_end timestamptz[])
RETURNS TABLE (o_id bigint, o_request uuid) LANGUAGE sql AS $$
  INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, status, hold_until, request_key, created_at)
  SELECT k.office_id, u.v, u.f, k.id, u.s, u.e, 1, p_until, u.r, p_now
    FROM unnest(p_request, p_service, p_fee, p_counter, p_start, p_end) WITH ORDINALITY u (r, v, f, c, s, e, n) JOIN counter k ON k.id = u.c
   WHERE u.s > p_now ORDER BY u.n
  ON CONFLICT DO NOTHING RETURNING id, request_key $$;

-- Make one counter open in exactly p_open inside p_win. Refused by claim_no_overlap while an appointment lies in time to be closed.
-- Returns how many rows of closed time were lifted or made: 0 means that it was so already.
CREATE FUNCTION set_open(p_counter int, p_win tstzrange, p_open tstzmultirange, p_kind smallint DEFAULT 1) RETURNS int
LANGUAGE plpgsql SET schalter.hours = 'on' AS $$
DECLARE want tstzmultirange; old tstzmultirange; off int; n int; lifted int; BEGIN
  SELECT office_id INTO STRICT off FROM counter WHERE id = p_counter FOR NO KEY UPDATE;         -- one writer of hours per counter
  SELECT coalesce(range_agg(occupied), '{}') INTO old FROM claim
   WHERE counter_id = p_counter AND kind > 0 AND (occupied && p_win OR occupied -|- p_win);
  want := old - tstzmultirange(p_win) + (tstzmultirange(p_win) - p_open);
  UPDATE claim SET status = 11 WHERE counter_id = p_counter AND kind > 0 AND (occupied && p_win OR occupied -|- p_win)
     AND NOT (occupied = ANY (ARRAY(SELECT unnest(want))));
  GET DIAGNOSTICS lifted = ROW_COUNT;
  INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
  SELECT off, p_counter, coalesce(lower(w), '-infinity'), coalesce(upper(w), 'infinity'), p_kind, 5 FROM unnest(want) w
   WHERE NOT EXISTS (SELECT 1 FROM claim b WHERE b.counter_id = p_counter AND b.kind > 0 AND b.occupied = w) ORDER BY lower(w);
  GET DIAGNOSTICS n = ROW_COUNT; RETURN lifted + n; END $$;

-- What stands in the way of a closure.
CREATE FUNCTION affected(p_counter int[], p_win tstzrange)
RETURNS TABLE (o_id bigint, o_counter int, o_start timestamptz, o_end timestamptz, o_status smallint) LANGUAGE sql STABLE AS $$
  SELECT id, counter_id, starts_at, ends_at, status FROM claim
   WHERE counter_id = ANY (p_counter) AND kind = 0 AND (occupied && p_win OR extra && p_win) ORDER BY starts_at, counter_id $$;

-- Close now although appointments are inside: they go to the override lane (logged); new holds are refused from this commit on.
CREATE FUNCTION close_leaving(p_counter int[], p_win tstzrange, p_reason text, p_user int, OUT o_override bigint, OUT o_left int)
LANGUAGE plpgsql AS $$
DECLARE k int; BEGIN
  PERFORM 1 FROM counter WHERE id = ANY (p_counter) ORDER BY id FOR NO KEY UPDATE;
  INSERT INTO override (kind, reason, by_user) VALUES (3, p_reason, p_user) RETURNING id INTO o_override;
  UPDATE claim SET override_id = o_override WHERE counter_id = ANY (p_counter) AND kind = 0 AND occupied && p_win;
  GET DIAGNOSTICS o_left = ROW_COUNT;
  FOR k IN SELECT unnest(p_counter) ORDER BY 1 LOOP PERFORM set_open(k, p_win, '{}', 3::smallint); END LOOP; END $$;

-- Audit, independent of the constraints: must be empty.
CREATE VIEW claim_audit AS
  SELECT a.id, b.id AS other, CASE WHEN b.kind > 0 THEN 'inside closed time' ELSE 'overlap' END AS fault
    FROM claim a JOIN claim b ON b.counter_id = a.counter_id AND b.id <> a.id AND (b.kind > 0 OR b.id > a.id)
     AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
   WHERE a.kind = 0 AND a.status < 8 AND b.status < 8 AND a.override_id IS NULL AND b.override_id IS NULL;

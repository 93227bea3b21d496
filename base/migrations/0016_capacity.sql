-- Hours as series, rules per service and office, shares and staged release as closed time of its own kind, pools, and a history of
-- who changed hours (docs/adr/0020). Code before this migration runs beside it: it writes plain weekly series and calls set_open().

ALTER TABLE opening_hours
  ADD COLUMN every_weeks   int NOT NULL DEFAULT 1 CONSTRAINT opening_hours_every CHECK (every_weeks BETWEEN 1 AND 52),
  ADD COLUMN week_of_month int CONSTRAINT opening_hours_week_of_month CHECK (week_of_month BETWEEN 1 AND 5 OR week_of_month = -1),   -- -1: the last
  ADD COLUMN kind          text NOT NULL DEFAULT 'open' CONSTRAINT opening_hours_kind CHECK (kind IN ('open', 'break')),
  ADD CONSTRAINT opening_hours_anchored   CHECK (every_weeks = 1 OR NOT lower_inf(valid)),      -- weeks are counted from the first day's
  ADD CONSTRAINT opening_hours_one_rhythm CHECK (every_weeks = 1 OR week_of_month IS NULL),
  ADD CONSTRAINT opening_hours_some_day   CHECK (NOT isempty(valid)),
  -- Two plain weekly series; what other rhythms meet is found by booking.catalogue.series.
  ADD CONSTRAINT opening_hours_apart EXCLUDE USING gist (counter_id WITH =, weekday WITH =, valid WITH &&,
    tsrange(date '2000-01-01' + opens, date '2000-01-01' + closes) WITH &&)
    WHERE (every_weeks = 1 AND week_of_month IS NULL AND kind = 'open');

-- Replaces the series on a day, breaks and public holiday included; a counter's own replaces its office's. Closures close over it.
CREATE TABLE hours_exception (
  id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  office_id  int REFERENCES office,
  counter_id int REFERENCES counter,
  day        date NOT NULL,
  opens      time,                               -- both null: closed on that day
  closes     time,
  reason     text NOT NULL CONSTRAINT hours_exception_reason CHECK (length(btrim(reason)) > 0),
  CONSTRAINT hours_exception_one_place CHECK (num_nonnulls(office_id, counter_id) = 1),
  CONSTRAINT hours_exception_forward   CHECK ((opens IS NULL) = (closes IS NULL) AND closes > opens),
  CONSTRAINT hours_exception_apart EXCLUDE USING gist (coalesce(office_id, 0) WITH =, coalesce(counter_id, 0) WITH =, day WITH =,
    tsrange(date '2000-01-01' + coalesce(opens, '00:00'), date '2000-01-01' + coalesce(closes, '24:00')) WITH &&)
);

ALTER TABLE closure ADD CONSTRAINT closure_some_time CHECK (NOT isempty(during)) NOT VALID;

-- [{"percent": 50, "days_before": 14, "at": "08:00", "jitter_min": 30}, ...]: which part of the public share is released when.
CREATE FUNCTION is_release_plan(plan jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_typeof(plan) = 'array' AND (
    SELECT coalesce(sum((part ->> 'percent')::int) = 100
           AND bool_and(coalesce((part ->> 'percent')::int BETWEEN 1 AND 100 AND (part ->> 'days_before')::int BETWEEN 0 AND 365
             AND (part ->> 'jitter_min')::int BETWEEN 0 AND 1440 AND part ->> 'at' ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$', false)), false)
      FROM jsonb_array_elements(CASE jsonb_typeof(plan) WHEN 'array' THEN plan ELSE '[]' END) AS part) $$;

-- What an office does differently with a service; null: as the service or the city says.
CREATE TABLE service_office (
  service_id      int NOT NULL REFERENCES service,
  office_id       int NOT NULL REFERENCES office,
  duration_min    int CONSTRAINT service_office_duration CHECK (duration_min BETWEEN 5 AND 480 AND duration_min % 5 = 0),
  buffer_min      int CONSTRAINT service_office_buffer   CHECK (buffer_min BETWEEN 0 AND 240 AND buffer_min % 5 = 0),
  lead_min        int CONSTRAINT service_office_lead     CHECK (lead_min BETWEEN 0 AND 86400),
  horizon_days    int CONSTRAINT service_office_horizon  CHECK (horizon_days BETWEEN 1 AND 366),
  channels        text[] CONSTRAINT service_office_channels CHECK (channels <@ ARRAY['onsite', 'video', 'phone'] AND channels <> '{}'),
  public_percent  int,
  staff_percent   int,
  walk_in_percent int,
  release_plan    jsonb CONSTRAINT service_office_release CHECK (release_plan IS NULL OR is_release_plan(release_plan)),
  PRIMARY KEY (service_id, office_id),
  CONSTRAINT service_office_shares CHECK (num_nonnulls(public_percent, staff_percent, walk_in_percent) = 0
    OR (num_nonnulls(public_percent, staff_percent, walk_in_percent) = 3 AND public_percent >= 0 AND staff_percent >= 0
        AND walk_in_percent >= 0 AND public_percent + staff_percent + walk_in_percent = 100))
);

-- Offices that also sell this counter's time. The claim belongs to the counter's own office, the case to the one that was chosen.
CREATE TABLE counter_office (
  counter_id int NOT NULL REFERENCES counter,
  office_id  int NOT NULL REFERENCES office,
  PRIMARY KEY (counter_id, office_id)
);

ALTER TABLE claim
  ADD COLUMN buffer_min smallint NOT NULL DEFAULT 0,   -- at the end of its time; people are shown the end without it
  ADD COLUMN kept       smallint,                      -- closed time that staff took it out of: 5 or 6, which it goes back to
  ADD COLUMN sold_by    int REFERENCES office,         -- the office that was chosen, where that is not the counter's own
  ADD CONSTRAINT claim_kind CHECK (kind BETWEEN 0 AND 7) NOT VALID,   -- 5 not yet released, 6 kept for staff, 7 kept for walk-ins
  ADD CONSTRAINT claim_kept CHECK (kept IS NULL OR (kept IN (5, 6) AND kind = 0)) NOT VALID,
  ADD CONSTRAINT claim_kept_is_finite CHECK (kind NOT IN (6, 7) OR (isfinite(starts_at) AND isfinite(ends_at))) NOT VALID,
  ADD CONSTRAINT claim_time_beyond_buffer CHECK (buffer_min = 0 OR (kind = 0 AND buffer_min > 0
    AND ends_at - starts_at > buffer_min * interval '1 minute')) NOT VALID;
CREATE FUNCTION claim_sold_by_a_pool() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN   -- when it is made; a pool may end later
  IF NOT EXISTS (SELECT FROM counter_office WHERE counter_id = NEW.counter_id AND office_id = NEW.sold_by) THEN
    RAISE EXCEPTION 'this office does not sell the counter''s time' USING ERRCODE = '23514', CONSTRAINT = 'claim_sold_by_a_pool';
  END IF; RETURN NEW; END $$;
CREATE TRIGGER claim_sold_by_a_pool BEFORE INSERT OR UPDATE OF sold_by ON claim FOR EACH ROW WHEN (NEW.sold_by IS NOT NULL)
  EXECUTE FUNCTION claim_sold_by_a_pool();
COMMENT ON COLUMN claim.kind IS '0 appointment; closed: 1 outside hours, 2 break, 3 closure, 4 absence, 5 not yet released, 6 kept for staff, 7 kept for walk-ins';

-- When a counter's closed time has to be looked at again: the next release, or at once.
CREATE TABLE hours_due (
  counter_id int PRIMARY KEY REFERENCES counter,
  due_at     timestamptz NOT NULL
);
CREATE INDEX hours_due_due ON hours_due (due_at);

-- Who changed hours or rules, and what they were before: data, from which a sentence is made in the reader's language.
CREATE TABLE hours_change (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  office_id int NOT NULL REFERENCES office,
  by_user   int NOT NULL REFERENCES account,
  at        timestamptz NOT NULL,
  kind      text NOT NULL CONSTRAINT hours_change_kind CHECK (kind IN ('series', 'exception', 'closure', 'rule')),
  subject   jsonb NOT NULL,                      -- counters, a day, a service
  before    jsonb,
  after     jsonb,
  CONSTRAINT hours_change_is_one CHECK (before IS DISTINCT FROM after)
);
CREATE INDEX hours_change_office ON hours_change (office_id, id DESC);
CREATE TRIGGER hours_change_append_only BEFORE UPDATE OR DELETE ON hours_change FOR EACH ROW EXECUTE FUNCTION refuse_change();

UPDATE role SET permissions = permissions || ARRAY['hours.change'] WHERE name IN ('supervisor', 'admin');
UPDATE role SET permissions = permissions || ARRAY['hold.staff'] WHERE name IN ('clerk', 'supervisor');
UPDATE role SET permissions = permissions || ARRAY['hold.override'] WHERE name = 'supervisor';

CREATE OR REPLACE FUNCTION counter_born() RETURNS trigger LANGUAGE plpgsql SET schalter.hours = 'on' AS $$ BEGIN   -- closed for ever until opened
  INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
  VALUES (NEW.office_id, NEW.id, '-infinity', 'infinity', 1, 5);
  RETURN NULL; END $$;

-- Which blocks may grow together. Closed is closed, and its kind a hint; what is kept is kept for somebody. A block without an end is
-- never kept: a counter of before this migration was born with kind 5.
CREATE FUNCTION block_class(p_kind smallint, p_starts timestamptz, p_ends timestamptz) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p_kind >= 5 AND isfinite(p_starts) AND isfinite(p_ends) THEN p_kind ELSE 1::smallint END $$;

-- Inside p_win: open to everybody in p_open, kept in the others, closed in the rest. Refused by claim_no_overlap while an appointment lies in
-- time to be closed; kept time gives way to appointments that are there. Returns how many rows of closed time were lifted or made.
CREATE FUNCTION set_hours(p_counter int, p_win tstzrange, p_open tstzmultirange, p_staff tstzmultirange, p_walkin tstzmultirange,
                          p_unreleased tstzmultirange, p_kind smallint DEFAULT 1) RETURNS int
LANGUAGE plpgsql SET schalter.hours = 'on' AS $$
DECLARE win tstzmultirange := tstzmultirange(p_win); taken tstzmultirange; off int; n int; lifted int := 0; c smallint; gone tstzrange[];
  want tstzmultirange; old tstzmultirange; classes smallint[] := '{}'; spans tstzrange[] := '{}'; BEGIN
  SELECT office_id INTO STRICT off FROM counter WHERE id = p_counter FOR NO KEY UPDATE;         -- one writer of hours per counter
  IF (p_open * p_staff) + (p_open * p_walkin) + (p_open * p_unreleased) + (p_staff * p_walkin) + (p_staff * p_unreleased)
     + (p_walkin * p_unreleased) <> '{}' THEN
    RAISE EXCEPTION 'the parts of a counter''s time overlap' USING ERRCODE = '23514', CONSTRAINT = 'set_hours_parts_apart';
  END IF;
  SELECT coalesce(range_agg(occupied), '{}') INTO taken FROM claim WHERE counter_id = p_counter AND kind = 0 AND occupied && p_win;
  FOREACH c IN ARRAY ARRAY[1, 5, 6, 7]::smallint[] LOOP
    SELECT coalesce(range_agg(occupied), '{}') INTO old FROM claim
     WHERE counter_id = p_counter AND kind > 0 AND (occupied && p_win OR occupied -|- p_win) AND block_class(kind, starts_at, ends_at) = c;
    want := old - win + CASE c WHEN 1 THEN win - p_open - p_staff - p_walkin - p_unreleased
                               WHEN 5 THEN p_unreleased * win - taken WHEN 6 THEN p_staff * win - taken ELSE p_walkin * win - taken END;
    SELECT classes || coalesce(array_agg(c), '{}'), spans || coalesce(array_agg(w), '{}') INTO classes, spans FROM unnest(want) w;
  END LOOP;
  -- A counter has a thousand blocks where its time is shared out. Sets are compared by hash; a join would look at each pair.
  SELECT coalesce(array_agg(s), '{}') INTO gone FROM (
    SELECT block_class(kind, starts_at, ends_at), occupied AS s FROM claim
     WHERE counter_id = p_counter AND kind > 0 AND (occupied && p_win OR occupied -|- p_win)
    EXCEPT SELECT w.c, w.s FROM unnest(classes, spans) AS w (c, s)) AS g;
  SELECT coalesce(array_agg(m.c), '{}'), coalesce(array_agg(m.s), '{}') INTO classes, spans FROM (
    SELECT w.c, w.s FROM unnest(classes, spans) AS w (c, s)
    EXCEPT SELECT block_class(kind, starts_at, ends_at), occupied FROM claim
     WHERE counter_id = p_counter AND kind > 0 AND (occupied && p_win OR occupied -|- p_win)) AS m (c, s);
  IF gone <> '{}' THEN
    UPDATE claim SET status = 11 WHERE counter_id = p_counter AND kind > 0 AND (occupied && p_win OR occupied -|- p_win)
       AND occupied = ANY (gone);
    GET DIAGNOSTICS lifted = ROW_COUNT;
  END IF;
  INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
  SELECT off, p_counter, coalesce(lower(w.s), '-infinity'), coalesce(upper(w.s), 'infinity'), CASE w.c WHEN 1 THEN p_kind ELSE w.c END, 5
    FROM unnest(classes, spans) AS w (c, s) ORDER BY lower(w.s);
  GET DIAGNOSTICS n = ROW_COUNT; RETURN lifted + n; END $$;

-- As before, for former code and for closures: nothing is kept inside p_win, and what is kept beside it stays.
CREATE OR REPLACE FUNCTION set_open(p_counter int, p_win tstzrange, p_open tstzmultirange, p_kind smallint DEFAULT 1) RETURNS int
LANGUAGE sql AS $$ SELECT set_hours(p_counter, p_win, p_open, '{}', '{}', '{}', p_kind) $$;

-- The same as before, with the buffer and the office that was chosen.
CREATE FUNCTION hold_set(p_now timestamptz, p_until timestamptz, p_request uuid[], p_service int[], p_fee int[], p_counter int[],
                         p_start timestamptz[], p_end timestamptz[], p_buffer smallint[], p_office int[])
RETURNS TABLE (o_id bigint, o_request uuid) LANGUAGE sql AS $$
  INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, status, hold_until, request_key, created_at, buffer_min, sold_by)
  SELECT k.office_id, u.v, u.f, k.id, u.s, u.e, 1, p_until, u.r, p_now, u.b, nullif(u.o, k.office_id)
    FROM unnest(p_request, p_service, p_fee, p_counter, p_start, p_end, p_buffer, p_office) WITH ORDINALITY u (r, v, f, c, s, e, b, o, n)
    JOIN counter k ON k.id = u.c WHERE u.s > p_now ORDER BY u.n
  ON CONFLICT DO NOTHING RETURNING id, request_key $$;

-- A hold by staff: kept time (5, 6) gives way over exactly its time. Null: taken or closed for them too, or this request repeated.
CREATE FUNCTION hold_kept(p_now timestamptz, p_until timestamptz, p_request uuid, p_service int, p_fee int, p_counter int,
                          p_start timestamptz, p_end timestamptz, p_buffer smallint, p_office int) RETURNS bigint
LANGUAGE plpgsql SET schalter.hours = 'on' AS $$
DECLARE off int; wanted tstzrange := tstzrange(p_start, p_end); b record; was smallint; made bigint; BEGIN
  SELECT office_id INTO STRICT off FROM counter WHERE id = p_counter FOR NO KEY UPDATE;
  IF p_start <= p_now THEN RETURN NULL; END IF;
  BEGIN
    FOR b IN SELECT id, kind, starts_at, ends_at FROM claim WHERE counter_id = p_counter AND occupied && wanted AND kind IN (5, 6)
                AND block_class(kind, starts_at, ends_at) = kind ORDER BY starts_at LOOP
      UPDATE claim SET status = 11 WHERE id = b.id;
      INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
      SELECT off, p_counter, lower(rest), upper(rest), b.kind, 5
        FROM unnest(tstzmultirange(tstzrange(b.starts_at, b.ends_at)) - tstzmultirange(wanted)) AS rest;
      was := greatest(was, b.kind);
    END LOOP;
    INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, status, hold_until, request_key, created_at,
                       buffer_min, sold_by, kept)
    VALUES (off, p_service, p_fee, p_counter, p_start, p_end, 1, p_until, p_request, p_now, p_buffer, nullif(p_office, off), was)
    ON CONFLICT DO NOTHING RETURNING id INTO made;
    IF made IS NULL THEN RAISE EXCEPTION USING ERRCODE = 'BK001'; END IF;      -- the blocks come back with the subtransaction
  EXCEPTION WHEN SQLSTATE 'BK001' THEN RETURN NULL; END;
  RETURN made; END $$;

-- Staff's time that was not used is kept again with the same commit; the next look at the counter makes whole blocks of it.
CREATE FUNCTION claim_kept_again() RETURNS trigger LANGUAGE plpgsql SET schalter.hours = 'on' AS $$ BEGIN
  INSERT INTO claim (office_id, counter_id, starts_at, ends_at, kind, status)
  VALUES (NEW.office_id, NEW.counter_id, NEW.starts_at, NEW.ends_at, NEW.kept, 5) ON CONFLICT DO NOTHING;
  INSERT INTO hours_due (counter_id, due_at) VALUES (NEW.counter_id, '-infinity')
  ON CONFLICT (counter_id) DO UPDATE SET due_at = '-infinity' WHERE hours_due.due_at > '-infinity';
  RETURN NULL; END $$;
CREATE TRIGGER claim_kept_again AFTER UPDATE OF status ON claim FOR EACH ROW
  WHEN (OLD.status < 8 AND NEW.status >= 8 AND NEW.kept IS NOT NULL) EXECUTE FUNCTION claim_kept_again();

-- Staff book although the time is taken (1) or outside of hours (2): with a reason, seen by everybody who looks at the counter.
CREATE FUNCTION book_override(p_now timestamptz, p_until timestamptz, p_request uuid, p_reason text, p_user int, p_service int, p_fee int,
                              p_counter int, p_start timestamptz, p_end timestamptz, p_buffer smallint, p_office int,
                              OUT o_id bigint, OUT o_kind smallint) LANGUAGE plpgsql AS $$
DECLARE off int; o bigint; wanted tstzrange := tstzrange(p_start, p_end); BEGIN
  SELECT office_id INTO STRICT off FROM counter WHERE id = p_counter FOR NO KEY UPDATE;
  SELECT CASE WHEN bool_or(kind > 0 AND block_class(kind, starts_at, ends_at) = 1) THEN 2 ELSE 1 END INTO o_kind FROM claim
   WHERE counter_id = p_counter AND (occupied && wanted OR extra && wanted) HAVING count(*) > 0;
  IF o_kind IS NULL THEN RETURN; END IF;                                     -- nothing in the way: an ordinary hold
  INSERT INTO override (kind, reason, by_user, at) VALUES (o_kind, p_reason, p_user, p_now) RETURNING id INTO o;
  INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, status, hold_until, request_key, created_at,
                     buffer_min, sold_by, override_id)
  VALUES (off, p_service, p_fee, p_counter, p_start, p_end, 1, p_until, p_request, p_now, p_buffer, nullif(p_office, off), o)
  RETURNING id INTO o_id; END $$;

-- A case is over when the time is that people were shown; its buffer is the counter's.
CREATE OR REPLACE FUNCTION appointment_erased() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE a appointment; BEGIN
  SELECT * INTO a FROM appointment WHERE id = NEW.id;
  IF a.status IN ('held', 'expiring') OR a.status = 'confirmed'
     AND EXISTS (SELECT FROM claim WHERE appointment_id = a.id AND status < 8 AND ends_at - buffer_min * interval '1 minute' > a.erased_at) THEN
    RAISE EXCEPTION 'appointment % is %', a.id, a.status USING ERRCODE = '23514', CONSTRAINT = 'appointment_erased_is_over'; END IF;
  IF EXISTS (SELECT FROM person WHERE appointment_id = a.id)
     OR EXISTS (SELECT FROM message WHERE reference = a.id AND contents IS NOT NULL)
     OR EXISTS (SELECT FROM idempotency WHERE about = a.id) THEN
    RAISE EXCEPTION 'appointment % is erased with something left', a.id
      USING ERRCODE = '23514', CONSTRAINT = 'appointment_erased_is_bare'; END IF;
  RETURN NULL; END $$;

-- Services whose times programs buy up: nobody of the public holds one without a pass (a proof of work, a code that arrived, or an
-- allowance), and not more from one network than the service says (docs/adr/0037). Staff, rebooking and the earlier-time list need none.
CREATE TABLE guard (
  service_id  int PRIMARY KEY REFERENCES service,
  per_network int NOT NULL CONSTRAINT guard_per_network CHECK (per_network BETWEEN 1 AND 10000),     -- holds in an hour
  set_by      int NOT NULL REFERENCES account,
  set_at      timestamptz NOT NULL
);

CREATE TABLE allowance (                         -- for whoever books for many: aid groups, employers, dealers
  id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id   int NOT NULL REFERENCES service,
  token_sha256 bytea NOT NULL CONSTRAINT allowance_token_once UNIQUE CONSTRAINT allowance_token_is_sha256 CHECK (length(token_sha256) = 32),
  name         text NOT NULL CONSTRAINT allowance_named CHECK (btrim(name) <> ''),
  reason       text NOT NULL CONSTRAINT allowance_has_reason CHECK (btrim(reason) <> ''),
  quota        int NOT NULL CONSTRAINT allowance_quota CHECK (quota BETWEEN 1 AND 100000),
  used         int NOT NULL DEFAULT 0,
  expires_at   timestamptz NOT NULL,
  made_by      int NOT NULL REFERENCES account,
  made_at      timestamptz NOT NULL,
  ended_by     int REFERENCES account,
  ended_at     timestamptz,
  CONSTRAINT allowance_within_quota CHECK (used BETWEEN 0 AND quota),
  CONSTRAINT allowance_ends CHECK (expires_at > made_at AND expires_at <= made_at + interval '367 days'),
  CONSTRAINT allowance_ended_by_somebody CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);

CREATE TABLE guard_code (                        -- a code on its way to a mailbox or a telephone
  id          uuid PRIMARY KEY,
  service_id  int NOT NULL REFERENCES service,
  code_sha256 bytea NOT NULL CONSTRAINT guard_code_is_sha256 CHECK (length(code_sha256) = 32),
  good_until  timestamptz NOT NULL,
  tries       smallint NOT NULL DEFAULT 0 CONSTRAINT guard_code_tries CHECK (tries BETWEEN 0 AND 5)
);

CREATE TABLE guard_pass (
  id           uuid PRIMARY KEY,                 -- of what was proven: the same proof is the same pass
  service_id   int NOT NULL REFERENCES service,
  way          text NOT NULL CONSTRAINT guard_pass_way CHECK (way IN ('proof', 'code', 'allowance')),
  allowance_id int REFERENCES allowance,
  good_until   timestamptz NOT NULL,
  hold_id      uuid CONSTRAINT guard_pass_for_one_hold UNIQUE,
  CONSTRAINT guard_pass_of_allowance CHECK ((way = 'allowance') = (allowance_id IS NOT NULL))
);
CREATE TRIGGER guard_pass_used_once BEFORE UPDATE ON guard_pass FOR EACH ROW
  WHEN (OLD.hold_id IS NOT NULL) EXECUTE FUNCTION refuse_by_rule('a pass that was used is not used again');
CREATE INDEX guard_pass_over ON guard_pass (good_until);

CREATE TABLE guard_tally (                       -- holds from one network in one hour; forgotten after it
  service_id int NOT NULL,
  network    bytea NOT NULL CONSTRAINT guard_tally_is_hmac CHECK (length(network) = 32),
  hour       timestamptz NOT NULL,
  holds      int NOT NULL,
  most       int NOT NULL,
  PRIMARY KEY (service_id, network, hour),
  CONSTRAINT guard_tally_within_limit CHECK (holds BETWEEN 0 AND most)
);

CREATE TABLE guard_refused (                     -- how many were refused, and why; about nobody
  service_id int NOT NULL REFERENCES service,
  day        date NOT NULL,
  why        text NOT NULL,
  times      bigint NOT NULL,
  PRIMARY KEY (service_id, day, why)
);

-- Null: may hold. Else the code of the refusal. What it looked at stays locked: passes before networks before allowances before claims.
CREATE FUNCTION guard_refuses(p_now timestamptz, p_service int, p_request uuid, p_pass uuid, p_network bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE p guard_pass; a allowance; n int; top int; BEGIN
  SELECT * INTO p FROM guard_pass WHERE id = p_pass AND service_id = p_service FOR UPDATE;
  IF NOT FOUND OR p.hold_id <> p_request OR p.hold_id IS NULL AND p.good_until <= p_now THEN RETURN 'pass_needed'; END IF;
  IF p.hold_id = p_request THEN RETURN NULL; END IF;                           -- the same request again
  IF p.allowance_id IS NOT NULL THEN
    SELECT * INTO STRICT a FROM allowance WHERE id = p.allowance_id FOR UPDATE;
    RETURN CASE WHEN a.ended_at IS NOT NULL OR a.expires_at <= p_now THEN 'allowance_over' WHEN a.used >= a.quota THEN 'quota_used_up' END;
  END IF;
  IF p_network IS NULL THEN RETURN 'network_unknown'; END IF;
  SELECT per_network INTO top FROM guard WHERE service_id = p_service;
  INSERT INTO guard_tally AS t (service_id, network, hour, holds, most) VALUES (p_service, p_network, date_trunc('hour', p_now), 0, top)
  ON CONFLICT (service_id, network, hour) DO UPDATE SET most = greatest(top, t.holds) RETURNING t.holds INTO n;
  RETURN CASE WHEN n >= top THEN 'too_many_holds' END; END $$;

CREATE FUNCTION guard_counts(p_now timestamptz, p_service int, p_request uuid, p_pass uuid, p_network bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE of_allowance int; BEGIN
  UPDATE guard_pass SET hold_id = p_request WHERE id = p_pass RETURNING allowance_id INTO of_allowance;
  IF of_allowance IS NOT NULL THEN UPDATE allowance SET used = used + 1 WHERE id = of_allowance;
  ELSE UPDATE guard_tally SET holds = holds + 1 WHERE service_id = p_service AND network = p_network AND hour = date_trunc('hour', p_now); END IF;
END $$;

-- Without a pass no guarded service: also for processes that do not know of passes yet.
CREATE OR REPLACE FUNCTION hold_set(p_now timestamptz, p_until timestamptz, p_request uuid[], p_service int[], p_fee int[], p_counter int[],
                                    p_start timestamptz[], p_end timestamptz[], p_buffer smallint[], p_office int[])
RETURNS TABLE (o_id bigint, o_request uuid) LANGUAGE sql AS $$
  INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, status, hold_until, request_key, created_at, buffer_min, sold_by)
  SELECT k.office_id, u.v, u.f, k.id, u.s, u.e, 1, p_until, u.r, p_now, u.b, nullif(u.o, k.office_id)
    FROM unnest(p_request, p_service, p_fee, p_counter, p_start, p_end, p_buffer, p_office) WITH ORDINALITY u (r, v, f, c, s, e, b, o, n)
    JOIN counter k ON k.id = u.c WHERE u.s > p_now AND NOT EXISTS (SELECT FROM guard g WHERE g.service_id = u.v) ORDER BY u.n
  ON CONFLICT DO NOTHING RETURNING id, request_key $$;

-- A batch in which some show passes: held in their order, counted with the same commit. `o_refused`: null where the time is held.
CREATE FUNCTION hold_set(p_now timestamptz, p_until timestamptz, p_request uuid[], p_service int[], p_fee int[], p_counter int[],
                         p_start timestamptz[], p_end timestamptz[], p_buffer smallint[], p_office int[], p_pass uuid[], p_network bytea[])
RETURNS TABLE (o_request uuid, o_refused text) LANGUAGE plpgsql AS $$
DECLARE u record; guarded boolean; BEGIN
  PERFORM 1 FROM guard_pass WHERE id = ANY (p_pass) ORDER BY id FOR UPDATE;
  INSERT INTO guard_tally (service_id, network, hour, holds, most)
  SELECT DISTINCT g.service_id, w.net, date_trunc('hour', p_now), 0, g.per_network
    FROM unnest(p_service, p_network) w (v, net) JOIN guard g ON g.service_id = w.v WHERE w.net IS NOT NULL ORDER BY 1, 2
  ON CONFLICT (service_id, network, hour) DO UPDATE SET most = greatest(excluded.most, guard_tally.holds);
  PERFORM 1 FROM allowance WHERE id IN (SELECT allowance_id FROM guard_pass WHERE id = ANY (p_pass)) ORDER BY id FOR UPDATE;
  FOR u IN SELECT w.*, k.office_id FROM unnest(p_request, p_service, p_fee, p_counter, p_start, p_end, p_buffer, p_office, p_pass, p_network)
             WITH ORDINALITY w (r, v, f, c, s, e, b, o, p, net, n) JOIN counter k ON k.id = w.c WHERE w.s > p_now ORDER BY w.n LOOP
    guarded := EXISTS (SELECT FROM guard g WHERE g.service_id = u.v);
    o_request := u.r;
    IF guarded THEN
      o_refused := guard_refuses(p_now, u.v, u.r, u.p, u.net);
      IF o_refused IS NOT NULL THEN RETURN NEXT; CONTINUE; END IF;
    END IF;
    o_refused := NULL;
    INSERT INTO claim (office_id, service_id, fee_id, counter_id, starts_at, ends_at, status, hold_until, request_key, created_at, buffer_min, sold_by)
    VALUES (u.office_id, u.v, u.f, u.c, u.s, u.e, 1, p_until, u.r, p_now, u.b, nullif(u.o, u.office_id)) ON CONFLICT DO NOTHING;
    IF FOUND THEN
      IF guarded THEN PERFORM guard_counts(p_now, u.v, u.r, u.p, u.net); END IF;
      RETURN NEXT;
    END IF;
  END LOOP; END $$;

-- What hold_visit of 0031 does, for whoever may: its callers ask for the pass.
ALTER FUNCTION hold_visit(timestamptz, timestamptz, uuid, int, boolean, int[], int[], smallint[], int[], timestamptz[], timestamptz[], smallint[])
  RENAME TO hold_parts;

CREATE FUNCTION hold_visit(p_now timestamptz, p_until timestamptz, p_request uuid, p_office int, p_for_staff boolean, p_service int[],
                                      p_fee int[], p_quantity smallint[], p_counter int[], p_start timestamptz[], p_end timestamptz[],
                                      p_buffer smallint[]) RETURNS boolean
LANGUAGE sql AS $$
  SELECT CASE WHEN p_for_staff OR NOT EXISTS (SELECT FROM guard WHERE service_id = ANY (p_service))
              THEN hold_parts(p_now, p_until, p_request, p_office, p_for_staff, p_service, p_fee, p_quantity, p_counter, p_start, p_end, p_buffer)
              ELSE false END $$;

-- A visit with a guarded service: one pass for the lowest of them covers all. 'held', null (taken) or the code of the refusal.
CREATE FUNCTION hold_visit(p_now timestamptz, p_until timestamptz, p_request uuid, p_office int, p_service int[], p_fee int[],
                           p_quantity smallint[], p_counter int[], p_start timestamptz[], p_end timestamptz[], p_buffer smallint[],
                           p_pass uuid, p_network bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE guarded int; refused text; BEGIN
  SELECT min(service_id) INTO guarded FROM guard WHERE service_id = ANY (p_service);
  IF guarded IS NOT NULL THEN
    refused := guard_refuses(p_now, guarded, p_request, p_pass, p_network);
    IF refused IS NOT NULL THEN RETURN refused; END IF;
  END IF;
  IF NOT hold_parts(p_now, p_until, p_request, p_office, false, p_service, p_fee, p_quantity, p_counter, p_start, p_end, p_buffer) THEN RETURN NULL; END IF;
  IF guarded IS NOT NULL THEN PERFORM guard_counts(p_now, guarded, p_request, p_pass, p_network); END IF;
  RETURN 'held'; END $$;

-- Who books a guarded service to sell it has no name yet: after booking it is fixed.
CREATE FUNCTION person_name_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM appointment a JOIN guard g ON g.service_id = a.service_id WHERE a.id = NEW.appointment_id AND a.status <> 'held') THEN
    RAISE EXCEPTION 'the name of appointment % is fixed', NEW.appointment_id USING ERRCODE = '42501', CONSTRAINT = TG_NAME; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER person_name_is_fixed BEFORE UPDATE ON person FOR EACH ROW
  WHEN (OLD.name_hmac IS DISTINCT FROM NEW.name_hmac) EXECUTE FUNCTION person_name_is_fixed();

UPDATE role SET permissions = permissions || ARRAY['guard.change'] WHERE name = 'admin';

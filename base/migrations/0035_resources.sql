-- Second resources (docs/adr/0035): a room, a second official, an interpreter is a counter that nobody comes to, of a kind and with hours of its own.
-- A service names the kinds that it needs; a visit takes one of each with its time, as a part that counts and costs nothing.
ALTER TABLE counter ADD COLUMN resource text CONSTRAINT counter_resource CHECK (resource ~ '^[a-z][a-z0-9-]*$');   -- its kind; null: people come to it
ALTER TABLE service ADD COLUMN needs text[] NOT NULL DEFAULT '{}';   -- kinds; each once

ALTER TABLE claim
  DROP CONSTRAINT claim_quantity,
  ADD CONSTRAINT claim_quantity CHECK (quantity > 0 OR quantity = 0 AND lead_id IS NOT NULL) NOT VALID;   -- 0: a resource

CREATE FUNCTION counter_resource_serves_nobody() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM counter k JOIN counter_service s ON s.counter_id = k.id WHERE k.id = CASE TG_TABLE_NAME
               WHEN 'counter' THEN (to_jsonb(NEW) ->> 'id')::int ELSE (to_jsonb(NEW) ->> 'counter_id')::int END AND k.resource IS NOT NULL) THEN
    RAISE EXCEPTION 'a resource serves nobody by itself' USING ERRCODE = '23514', CONSTRAINT = 'counter_resource_serves_nobody';
  END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER counter_resource_serves_nobody AFTER INSERT ON counter_service DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION counter_resource_serves_nobody();
CREATE CONSTRAINT TRIGGER counter_serves_or_is_resource AFTER UPDATE OF resource ON counter DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.resource IS NOT NULL) EXECUTE FUNCTION counter_resource_serves_nobody();

-- A resource's time is taken for a service that needs it, and counts as nothing; anybody else's counts.
CREATE FUNCTION claim_of_resource() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM counter k JOIN service s ON k.resource = ANY (s.needs) WHERE k.id = NEW.counter_id AND s.id = NEW.service_id) THEN
    RAISE EXCEPTION 'service % does not need counter %', NEW.service_id, NEW.counter_id
      USING ERRCODE = '23514', CONSTRAINT = 'claim_of_resource'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER claim_of_resource BEFORE INSERT ON claim FOR EACH ROW WHEN (NEW.quantity = 0) EXECUTE FUNCTION claim_of_resource();

-- At commit a living case has what its services need, for as long as people are served: also where former code made or moved it.
CREATE FUNCTION appointment_has_resources() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (
    SELECT FROM appointment a JOIN claim c ON c.appointment_id = a.id AND c.status < 8 AND c.quantity > 0 AND c.override_id IS NULL
      JOIN service s ON s.id = c.service_id CROSS JOIN unnest(s.needs) AS need
     WHERE a.id = NEW.id AND a.status IN ('held', 'confirmed')
       AND NOT EXISTS (SELECT FROM claim r JOIN counter k ON k.id = r.counter_id AND k.resource = need
                        WHERE r.appointment_id = a.id AND r.status < 8 AND r.starts_at <= c.starts_at
                          AND r.ends_at >= c.ends_at - c.buffer_min * interval '1 minute')) THEN
    RAISE EXCEPTION 'appointment % lacks what its service needs', NEW.id
      USING ERRCODE = '23514', CONSTRAINT = 'appointment_has_resources'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER appointment_has_resources AFTER INSERT OR UPDATE OF sequence ON appointment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION appointment_has_resources();

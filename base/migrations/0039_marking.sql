-- Which services are given out by need, since when, as whoever may decide has said it (docs/adr/0037). A former process takes each row of
-- allocation_service for a service that is: until it is gone, nothing worse happens than that its pages lead to the form for requests.
ALTER TABLE allocation_service ADD COLUMN is_on boolean NOT NULL DEFAULT true;
ALTER TABLE allocation_service ADD COLUMN rhythm_days int NOT NULL DEFAULT 7
  CONSTRAINT allocation_service_rhythm CHECK (rhythm_days BETWEEN 1 AND 92);

CREATE TABLE allocation_mark (                   -- what was said; of what holds at a moment, the last row whose moment has come
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service_id  int NOT NULL REFERENCES service,
  is_on       boolean NOT NULL,
  class_days  int[] CONSTRAINT allocation_mark_classes CHECK (allocation_rises(class_days)),
  offer_hours int CONSTRAINT allocation_mark_offer CHECK (offer_hours BETWEEN 1 AND 336),
  rhythm_days int CONSTRAINT allocation_mark_rhythm CHECK (rhythm_days BETWEEN 1 AND 92),
  from_at     timestamptz NOT NULL,
  because     text NOT NULL,
  by_user     int NOT NULL REFERENCES account,
  at          timestamptz NOT NULL,
  CONSTRAINT allocation_mark_not_backwards CHECK (from_at >= at),
  CONSTRAINT allocation_mark_whole CHECK (CASE WHEN is_on THEN num_nonnulls(class_days, offer_hours, rhythm_days) = 3
    ELSE num_nonnulls(class_days, offer_hours, rhythm_days) = 0 AND length(btrim(because)) > 0 AND from_at = at END)
);
CREATE INDEX allocation_mark_service ON allocation_mark (service_id, id);

CREATE FUNCTION allocation_mark_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'what was said stays' USING ERRCODE = '42501', CONSTRAINT = 'allocation_mark_append_only'; END $$;
CREATE TRIGGER allocation_mark_append_only BEFORE UPDATE OR DELETE ON allocation_mark FOR EACH ROW EXECUTE FUNCTION allocation_mark_append_only();

-- A run is of a marked service, and as long as it is under way the service stays marked: each of the two waits for the other's row.
CREATE FUNCTION allocation_run_of_marked() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE marked boolean; BEGIN
  SELECT is_on INTO marked FROM allocation_service WHERE service_id = NEW.service_id FOR SHARE;
  IF NOT marked THEN
    RAISE EXCEPTION 'service % is not given out by need', NEW.service_id USING ERRCODE = '42501', CONSTRAINT = 'allocation_run_of_marked';
  END IF;
  RETURN NEW; END $$;
CREATE TRIGGER allocation_run_of_marked BEFORE INSERT ON allocation_run FOR EACH ROW EXECUTE FUNCTION allocation_run_of_marked();

CREATE FUNCTION allocation_service_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM allocation_run WHERE service_id = NEW.service_id AND status IN ('open', 'closed', 'ranked')) THEN
    RAISE EXCEPTION 'a run of service % is under way', NEW.service_id USING ERRCODE = '42501', CONSTRAINT = 'allocation_service_run_goes_on';
  END IF;
  RETURN NEW; END $$;
CREATE TRIGGER allocation_service_guard BEFORE UPDATE ON allocation_service FOR EACH ROW WHEN (OLD.is_on AND NOT NEW.is_on)
  EXECUTE FUNCTION allocation_service_guard();

CREATE OR REPLACE FUNCTION claim_by_need() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('schalter.allocation', true) IS DISTINCT FROM 'on'
     AND EXISTS (SELECT FROM allocation_service WHERE service_id = NEW.service_id AND is_on) THEN RETURN NULL; END IF;
  RETURN NEW; END $$;

-- What is still open when the service is no longer given out by need has ended: nobody refused it, and nobody withdrew it.
ALTER TABLE allocation_request ADD COLUMN ended_at timestamptz;
ALTER TABLE allocation_request DROP CONSTRAINT allocation_request_status;
ALTER TABLE allocation_request ADD CONSTRAINT allocation_request_status
  CHECK (status IN ('unverified', 'asked', 'confirmed', 'refused', 'withdrawn', 'placed', 'ended')) NOT VALID;
ALTER TABLE allocation_request VALIDATE CONSTRAINT allocation_request_status;
ALTER TABLE allocation_request ADD CONSTRAINT allocation_request_ended CHECK ((status = 'ended') = (ended_at IS NOT NULL)) NOT VALID;
ALTER TABLE allocation_request VALIDATE CONSTRAINT allocation_request_ended;

UPDATE role SET permissions = permissions || ARRAY['allocation.mark'] WHERE name = 'allocation';

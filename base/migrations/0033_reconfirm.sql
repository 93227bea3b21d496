-- Before the day a service may ask whether its people come (docs/adr/0025): so many days before, to be answered until so many hours before; who does
-- not answer keeps the time, or gives it up if the question reached them. What was asked is frozen with the question, and is about one time: a case that moves is asked anew.
ALTER TABLE service
  ADD COLUMN reconfirm_days     int,
  ADD COLUMN reconfirm_hours    int,
  ADD COLUMN reconfirm_releases boolean,
  ADD CONSTRAINT service_reconfirm CHECK (num_nonnulls(reconfirm_days, reconfirm_hours, reconfirm_releases) IN (0, 3)
    AND (reconfirm_days IS NULL OR reconfirm_days BETWEEN 1 AND 60 AND reconfirm_hours BETWEEN 1 AND reconfirm_days * 24 - 12));

CREATE TABLE reconfirm (
  appointment_id uuid NOT NULL REFERENCES appointment,
  starts_at      timestamptz NOT NULL,
  status         text NOT NULL DEFAULT 'asked'
                 CONSTRAINT reconfirm_status CHECK (status IN ('asked', 'kept', 'lapsed', 'released')),
  releases       boolean NOT NULL,
  asked_at       timestamptz NOT NULL,
  answer_by      timestamptz NOT NULL,
  decided_at     timestamptz,
  CONSTRAINT reconfirm_once PRIMARY KEY (appointment_id, starts_at),
  CONSTRAINT reconfirm_leaves_time CHECK (answer_by < starts_at AND (status = 'kept' OR asked_at < answer_by)),
  CONSTRAINT reconfirm_decided CHECK ((status = 'asked') = (decided_at IS NULL)),
  CONSTRAINT reconfirm_not_early CHECK (status NOT IN ('lapsed', 'released') OR decided_at >= answer_by),
  CONSTRAINT reconfirm_released_as_said CHECK (status <> 'released' OR releases)
);
CREATE INDEX reconfirm_unanswered ON reconfirm (answer_by) WHERE status = 'asked';

CREATE FUNCTION reconfirm_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (OLD.releases, OLD.asked_at, OLD.answer_by) IS DISTINCT FROM (NEW.releases, NEW.asked_at, NEW.answer_by) THEN
    RAISE EXCEPTION 'what appointment % was asked stays', OLD.appointment_id USING ERRCODE = '42501', CONSTRAINT = 'reconfirm_asked_stays';
  ELSIF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN
        (('asked', 'kept'), ('asked', 'lapsed'), ('asked', 'released'), ('lapsed', 'kept')) THEN
    RAISE EXCEPTION '% does not become %', OLD.status, NEW.status USING ERRCODE = '42501', CONSTRAINT = 'reconfirm_transition'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER reconfirm_guard BEFORE UPDATE ON reconfirm FOR EACH ROW EXECUTE FUNCTION reconfirm_guard();

-- At commit: what was released is no booked time any more.
CREATE FUNCTION reconfirm_released_is_free() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM claim WHERE appointment_id = NEW.appointment_id AND starts_at = NEW.starts_at AND status < 8) THEN
    RAISE EXCEPTION 'appointment % is released and keeps its time', NEW.appointment_id
      USING ERRCODE = '23514', CONSTRAINT = 'reconfirm_released_is_free'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER reconfirm_released_is_free AFTER INSERT OR UPDATE ON reconfirm DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'released') EXECUTE FUNCTION reconfirm_released_is_free();

-- Where this table is large already, make it CONCURRENTLY by hand before.
CREATE INDEX IF NOT EXISTS appointment_confirmed ON appointment (service_id) WHERE status = 'confirmed';

-- What somebody said of whom a time is for, where a service's lines of responsibility ask it (docs/adr/0041): so that its case is served by
-- the same team wherever it goes. Sealed; gone with the person, and with a hold of which nothing came.
CREATE TABLE hold_who (
  hold_id        uuid PRIMARY KEY CONSTRAINT hold_who_of_hold REFERENCES claim (request_key),
  appointment_id uuid CONSTRAINT hold_who_once UNIQUE CONSTRAINT hold_who_of_person REFERENCES person ON DELETE CASCADE,
  sealed         bytea NOT NULL CONSTRAINT hold_who_filled CHECK (length(sealed) > 0)
);
CREATE TRIGGER hold_who_fixed BEFORE UPDATE ON hold_who FOR EACH ROW
  WHEN (OLD.appointment_id IS NOT NULL OR (OLD.hold_id, OLD.sealed) IS DISTINCT FROM (NEW.hold_id, NEW.sealed))
  EXECUTE FUNCTION refuse_by_rule('for whom a time is held is said once, and of one case');

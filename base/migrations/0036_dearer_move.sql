-- A booked case is to move to a dearer time: the new time waits, taken, until the difference is paid; the payment's reference is the hold's
-- id. It is not freed by the clock but when the provider has promised that no money will come (docs/adr/0024).
ALTER TABLE claim ADD COLUMN moves uuid;         -- the case that gets this time once the difference is paid
ALTER TABLE claim ADD CONSTRAINT claim_moves_case FOREIGN KEY (moves) REFERENCES appointment NOT VALID;
ALTER TABLE claim ADD CONSTRAINT claim_moves_waits_or_is_taken
  CHECK (moves IS NULL OR kind = 0 AND request_key IS NOT NULL AND (appointment_id IS NOT DISTINCT FROM moves OR appointment_id IS NULL AND status IN (3, 8))) NOT VALID;
ALTER TABLE claim VALIDATE CONSTRAINT claim_moves_case;
ALTER TABLE claim VALIDATE CONSTRAINT claim_moves_waits_or_is_taken;
CREATE TRIGGER claim_moves_one_case BEFORE UPDATE ON claim FOR EACH ROW
  WHEN (OLD.moves IS NOT NULL AND NEW.moves IS DISTINCT FROM OLD.moves)
  EXECUTE FUNCTION refuse_by_rule('a time that waits for a case waits for no other');
-- Where claim is large already, make these CONCURRENTLY by hand before.
CREATE UNIQUE INDEX IF NOT EXISTS claim_one_waits_for_a_case ON claim (moves) WHERE moves IS NOT NULL AND status = 3 AND appointment_id IS NULL;
CREATE INDEX IF NOT EXISTS claim_moves ON claim (moves) WHERE moves IS NOT NULL;

-- A closure that is lifted again: whoever still has a time in it has it as before (docs/adr/0032). The time leaves the override lane, so that
-- nobody else can be booked into it, and with that the rebooking is settled: it stands.
ALTER TABLE rebooking DROP CONSTRAINT rebooking_status;
ALTER TABLE rebooking ADD CONSTRAINT rebooking_status CHECK (status IN
  ('due', 'offered', 'declined', 'silent', 'telephone', 'shifted', 'accepted', 'moved', 'cancelled', 'came', 'stands'));

-- What stands may be closed a second time.
ALTER TABLE rebooking DROP CONSTRAINT rebooking_claim_once;
CREATE UNIQUE INDEX rebooking_claim_once ON rebooking (claim_id) WHERE status <> 'stands';
CREATE INDEX rebooking_stands_told ON rebooking (id) WHERE status = 'stands' AND answer_until IS NOT NULL;   -- was asked, and is to be told

CREATE OR REPLACE FUNCTION rebooking_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a rebooking is never deleted' USING ERRCODE = '42501', CONSTRAINT = 'rebooking_never_deleted';
  ELSIF (NEW.id, NEW.closing_id, NEW.appointment_id, NEW.claim_id) IS DISTINCT FROM (OLD.id, OLD.closing_id, OLD.appointment_id, OLD.claim_id) THEN
    RAISE EXCEPTION 'whose rebooking it is stays' USING ERRCODE = '42501', CONSTRAINT = 'rebooking_stays';
  ELSIF NEW.status <> OLD.status AND NOT (CASE OLD.status
      WHEN 'due'     THEN NEW.status IN ('offered', 'telephone', 'shifted', 'moved', 'cancelled', 'came', 'stands')
      WHEN 'offered' THEN NEW.status IN ('due', 'declined', 'silent', 'accepted', 'moved', 'cancelled', 'came', 'stands')
      WHEN 'declined'  THEN NEW.status IN ('moved', 'cancelled', 'came', 'stands')
      WHEN 'silent'    THEN NEW.status IN ('moved', 'cancelled', 'came', 'stands')
      WHEN 'telephone' THEN NEW.status IN ('moved', 'cancelled', 'came', 'stands')
      ELSE false END) THEN
    RAISE EXCEPTION 'rebooking % does not become % from %', OLD.id, NEW.status, OLD.status
      USING ERRCODE = '42501', CONSTRAINT = 'rebooking_transition';
  END IF;
  RETURN NEW; END $$;

-- Of a visit of several times, once the last of them is open again.
CREATE FUNCTION rebooking_stands() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE rebooking SET status = 'stands' WHERE appointment_id = NEW.appointment_id AND status IN ('due', 'offered', 'declined', 'silent', 'telephone')
     AND NOT EXISTS (SELECT FROM claim c JOIN override v ON v.id = c.override_id
                      WHERE c.appointment_id = NEW.appointment_id AND c.status < 8 AND v.kind = 3);
  RETURN NULL; END $$;
CREATE TRIGGER rebooking_stands AFTER UPDATE OF override_id ON claim FOR EACH ROW
  WHEN (OLD.override_id IS NOT NULL AND NEW.override_id IS NULL AND NEW.appointment_id IS NOT NULL) EXECUTE FUNCTION rebooking_stands();

-- Times that were left inside a closure, and are open again: back among those of which a counter has one at a time. What is kept there gives
-- way, as to any appointment. One that meets another, or is still closed in part, stays in its lane. Returns how many.
CREATE FUNCTION readmit(p_counter int, p_win tstzrange) RETURNS int LANGUAGE plpgsql AS $$
DECLARE c record; n int := 0; BEGIN
  FOR c IN SELECT l.id, l.extra FROM claim l JOIN override v ON v.id = l.override_id
            WHERE l.counter_id = p_counter AND l.extra && p_win AND l.kind = 0 AND v.kind = 3 ORDER BY l.starts_at, l.id LOOP
    CONTINUE WHEN EXISTS (SELECT FROM claim b WHERE b.counter_id = p_counter AND b.occupied && c.extra
                             AND (b.kind = 0 OR block_class(b.kind, b.starts_at, b.ends_at) = 1));
    PERFORM set_open(p_counter, c.extra, tstzmultirange(c.extra));
    UPDATE claim SET override_id = NULL WHERE id = c.id AND status < 8;
    n := n + 1;
  END LOOP;
  RETURN n; END $$;

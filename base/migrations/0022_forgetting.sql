-- Who asked for an appointment by need is forgotten with the case that came of it, whichever version of the code erases that; of a request
-- that came to nothing, the code asks for it. What a run has decided stays: it knows no person (docs/adr/0017, 0021).
CREATE FUNCTION allocation_forget(request uuid) RETURNS void LANGUAGE sql AS $$
  UPDATE allocation_request SET status = 'withdrawn' WHERE id = request AND status = 'unverified';   -- its link verifies nobody any more
  DELETE FROM allocation_person WHERE request_id = request;
  DELETE FROM message WHERE reference = request AND status = 'due';
  UPDATE message SET contents = NULL WHERE reference = request AND contents IS NOT NULL;
  UPDATE allocation_request SET check_reason = '[erased]' WHERE id = request AND check_reason IS NOT NULL $$;

CREATE FUNCTION appointment_forgets_request() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM allocation_forget(id) FROM allocation_request WHERE appointment_id = NEW.id;
  RETURN NULL; END $$;
CREATE TRIGGER appointment_forgets_request AFTER UPDATE ON appointment FOR EACH ROW
  WHEN (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL) EXECUTE FUNCTION appointment_forgets_request();

-- A person comes with the request, and goes when that is over: never under a living one, and never back.
CREATE FUNCTION allocation_person_guard() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE stands text; BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT status INTO stands FROM allocation_request WHERE id = NEW.request_id FOR SHARE;
    IF stands <> 'unverified' THEN
      RAISE EXCEPTION 'request % is %', NEW.request_id, stands USING ERRCODE = '42501', CONSTRAINT = 'allocation_person_comes_first'; END IF;
    RETURN NEW; END IF;
  SELECT status INTO stands FROM allocation_request WHERE id = OLD.request_id;
  IF stands IN ('unverified', 'asked', 'confirmed') THEN
    RAISE EXCEPTION 'request % is %', OLD.request_id, stands USING ERRCODE = '42501', CONSTRAINT = 'allocation_person_of_living'; END IF;
  RETURN OLD; END $$;
CREATE TRIGGER allocation_person_guard BEFORE INSERT OR DELETE ON allocation_person FOR EACH ROW EXECUTE FUNCTION allocation_person_guard();

-- A message that was given up, and one that arrived after all, is seen on the counter's screens: the feed reads this beside the cases. Not a touch
-- of the case: its lock comes before that of its messages.
ALTER TABLE message ADD COLUMN fate_xid bigint;
CREATE INDEX message_feed ON message (fate_xid) WHERE fate_xid IS NOT NULL;
CREATE FUNCTION message_fate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.fate_xid := pg_current_xact_id()::text::bigint; RETURN NEW; END $$;
CREATE TRIGGER message_fate BEFORE UPDATE OF status ON message FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND (OLD.status IN ('dead', 'undelivered') OR NEW.status IN ('dead', 'undelivered')))
  EXECUTE FUNCTION message_fate();

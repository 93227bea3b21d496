-- What is to be said after a run to whoever took part in it and got nothing, by mail, or by staff where there is no e-mail address; and by staff also
-- that there is an appointment, or (no run) that the service is no longer given out by need (docs/adr/0038).
CREATE TABLE allocation_word (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  request_id uuid NOT NULL REFERENCES allocation_request,
  run_id     uuid REFERENCES allocation_run,
  due_at     timestamptz NOT NULL,
  said_at    timestamptz,
  said_by    int REFERENCES account,             -- null: by mail
  CONSTRAINT allocation_word_once UNIQUE NULLS NOT DISTINCT (request_id, run_id),
  CONSTRAINT allocation_word_said CHECK (said_by IS NULL OR said_at IS NOT NULL)
);
CREATE INDEX allocation_word_due ON allocation_word (due_at) WHERE said_at IS NULL;

CREATE FUNCTION allocation_word_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.said_at IS NOT NULL OR (NEW.request_id, NEW.run_id, NEW.due_at) IS DISTINCT FROM (OLD.request_id, OLD.run_id, OLD.due_at)) THEN
    RAISE EXCEPTION 'word % was said', OLD.id USING ERRCODE = '42501', CONSTRAINT = 'allocation_word_said_once'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER allocation_word_guard BEFORE UPDATE ON allocation_word FOR EACH ROW EXECUTE FUNCTION allocation_word_guard();

-- Who takes or leaves a counter is told to the screens of its office. The row of who works there may be gone by then, so the counter bears
-- the mark: whoever takes or leaves it holds it anyway. It says that something changed, not who or when.
ALTER TABLE counter ADD COLUMN staffed_xid bigint;
CREATE INDEX counter_staffed ON counter (staffed_xid);

CREATE FUNCTION counter_staffed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP IN ('INSERT', 'UPDATE') THEN
    UPDATE counter SET staffed_xid = pg_current_xact_id()::text::bigint WHERE id = NEW.counter_id; END IF;
  IF TG_OP = 'DELETE' THEN
    UPDATE counter SET staffed_xid = pg_current_xact_id()::text::bigint WHERE id = OLD.counter_id; END IF;
  RETURN NULL; END $$;
CREATE TRIGGER counter_staffed AFTER INSERT OR UPDATE OR DELETE ON counter_clerk FOR EACH ROW EXECUTE FUNCTION counter_staffed();

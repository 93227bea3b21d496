-- A claim's place never changes: whoever mirrors the table learns from a row which cells it takes or gives back, and remembers no row.
CREATE FUNCTION claim_never_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'a claim never moves: free it and make a new one' USING ERRCODE = '42501', CONSTRAINT = 'claim_never_moves'; END $$;
CREATE TRIGGER claim_never_moves BEFORE UPDATE OF office_id, counter_id, starts_at, ends_at ON claim
  FOR EACH ROW EXECUTE FUNCTION claim_never_moves();

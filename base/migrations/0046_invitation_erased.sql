-- Whose case is erased, on their request or in time, is not kept by the invitation either: it was used, and its link opens nothing any more.
CREATE FUNCTION invitation_erased_with_case() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE invitation SET details = NULL, token_sha256 = NULL, code_hmac = NULL, erased_at = NEW.erased_at
   WHERE id = NEW.invitation_id AND erased_at IS NULL;
  RETURN NULL; END $$;
CREATE TRIGGER invitation_erased_with_case AFTER UPDATE OF erased_at ON appointment FOR EACH ROW
  WHEN (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND NEW.invitation_id IS NOT NULL) EXECUTE FUNCTION invitation_erased_with_case();

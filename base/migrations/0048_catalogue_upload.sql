-- A catalogue that was sent by page or API, checked and compared, waits here for the click that applies it (docs/adr/0045): several processes
-- serve one administrator.

CREATE TABLE catalogue_upload (
  id          uuid PRIMARY KEY,
  content     bytea NOT NULL,                    -- JSON: name of a file -> its text
  digest      bytea NOT NULL GENERATED ALWAYS AS (sha256(content)) STORED,
  base_sha256 bytea NOT NULL CONSTRAINT catalogue_upload_base_is_sha256 CHECK (length(base_sha256) = 32),   -- the catalogue it was compared with
  report      jsonb NOT NULL,
  made_by     int NOT NULL REFERENCES account,
  made_at     timestamptz NOT NULL,
  expires_at  timestamptz NOT NULL CONSTRAINT catalogue_upload_expires_later CHECK (expires_at > made_at),
  applied_by  int REFERENCES account,
  applied_at  timestamptz CONSTRAINT catalogue_upload_applied_in_time CHECK (applied_at < expires_at),
  CONSTRAINT catalogue_upload_applied_by_somebody CHECK ((applied_by IS NULL) = (applied_at IS NULL))
);
-- Sent twice it is one.
CREATE UNIQUE INDEX catalogue_upload_waiting_once ON catalogue_upload (made_by, digest, base_sha256) WHERE applied_at IS NULL;
CREATE INDEX catalogue_upload_over ON catalogue_upload (expires_at);
CREATE TRIGGER catalogue_upload_fixed BEFORE UPDATE ON catalogue_upload FOR EACH ROW
  WHEN ((OLD.id, OLD.content, OLD.base_sha256, OLD.report, OLD.made_by, OLD.made_at, OLD.expires_at)
        IS DISTINCT FROM (NEW.id, NEW.content, NEW.base_sha256, NEW.report, NEW.made_by, NEW.made_at, NEW.expires_at))
  EXECUTE FUNCTION refuse_by_rule('what is applied is what was looked at');
CREATE TRIGGER catalogue_upload_applied_once BEFORE UPDATE ON catalogue_upload FOR EACH ROW
  WHEN (OLD.applied_at IS NOT NULL AND (NEW.applied_at, NEW.applied_by) IS DISTINCT FROM (OLD.applied_at, OLD.applied_by))
  EXECUTE FUNCTION refuse_by_rule('an uploaded catalogue is applied once');

UPDATE role SET permissions = permissions || ARRAY['catalogue.import'] WHERE name = 'admin';

-- Documents that somebody sends with a request by need (docs/adr/0042): sealed, of three kinds, bounded in size and number, and gone with their person.
CREATE TABLE allocation_document (
  id         uuid PRIMARY KEY,
  request_id uuid NOT NULL REFERENCES allocation_request,
  kind       text NOT NULL CONSTRAINT allocation_document_kind CHECK (kind IN ('pdf', 'jpeg', 'png')),
  size_bytes int NOT NULL,                       -- as it was sent
  content    bytea NOT NULL,
  sent_at    timestamptz NOT NULL,
  CONSTRAINT allocation_document_size CHECK (size_bytes BETWEEN 1 AND 5242880 AND octet_length(content) BETWEEN size_bytes AND size_bytes + 64)
);
CREATE INDEX allocation_document_request ON allocation_document (request_id);
ALTER TABLE allocation_document ALTER COLUMN content SET STORAGE EXTERNAL;   -- sealed bytes do not shrink

CREATE FUNCTION allocation_document_guard() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE stands text; BEGIN
  IF TG_OP = 'UPDATE' THEN
    RAISE EXCEPTION 'document % stays as it was sent', OLD.id USING ERRCODE = '42501', CONSTRAINT = 'allocation_document_stays'; END IF;
  SELECT status INTO stands FROM allocation_request WHERE id = NEW.request_id FOR NO KEY UPDATE;   -- two at once are counted one after the other
  IF stands NOT IN ('asked', 'confirmed') THEN
    RAISE EXCEPTION 'request % is %', NEW.request_id, stands USING ERRCODE = '42501', CONSTRAINT = 'allocation_document_of_open'; END IF;
  IF (SELECT count(*) FROM allocation_document WHERE request_id = NEW.request_id AND id <> NEW.id) >= 5 THEN
    RAISE EXCEPTION 'request % has five', NEW.request_id USING ERRCODE = '42501', CONSTRAINT = 'allocation_document_most'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER allocation_document_guard BEFORE INSERT OR UPDATE ON allocation_document FOR EACH ROW EXECUTE FUNCTION allocation_document_guard();

CREATE OR REPLACE FUNCTION allocation_forget(request uuid) RETURNS void LANGUAGE sql AS $$
  UPDATE allocation_request SET status = 'withdrawn' WHERE id = request AND status = 'unverified';   -- its link verifies nobody any more
  DELETE FROM allocation_document WHERE request_id = request;
  DELETE FROM allocation_person WHERE request_id = request;
  DELETE FROM message WHERE reference = request AND status = 'due';
  UPDATE message SET contents = NULL WHERE reference = request AND contents IS NOT NULL;
  UPDATE allocation_request SET check_reason = '[erased]' WHERE id = request AND check_reason IS NOT NULL $$;

-- Print runs of letters (docs/adr/0039): a letter is printed with the run that it is in, and is in one only.
CREATE TABLE invitation_print (
  id        uuid PRIMARY KEY,                    -- of the request's key
  office_id int NOT NULL REFERENCES office,
  made_by   int NOT NULL REFERENCES account,
  made_at   timestamptz NOT NULL,
  CONSTRAINT invitation_print_at_office UNIQUE (id, office_id)
);
CREATE INDEX invitation_print_office ON invitation_print (office_id, made_at DESC);
CREATE TRIGGER invitation_print_append_only BEFORE UPDATE OR DELETE ON invitation_print FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE invitation
  ADD COLUMN print_id uuid,
  ADD CONSTRAINT invitation_printed_at_its_office FOREIGN KEY (print_id, office_id) REFERENCES invitation_print (id, office_id),
  ADD CONSTRAINT invitation_printed_is_letter CHECK (print_id IS NULL OR way = 'letter');
CREATE INDEX invitation_to_print ON invitation (office_id, made_at) WHERE way = 'letter' AND print_id IS NULL;
CREATE INDEX invitation_printed ON invitation (print_id) WHERE print_id IS NOT NULL;
CREATE TRIGGER invitation_printed_once BEFORE UPDATE OF print_id ON invitation FOR EACH ROW
  WHEN (OLD.print_id IS NOT NULL AND NEW.print_id IS DISTINCT FROM OLD.print_id)
  EXECUTE FUNCTION refuse_by_rule('a letter is in one print run');

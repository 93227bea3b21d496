-- How a drawer is opened (docs/adr/0062). No more can have come from the bank than was counted, and what is counted more or less than the last
-- closing left needs a reason, as at a closing. Both hold for a drawer that opens: how it was opened never changes, and one that
-- was opened before this release still closes.
ALTER TABLE drawer
  ADD COLUMN opening_note text CONSTRAINT drawer_opening_note CHECK (opening_note = btrim(opening_note) AND length(opening_note) BETWEEN 1 AND 500),
  ADD CONSTRAINT drawer_brought_counted CHECK (closed_at IS NOT NULL OR brought_cents <= float_cents) NOT VALID,
  ADD CONSTRAINT drawer_opening_explained
    CHECK (closed_at IS NOT NULL OR float_cents = left_cents + brought_cents OR opening_note IS NOT NULL) NOT VALID;
DROP TRIGGER drawer_opening_fixed ON drawer;
CREATE TRIGGER drawer_opening_fixed BEFORE UPDATE ON drawer FOR EACH ROW
  WHEN ((OLD.id, OLD.till_id, OLD.opened_by, OLD.opened_at, OLD.float_cents, OLD.brought_cents, OLD.left_cents, OLD.opening_note)
        IS DISTINCT FROM (NEW.id, NEW.till_id, NEW.opened_by, NEW.opened_at, NEW.float_cents, NEW.brought_cents, NEW.left_cents, NEW.opening_note))
  EXECUTE FUNCTION refuse_by_rule('how a drawer was opened never changes');

-- What a transfer order books (docs/adr/0064): owed by transfer when it arises, taken back when it is cancelled, out of the bank when it is
-- paid, and that taken back when the bank returns it. Paid and returned may happen more than once to one refund.
DO $$ DECLARE kinds text; BEGIN
  SELECT string_agg(quote_literal(m[1]), ', ') INTO kinds
    FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') m
   WHERE c.conname = 'journal_kind' AND c.conrelid = 'journal'::regclass;   -- with whatever other migrations have added
  EXECUTE 'ALTER TABLE journal DROP CONSTRAINT journal_kind';
  EXECUTE 'ALTER TABLE journal ADD CONSTRAINT journal_kind CHECK (kind IN (' || kinds
    || $k$, 'transfer_owed', 'transfer_cancelled', 'transfer_paid', 'transfer_returned')) NOT VALID$k$;
END $$;
ALTER TABLE journal VALIDATE CONSTRAINT journal_kind;
DO $$ DECLARE whole text; BEGIN   -- once, but for these two: as it is defined now, under the same name
  whole := pg_get_indexdef('journal_once'::regclass);
  IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'journal_once' AND conrelid = 'journal'::regclass) THEN
    ALTER TABLE journal DROP CONSTRAINT journal_once; ELSE DROP INDEX journal_once; END IF;
  EXECUTE whole || CASE WHEN whole LIKE '% WHERE %' THEN ' AND ' ELSE ' WHERE ' END || $w$(kind NOT IN ('transfer_paid', 'transfer_returned'))$w$;
END $$;

CREATE FUNCTION journal_of_transfer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.kind = 'transfer_cancelled' THEN
    NEW.reverses := (SELECT id FROM journal WHERE kind = 'transfer_owed' AND refund_id = NEW.refund_id);
  ELSIF NEW.kind = 'transfer_returned' THEN
    NEW.reverses := (SELECT max(id) FROM journal WHERE kind = 'transfer_paid' AND refund_id = NEW.refund_id); END IF;
  IF NEW.reverses IS NULL AND NEW.kind IN ('transfer_cancelled', 'transfer_returned') THEN
    RAISE EXCEPTION 'nothing to take back' USING ERRCODE = '23514', CONSTRAINT = 'journal_of_transfer'; END IF;
  IF NEW.kind = 'transfer_paid' AND EXISTS (SELECT FROM journal j WHERE kind = 'transfer_paid' AND refund_id = NEW.refund_id
     AND NOT EXISTS (SELECT FROM journal r WHERE r.reverses = j.id)) THEN
    RAISE EXCEPTION 'transferred already' USING ERRCODE = '23514', CONSTRAINT = 'journal_of_transfer_once'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER journal_of_transfer BEFORE INSERT ON journal FOR EACH ROW WHEN (NEW.kind LIKE 'transfer\_%') EXECUTE FUNCTION journal_of_transfer();
-- What an order has booked goes back with the order alone.
CREATE FUNCTION journal_of_transfer_by_order() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM journal WHERE id = NEW.reverses AND kind LIKE 'transfer\_%') THEN
    RAISE EXCEPTION 'journal % goes back with its order', NEW.reverses USING ERRCODE = '23514', CONSTRAINT = 'journal_of_transfer_by_order'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER journal_of_transfer_by_order BEFORE INSERT ON journal FOR EACH ROW WHEN (NEW.reverses IS NOT NULL AND NEW.kind NOT LIKE 'transfer\_%')
  EXECUTE FUNCTION journal_of_transfer_by_order();

-- At the commit: an order and its journals say the same.
CREATE FUNCTION transfer_order_booked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE owed bigint; o transfer_order; BEGIN
  SELECT * INTO STRICT o FROM transfer_order WHERE id = NEW.id;
  SELECT coalesce(-sum(e.amount_cents), 0) INTO owed FROM entry e JOIN journal j ON j.id = e.journal_id
   WHERE j.refund_id = o.refund_id AND e.account = 'transfer_payable';
  IF owed <> (CASE WHEN o.status IN ('paid', 'cancelled') THEN 0 ELSE o.amount_cents END) THEN
    RAISE EXCEPTION 'order % is % and % are owed', o.id, o.status, owed USING ERRCODE = '23514', CONSTRAINT = 'transfer_order_booked'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER transfer_order_booked AFTER INSERT OR UPDATE OF status ON transfer_order DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION transfer_order_booked();

-- Entering an account for somebody is the counter's; then three duties, three persons.
INSERT INTO duty_permission (permission, duty) VALUES
  ('transfer.assess', 'assessing'), ('transfer.approve', 'ordering'), ('transfer.send', 'cash');
INSERT INTO role (name, permissions) VALUES ('assessor', ARRAY['finance.read', 'transfer.enter', 'transfer.assess']) ON CONFLICT DO NOTHING;
UPDATE role SET permissions = permissions || ARRAY['transfer.approve'] WHERE name = 'finance' AND NOT 'transfer.approve' = ANY (permissions);
UPDATE role SET permissions = permissions || ARRAY['transfer.send'] WHERE name = 'treasury' AND NOT 'transfer.send' = ANY (permissions);

-- What tills send to the bank meets its lines (docs/adr/0076): cash carried there, change fetched from there, a day of a card terminal. A line of the
-- bank is put to something once; what it clears and what is left over make the line; a journal that is reversed frees its lines again.
ALTER TABLE drawer ADD COLUMN bag text;        -- number of the bag in which the cash goes to the bank, as the bank repeats it
ALTER TABLE drawer
  ADD CONSTRAINT drawer_bag CHECK (bag ~ '^[A-Za-z0-9-]{4,30}$') NOT VALID,
  ADD CONSTRAINT drawer_bag_of_deposit CHECK (bag IS NULL OR coalesce(deposit_cents, 0) > 0) NOT VALID;
ALTER TABLE drawer VALIDATE CONSTRAINT drawer_bag;
ALTER TABLE drawer VALIDATE CONSTRAINT drawer_bag_of_deposit;
ALTER TABLE till ADD COLUMN terminal text;     -- number of its card terminal, as the operator repeats it
ALTER TABLE till ADD CONSTRAINT till_terminal CHECK (terminal ~ '^[A-Za-z0-9-]{4,30}$') NOT VALID;
ALTER TABLE till VALIDATE CONSTRAINT till_terminal;
CREATE UNIQUE INDEX till_terminal_once ON till (terminal);

SELECT allow_words('journal', 'journal_kind', ARRAY['till_arrived']);
ALTER TABLE journal ADD CONSTRAINT journal_till_arrived_named CHECK (kind <> 'till_arrived' OR subject IS NOT NULL) NOT VALID;
ALTER TABLE journal VALIDATE CONSTRAINT journal_till_arrived_named;
SELECT allow_words('difference', 'difference_cause', ARRAY['till_amount', 'till_ambiguous', 'till_late', 'till_not_at_bank', 'bank_balance']);
SELECT allow_words('difference', 'difference_proposal', ARRAY['clear']);
SELECT allow_words('difference_request', 'difference_request_proposal', ARRAY['clear']);

-- What tills have sent in these days: cents as they must stand on the statement. A terminal's day is what it took less what it gave back.
CREATE FUNCTION terminal_moves(first date, last date)
  RETURNS TABLE (till_id int, day date, cents int, kassenzeichen text) LANGUAGE sql STABLE ROWS 500 AS $$
  SELECT d.till_id, city_day(c.taken_at), c.amount_cents, p.kassenzeichen
    FROM counter_payment c JOIN drawer d ON d.id = c.drawer_id JOIN payment p ON p.id = c.payment_id
   WHERE c.method = 'terminal' AND c.taken_at >= first - 2 AND c.taken_at < last + 3 AND city_day(c.taken_at) BETWEEN first AND last
  UNION ALL
  SELECT d.till_id, city_day(g.given_at), -g.amount_cents, NULL FROM counter_refund g JOIN drawer d ON d.id = g.drawer_id
   WHERE g.method = 'terminal' AND g.given_at >= first - 2 AND g.given_at < last + 3 AND city_day(g.given_at) BETWEEN first AND last $$;
CREATE FUNCTION sent_to_bank(first date, last date)
  RETURNS TABLE (subject text, kind text, till_id int, drawer_id uuid, day date, cents bigint, reference text, kassenzeichen text[])
  LANGUAGE sql STABLE ROWS 200 AS $$
  SELECT 'deposit:' || d.id, 'deposit', d.till_id, d.id, city_day(d.closed_at), d.deposit_cents::bigint, coalesce(d.bag, ''), '{}'::text[]
    FROM drawer d WHERE d.deposit_cents > 0 AND city_day(d.closed_at) BETWEEN first AND last
  UNION ALL
  SELECT 'change:' || d.id, 'change', d.till_id, d.id, city_day(d.opened_at), -d.brought_cents::bigint, '', '{}'::text[]
    FROM drawer d WHERE d.brought_cents > 0 AND city_day(d.opened_at) BETWEEN first AND last
  UNION ALL
  SELECT 'terminal:' || t.id || ':' || m.day, 'terminal', t.id, NULL, m.day, sum(m.cents)::bigint, coalesce(t.terminal, ''),
         coalesce(array_agg(m.kassenzeichen ORDER BY m.kassenzeichen) FILTER (WHERE m.kassenzeichen IS NOT NULL), '{}')
    FROM terminal_moves(first, last) m JOIN till t ON t.id = m.till_id GROUP BY t.id, m.day HAVING sum(m.cents) <> 0 $$;

-- What was put to a line of the bank stays readable; what a reversal has parted is free for another. A line is put to something once at a time.
DROP TRIGGER bank_match_append_only ON bank_match;
ALTER TABLE bank_match ADD COLUMN freed_by bigint REFERENCES journal;
UPDATE bank_match m SET freed_by = j.id FROM journal j WHERE j.reverses = m.journal_id AND j.kind = 'reversal';
ALTER TABLE bank_match DROP CONSTRAINT bank_match_once;
CREATE UNIQUE INDEX bank_match_once ON bank_match (statement_id, entry, position) WHERE freed_by IS NULL;
CREATE INDEX bank_match_journal ON bank_match (journal_id) WHERE journal_id IS NOT NULL;
ALTER TABLE bank_match DROP CONSTRAINT bank_match_named,
  ADD CONSTRAINT bank_match_named CHECK (num_nonnulls(payout_id, order_id, journal_id) > 0 AND (payout_id IS NULL) = (provider IS NULL)) NOT VALID;
ALTER TABLE bank_match VALIDATE CONSTRAINT bank_match_named;
CREATE TRIGGER bank_match_append_only BEFORE UPDATE ON bank_match FOR EACH ROW
  WHEN (OLD.freed_by IS NOT NULL OR NEW.freed_by IS NULL
     OR (OLD.statement_id, OLD.entry, OLD.position, OLD.provider, OLD.payout_id, OLD.order_id, OLD.request_id, OLD.journal_id, OLD.at)
        IS DISTINCT FROM (NEW.statement_id, NEW.entry, NEW.position, NEW.provider, NEW.payout_id, NEW.order_id, NEW.request_id, NEW.journal_id, NEW.at))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_match_kept BEFORE DELETE ON bank_match FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What of the tills a journal has cleared.
CREATE TABLE bank_cleared (
  journal_id bigint NOT NULL REFERENCES journal,
  kind       text NOT NULL CONSTRAINT bank_cleared_kind CHECK (kind IN ('deposit', 'change', 'terminal')),
  drawer_id  uuid REFERENCES drawer,
  till_id    int REFERENCES till,
  day        date,
  cents      bigint NOT NULL,
  freed_by   bigint REFERENCES journal,
  CONSTRAINT bank_cleared_named CHECK (CASE kind WHEN 'terminal' THEN num_nonnulls(till_id, day) = 2 AND drawer_id IS NULL
                                                 ELSE drawer_id IS NOT NULL AND num_nonnulls(till_id, day) = 0 END)
);
CREATE UNIQUE INDEX bank_cleared_drawer_once ON bank_cleared (drawer_id, kind) WHERE freed_by IS NULL AND drawer_id IS NOT NULL;
CREATE UNIQUE INDEX bank_cleared_terminal_once ON bank_cleared (till_id, day) WHERE freed_by IS NULL AND till_id IS NOT NULL;
CREATE INDEX bank_cleared_journal ON bank_cleared (journal_id);
CREATE TRIGGER bank_cleared_append_only BEFORE UPDATE ON bank_cleared FOR EACH ROW
  WHEN (OLD.freed_by IS NOT NULL OR NEW.freed_by IS NULL OR (OLD.journal_id, OLD.kind, OLD.drawer_id, OLD.till_id, OLD.day, OLD.cents)
        IS DISTINCT FROM (NEW.journal_id, NEW.kind, NEW.drawer_id, NEW.till_id, NEW.day, NEW.cents))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_cleared_kept BEFORE DELETE ON bank_cleared FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_cleared_not_emptied BEFORE TRUNCATE ON bank_cleared EXECUTE FUNCTION refuse_truncate();
CREATE FUNCTION bank_cleared_as_sent() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE sent bigint; BEGIN
  IF NEW.kind = 'terminal' THEN
    SELECT sum(cents) INTO sent FROM terminal_moves(NEW.day, NEW.day) m WHERE m.till_id = NEW.till_id;
  ELSE
    SELECT CASE NEW.kind WHEN 'deposit' THEN nullif(deposit_cents, 0) ELSE nullif(-brought_cents, 0) END INTO sent FROM drawer WHERE id = NEW.drawer_id;
  END IF;
  IF sent IS DISTINCT FROM NEW.cents THEN
    RAISE EXCEPTION 'sent was %, not %', sent, NEW.cents USING ERRCODE = '23514', CONSTRAINT = 'bank_cleared_as_sent'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER bank_cleared_as_sent BEFORE INSERT ON bank_cleared FOR EACH ROW EXECUTE FUNCTION bank_cleared_as_sent();

-- At the commit a journal that clears something takes it off its account and books the lines of the bank, so what is left over is booked elsewhere; and
-- without two persons nothing is left over.
CREATE FUNCTION bank_clears() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE cash bigint; cards bigint; line bigint; by_two boolean; j bigint := NEW.journal_id; BEGIN
  SELECT coalesce(sum(cents) FILTER (WHERE kind <> 'terminal'), 0), coalesce(sum(cents) FILTER (WHERE kind = 'terminal'), 0) INTO cash, cards
    FROM bank_cleared WHERE journal_id = j;
  SELECT coalesce(sum(CASE WHEN m.position = 0 THEN e.amount_cents ELSE d.amount_cents END), 0), coalesce(bool_and(m.request_id IS NOT NULL), false)
    INTO line, by_two
    FROM bank_match m JOIN bank_entry e ON e.statement_id = m.statement_id AND e.position = m.entry
    LEFT JOIN bank_detail d ON d.statement_id = m.statement_id AND d.entry = m.entry AND d.position = m.position WHERE m.journal_id = j;
  IF (SELECT coalesce(sum(amount_cents) FILTER (WHERE account = 'cash_in_transit'), 0) <> -cash
          OR coalesce(sum(amount_cents) FILTER (WHERE account = 'terminal_clearing'), 0) <> -cards
          OR coalesce(sum(amount_cents) FILTER (WHERE account = 'bank'), 0) <> line FROM entry WHERE journal_id = j) THEN
    RAISE EXCEPTION 'journal % books something else than it clears', j USING ERRCODE = '23514', CONSTRAINT = 'bank_clears_whole'; END IF;
  IF NOT by_two AND (line <> cash + cards OR line = 0) THEN
    RAISE EXCEPTION 'journal % clears % with %', j, cash + cards, line USING ERRCODE = '23514', CONSTRAINT = 'bank_clears_exactly'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER bank_clears_whole AFTER INSERT ON bank_cleared DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bank_clears();
CREATE CONSTRAINT TRIGGER bank_match_clears AFTER INSERT ON bank_match DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.payout_id IS NULL AND NEW.order_id IS NULL AND NEW.request_id IS NULL) EXECUTE FUNCTION bank_clears();

-- What people may choose between, and what they chose.
ALTER TABLE difference ADD COLUMN choices jsonb NOT NULL DEFAULT '[]';   -- the likeliest first: {subjects, cents, rest}
ALTER TABLE difference_request ADD COLUMN choice jsonb;
ALTER TABLE difference_request ADD CONSTRAINT difference_request_choice CHECK ((proposal = 'clear') = (choice IS NOT NULL)) NOT VALID;
ALTER TABLE difference_request VALIDATE CONSTRAINT difference_request_choice;
CREATE TRIGGER difference_request_choice_fixed BEFORE UPDATE ON difference_request FOR EACH ROW WHEN (OLD.choice IS DISTINCT FROM NEW.choice)
  EXECUTE FUNCTION refuse_by_rule('a request says what it said');
DROP TRIGGER difference_acknowledged_by_two ON difference;
CREATE CONSTRAINT TRIGGER difference_acknowledged_by_two AFTER INSERT OR UPDATE ON difference DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.cause IN ('refund_at_provider', 'bank_balance') AND NEW.state = 'explained') EXECUTE FUNCTION difference_by_two();

-- Whoever reverses a journal parts what it has put together, in the same transaction: lines and tills are free, and what was settled by it is open again.
CREATE FUNCTION journal_parts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE bank_match SET freed_by = NEW.id WHERE journal_id = NEW.reverses AND freed_by IS NULL;
  UPDATE bank_cleared SET freed_by = NEW.id WHERE journal_id = NEW.reverses AND freed_by IS NULL;
  WITH again AS (
    UPDATE difference d SET state = 'open', ended_at = NULL FROM difference_request r
     WHERE r.journal_id = NEW.reverses AND d.id = r.difference_id AND d.state = 'explained' RETURNING d.id)
  INSERT INTO difference_note (difference_id, at, what) SELECT id, NEW.at, 'reopened' FROM again;
  RETURN NULL; END $$;
CREATE TRIGGER journal_parts AFTER INSERT ON journal FOR EACH ROW WHEN (NEW.kind = 'reversal') EXECUTE FUNCTION journal_parts();
WITH again AS (
  UPDATE difference d SET state = 'open', ended_at = NULL FROM difference_request r JOIN journal j ON j.reverses = r.journal_id AND j.kind = 'reversal'
   WHERE d.id = r.difference_id AND d.state = 'explained'
     AND NOT EXISTS (SELECT FROM difference_request l WHERE l.difference_id = d.id AND l.approved AND l.decided_at > j.at) RETURNING d.id)
INSERT INTO difference_note (difference_id, at, what) SELECT id, now(), 'reopened' FROM again;

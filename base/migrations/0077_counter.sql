-- The till at a counter (docs/adr/0062): payments taken in cash or by card terminal, and the drawer they lie in. A drawer belongs to a till,
-- which is a place; persons stand only where they sign: who opened it and who closed it.
CREATE TABLE till (
  id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  office_id int NOT NULL REFERENCES office,
  key       text NOT NULL CONSTRAINT till_key_once UNIQUE CONSTRAINT till_key CHECK (key ~ '^[a-z0-9_.-]{1,60}$'),  -- its account: cash:key
  name      text NOT NULL CONSTRAINT till_name CHECK (name = btrim(name) AND length(name) BETWEEN 1 AND 60)
);
CREATE INDEX till_office ON till (office_id);
CREATE TRIGGER till_place_fixed BEFORE UPDATE ON till FOR EACH ROW WHEN ((OLD.office_id, OLD.key) IS DISTINCT FROM (NEW.office_id, NEW.key))
  EXECUTE FUNCTION refuse_by_rule('a till keeps its place and its account');
CREATE TRIGGER till_never_deleted BEFORE DELETE OR TRUNCATE ON till EXECUTE FUNCTION refuse_by_rule('tills are never deleted');

CREATE TABLE drawer (
  id             uuid PRIMARY KEY,
  till_id        int NOT NULL REFERENCES till,
  opened_by      int NOT NULL REFERENCES account,
  opened_at      timestamptz NOT NULL,
  float_cents    int NOT NULL CONSTRAINT drawer_float CHECK (float_cents >= 0),                 -- counted at the opening
  brought_cents  int NOT NULL DEFAULT 0 CONSTRAINT drawer_brought CHECK (brought_cents >= 0),   -- of it, change that came from the bank
  left_cents     int NOT NULL,                    -- what the books said was in it; set by the trigger
  closed_by      int REFERENCES account,
  closed_at      timestamptz,
  counted_cents  int CONSTRAINT drawer_counted CHECK (counted_cents >= 0),
  count          jsonb NOT NULL DEFAULT '{}',     -- how many of each note and coin, by cents; empty: only the sum was counted
  expected_cents int,                             -- what the books say; set by the trigger
  deposit_cents  int CONSTRAINT drawer_deposit CHECK (deposit_cents BETWEEN 0 AND counted_cents),   -- of it, to the bank
  note           text CONSTRAINT drawer_note CHECK (note = btrim(note) AND length(note) BETWEEN 1 AND 500),
  CONSTRAINT drawer_closed_whole CHECK (num_nulls(closed_by, closed_at, counted_cents, expected_cents, deposit_cents) IN (0, 5)),
  CONSTRAINT drawer_difference_explained CHECK (closed_at IS NULL OR counted_cents = expected_cents OR note IS NOT NULL)
);
CREATE UNIQUE INDEX drawer_one_open ON drawer (till_id) WHERE closed_at IS NULL;
CREATE INDEX drawer_till ON drawer (till_id, opened_at);
CREATE FUNCTION count_cents(count jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT coalesce(sum(key::bigint * value::bigint), 0) FROM jsonb_each_text(count) $$;
ALTER TABLE drawer ADD CONSTRAINT drawer_count_sums CHECK (count = '{}' OR count_cents(count) = counted_cents);

-- The provider `counter`: what is to be paid at a till, and what was. It is to `payment` what a provider's own database is.
CREATE TABLE counter_payment (
  id           text PRIMARY KEY,
  payment_id   uuid NOT NULL REFERENCES payment CONSTRAINT counter_payment_once UNIQUE,
  amount_cents int NOT NULL CONSTRAINT counter_payment_amount CHECK (amount_cents > 0),
  currency     text NOT NULL CONSTRAINT counter_payment_currency CHECK (currency = 'EUR'),
  status       text NOT NULL DEFAULT 'open' CONSTRAINT counter_payment_status CHECK (status IN ('open', 'paid', 'dead')),
  pay_url      text NOT NULL,                      -- the payer's page, which says where and how to pay
  created_at   timestamptz NOT NULL,
  drawer_id    uuid REFERENCES drawer,
  method       text CONSTRAINT counter_payment_method CHECK (method IN ('cash', 'terminal')),
  given_cents  int,                                -- cash handed over; the change is the rest
  slip         text CONSTRAINT counter_payment_slip CHECK (slip ~ '^[A-Za-z0-9 /-]{1,40}$'),   -- the terminal's number of the payment
  taken_at     timestamptz,
  request_key  uuid,
  CONSTRAINT counter_payment_taken_whole CHECK ((status = 'paid') = (num_nulls(drawer_id, method, taken_at, request_key) = 0)
                                                AND (status = 'paid' OR num_nonnulls(drawer_id, method, taken_at, request_key, given_cents, slip) = 0)),
  CONSTRAINT counter_payment_given CHECK ((method IS NOT DISTINCT FROM 'cash') = (given_cents IS NOT NULL) AND (given_cents IS NULL OR given_cents >= amount_cents)),
  CONSTRAINT counter_payment_slip_of_terminal CHECK (slip IS NULL OR method = 'terminal')
);
CREATE INDEX counter_payment_drawer ON counter_payment (drawer_id) WHERE drawer_id IS NOT NULL;
CREATE INDEX counter_payment_created ON counter_payment (created_at);
CREATE INDEX counter_payment_taken ON counter_payment (taken_at) WHERE taken_at IS NOT NULL;
CREATE TRIGGER counter_payment_final BEFORE UPDATE ON counter_payment FOR EACH ROW WHEN (OLD.status <> 'open')
  EXECUTE FUNCTION refuse_by_rule('what was taken or given up at a till stays so: money goes back by a refund');
CREATE TRIGGER counter_payment_terms_fixed BEFORE UPDATE ON counter_payment FOR EACH ROW
  WHEN ((OLD.id, OLD.payment_id, OLD.amount_cents, OLD.currency, OLD.created_at) IS DISTINCT FROM (NEW.id, NEW.payment_id, NEW.amount_cents, NEW.currency, NEW.created_at))
  EXECUTE FUNCTION refuse_by_rule('what is to be paid at a till never changes');
CREATE TRIGGER counter_payment_never_deleted BEFORE DELETE OR TRUNCATE ON counter_payment
  EXECUTE FUNCTION refuse_by_rule('what is to be paid at a till is never deleted');
CREATE FUNCTION counter_payment_of_its_payment() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM payment p WHERE p.id = NEW.payment_id AND p.provider = 'counter'
                    AND (p.amount_cents, p.currency) = (NEW.amount_cents, NEW.currency)) THEN
    RAISE EXCEPTION 'payment % is no such payment at a till', NEW.payment_id USING ERRCODE = '23514', CONSTRAINT = 'counter_payment_of_its_payment'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER counter_payment_of_its_payment BEFORE INSERT ON counter_payment FOR EACH ROW EXECUTE FUNCTION counter_payment_of_its_payment();

-- Whoever takes money or gives it out holds the open drawer with others; whoever closes it holds it alone, and so sees all of it.
CREATE FUNCTION till_drawer_open() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM FROM drawer WHERE id = NEW.drawer_id AND closed_at IS NULL FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'drawer % is not open', NEW.drawer_id USING ERRCODE = '23514', CONSTRAINT = TG_NAME; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER counter_payment_drawer_open BEFORE INSERT OR UPDATE ON counter_payment FOR EACH ROW WHEN (NEW.drawer_id IS NOT NULL)
  EXECUTE FUNCTION till_drawer_open();

-- Money that a till is to give back. It waits until its payer comes; or is transferred instead.
CREATE TABLE counter_refund (
  refund_id    uuid PRIMARY KEY,
  session_id   text NOT NULL REFERENCES counter_payment,
  amount_cents int NOT NULL CONSTRAINT counter_refund_amount CHECK (amount_cents > 0),
  status       text NOT NULL DEFAULT 'open' CONSTRAINT counter_refund_status CHECK (status IN ('open', 'given', 'transfer')),
  created_at   timestamptz NOT NULL,
  drawer_id    uuid REFERENCES drawer,
  method       text CONSTRAINT counter_refund_method CHECK (method IN ('cash', 'terminal')),
  given_at     timestamptz,
  CONSTRAINT counter_refund_given_whole CHECK (num_nonnulls(drawer_id, method, given_at) = CASE status WHEN 'given' THEN 3 ELSE 0 END)
);
CREATE INDEX counter_refund_session ON counter_refund (session_id);
CREATE INDEX counter_refund_drawer ON counter_refund (drawer_id) WHERE drawer_id IS NOT NULL;
CREATE INDEX counter_refund_open ON counter_refund (created_at) WHERE status = 'open';
CREATE TRIGGER counter_refund_final BEFORE UPDATE ON counter_refund FOR EACH ROW WHEN (OLD.status <> 'open')
  EXECUTE FUNCTION refuse_by_rule('what was given back stays so');
CREATE TRIGGER counter_refund_terms_fixed BEFORE UPDATE ON counter_refund FOR EACH ROW
  WHEN ((OLD.refund_id, OLD.session_id, OLD.amount_cents) IS DISTINCT FROM (NEW.refund_id, NEW.session_id, NEW.amount_cents))
  EXECUTE FUNCTION refuse_by_rule('what is to be given back never changes');
CREATE TRIGGER counter_refund_never_deleted BEFORE DELETE OR TRUNCATE ON counter_refund
  EXECUTE FUNCTION refuse_by_rule('what is to be given back is never deleted');
CREATE TRIGGER counter_refund_drawer_open BEFORE INSERT OR UPDATE ON counter_refund FOR EACH ROW WHEN (NEW.drawer_id IS NOT NULL)
  EXECUTE FUNCTION till_drawer_open();
CREATE FUNCTION counter_refund_within() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE paid counter_payment; given bigint; BEGIN
  SELECT * INTO STRICT paid FROM counter_payment WHERE id = NEW.session_id FOR NO KEY UPDATE;
  SELECT coalesce(sum(amount_cents), 0) INTO given FROM counter_refund WHERE session_id = NEW.session_id AND status <> 'transfer' AND refund_id <> NEW.refund_id;
  IF paid.status <> 'paid' OR given + NEW.amount_cents > paid.amount_cents THEN
    RAISE EXCEPTION 'more than was taken' USING ERRCODE = '23514', CONSTRAINT = 'counter_refund_within'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER counter_refund_within BEFORE INSERT ON counter_refund FOR EACH ROW EXECUTE FUNCTION counter_refund_within();
-- Nobody gives out money that no rule and no second person has released: the refund has been handed over by `payment`.
CREATE FUNCTION counter_refund_released() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM refund r JOIN counter_payment c ON c.payment_id = r.payment_id AND c.id = NEW.session_id
                  WHERE r.id = NEW.refund_id AND r.status = 'submitted' AND r.amount_cents = NEW.amount_cents) THEN
    RAISE EXCEPTION 'refund % is not released', NEW.refund_id USING ERRCODE = '23514', CONSTRAINT = 'counter_refund_released'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER counter_refund_released BEFORE INSERT OR UPDATE ON counter_refund FOR EACH ROW WHEN (NEW.status = 'given')
  EXECUTE FUNCTION counter_refund_released();

-- A drawer's own journals: change that was brought, the difference of a count, what goes to the bank. They belong to no payment.
ALTER TABLE journal ALTER COLUMN payment_id DROP NOT NULL, ADD COLUMN drawer_id uuid REFERENCES drawer;
DO $$ DECLARE said text; BEGIN  -- what is allowed already, whatever it is, and ours
  SELECT pg_get_constraintdef(oid) INTO STRICT said FROM pg_constraint WHERE conrelid = 'entry'::regclass AND conname = 'entry_account';
  ALTER TABLE entry DROP CONSTRAINT entry_account;
  EXECUTE 'ALTER TABLE entry ADD CONSTRAINT entry_account ' || replace(said, '|terminal_clearing|', '|cash_in_transit|terminal_clearing|') || ' NOT VALID';
  SELECT pg_get_constraintdef(oid) INTO STRICT said FROM pg_constraint WHERE conrelid = 'journal'::regclass AND conname = 'journal_kind';
  ALTER TABLE journal DROP CONSTRAINT journal_kind;
  EXECUTE 'ALTER TABLE journal ADD CONSTRAINT journal_kind '
    || replace(said, '''refund_failed''::text', '''refund_failed''::text, ''drawer_opened''::text, ''drawer_closed''::text') || ' NOT VALID';
  SELECT pg_get_constraintdef(oid) INTO STRICT said FROM pg_constraint WHERE conrelid = 'journal'::regclass AND conname = 'journal_refund_named';
  IF said LIKE '%''fee''%' THEN  -- it lists the kinds that name no refund
    ALTER TABLE journal DROP CONSTRAINT journal_refund_named;
    EXECUTE 'ALTER TABLE journal ADD CONSTRAINT journal_refund_named '
      || replace(said, '''fee''::text', '''fee''::text, ''drawer_opened''::text, ''drawer_closed''::text') || ' NOT VALID';
  END IF;
  SELECT pg_get_constraintdef(oid) INTO STRICT said FROM pg_constraint WHERE conrelid = 'journal'::regclass AND conname = 'journal_once';
  ALTER TABLE journal DROP CONSTRAINT journal_once;
  EXECUTE 'ALTER TABLE journal ADD CONSTRAINT journal_once ' || replace(said, 'payment_id, ', 'payment_id, drawer_id, ');
END $$;
ALTER TABLE entry VALIDATE CONSTRAINT entry_account;
ALTER TABLE journal VALIDATE CONSTRAINT journal_kind;
ALTER TABLE journal VALIDATE CONSTRAINT journal_refund_named;
ALTER TABLE journal
  ADD CONSTRAINT journal_drawer_named CHECK ((kind IN ('drawer_opened', 'drawer_closed')) = (drawer_id IS NOT NULL)) NOT VALID,
  ADD CONSTRAINT journal_drawer_of_no_payment CHECK (drawer_id IS NULL OR payment_id IS NULL) NOT VALID;
ALTER TABLE journal DROP CONSTRAINT IF EXISTS journal_payment_named;
ALTER TABLE journal
  ADD CONSTRAINT journal_payment_named CHECK (kind NOT IN ('fee', 'earned', 'refund', 'refund_failed') OR payment_id IS NOT NULL) NOT VALID;
ALTER TABLE journal VALIDATE CONSTRAINT journal_drawer_named;
ALTER TABLE journal VALIDATE CONSTRAINT journal_drawer_of_no_payment;
ALTER TABLE journal VALIDATE CONSTRAINT journal_payment_named;
CREATE INDEX journal_drawer ON journal (drawer_id) WHERE drawer_id IS NOT NULL;

CREATE FUNCTION till_balance(till int) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(e.amount_cents), 0) FROM entry e WHERE e.account = (SELECT 'cash:' || key FROM till t WHERE t.id = till) $$;
CREATE FUNCTION drawer_opens() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.closed_at IS NOT NULL THEN
    RAISE EXCEPTION 'a drawer begins open' USING ERRCODE = '23514', CONSTRAINT = 'drawer_opens'; END IF;
  PERFORM FROM till WHERE id = NEW.till_id FOR NO KEY UPDATE;   -- one after the other
  NEW.left_cents := till_balance(NEW.till_id);
  RETURN NEW; END $$;
CREATE TRIGGER drawer_opens BEFORE INSERT ON drawer FOR EACH ROW EXECUTE FUNCTION drawer_opens();
CREATE TRIGGER drawer_closed_stays BEFORE UPDATE ON drawer FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL)
  EXECUTE FUNCTION refuse_by_rule('a closed drawer never changes');
CREATE TRIGGER drawer_opening_fixed BEFORE UPDATE ON drawer FOR EACH ROW
  WHEN ((OLD.id, OLD.till_id, OLD.opened_by, OLD.opened_at, OLD.float_cents, OLD.brought_cents, OLD.left_cents)
        IS DISTINCT FROM (NEW.id, NEW.till_id, NEW.opened_by, NEW.opened_at, NEW.float_cents, NEW.brought_cents, NEW.left_cents))
  EXECUTE FUNCTION refuse_by_rule('how a drawer was opened never changes');
CREATE TRIGGER drawer_never_deleted BEFORE DELETE OR TRUNCATE ON drawer EXECUTE FUNCTION refuse_by_rule('drawers are never deleted');
CREATE FUNCTION drawer_closes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM counter_payment c JOIN payment p ON p.id = c.payment_id WHERE c.drawer_id = NEW.id AND p.status <> 'paid')
     OR EXISTS (SELECT FROM counter_refund c JOIN refund r ON r.id = c.refund_id WHERE c.drawer_id = NEW.id AND r.status <> 'succeeded') THEN
    RAISE EXCEPTION 'drawer % has money that is not booked yet', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'drawer_closes_booked'; END IF;
  NEW.expected_cents := till_balance(NEW.till_id);
  RETURN NEW; END $$;
CREATE TRIGGER drawer_closes BEFORE UPDATE ON drawer FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL)
  EXECUTE FUNCTION drawer_closes();
-- At the commit the books say of a till's cash what was counted: whoever counts books it, or has not counted.
CREATE FUNCTION drawer_in_the_books() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE d drawer; BEGIN
  SELECT * INTO STRICT d FROM drawer WHERE id = NEW.id;
  IF TG_OP = 'INSERT' AND till_balance(d.till_id) <> d.float_cents AND d.closed_at IS NULL
     OR TG_OP = 'UPDATE' AND d.closed_at IS NOT NULL AND till_balance(d.till_id) <> d.counted_cents - d.deposit_cents THEN
    RAISE EXCEPTION 'the books say something else of till % than was counted', d.till_id USING ERRCODE = '23514', CONSTRAINT = 'drawer_in_the_books'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER drawer_in_the_books AFTER INSERT OR UPDATE ON drawer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION drawer_in_the_books();

INSERT INTO duty_permission (permission, duty) VALUES ('till.close', 'cash');
INSERT INTO role (name, permissions) VALUES ('cashier', ARRAY['till.work', 'till.close']);

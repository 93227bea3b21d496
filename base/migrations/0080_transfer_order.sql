-- Refunds that the provider cannot make go by bank transfer (docs/adr/0064): an order for each refund that failed for good. Nothing of it is
-- ever deleted but holder and IBAN, which are sealed.
CREATE TABLE transfer_file (
  number       int PRIMARY KEY,
  id           uuid NOT NULL CONSTRAINT transfer_file_id_once UNIQUE,   -- MsgId of the file
  made_by      int NOT NULL REFERENCES account,
  made_at      timestamptz NOT NULL,
  execute_on   date NOT NULL,                       -- when the bank is to pay
  account_name text NOT NULL,                       -- ours, which pays
  account_iban text NOT NULL,
  orders       int NOT NULL CONSTRAINT transfer_file_not_empty CHECK (orders > 0),
  sum_cents    bigint NOT NULL CONSTRAINT transfer_file_sum CHECK (sum_cents > 0),
  content      bytea,                               -- sealed; null once the bank data are erased
  sha256       bytea NOT NULL CONSTRAINT transfer_file_is_sha256 CHECK (length(sha256) = 32)   -- of the content as it was sent
);

CREATE TABLE transfer_order (
  id             uuid PRIMARY KEY,
  refund_id      uuid NOT NULL REFERENCES refund CONSTRAINT transfer_order_refund_once UNIQUE,
  payment_id     uuid NOT NULL REFERENCES payment,
  amount_cents   int NOT NULL CONSTRAINT transfer_order_amount CHECK (amount_cents > 0),
  status         text NOT NULL DEFAULT 'asked' CONSTRAINT transfer_order_status
                 CHECK (status IN ('asked', 'iban_given', 'assessed', 'approved', 'exported', 'paid', 'returned', 'cancelled')),
  round          int NOT NULL DEFAULT 1,            -- how often its payee was asked for an account
  token_sha256   bytea NOT NULL CONSTRAINT transfer_order_token_once UNIQUE,
  purpose        text NOT NULL,                     -- what the payee reads on the bank statement
  lines          jsonb NOT NULL CONSTRAINT transfer_order_lines_sum CHECK (lines_cents(lines) = amount_cents),   -- by product account
  holder         bytea,                             -- sealed, as the IBAN
  iban           bytea,
  iban_end       text,                              -- the last four, for lists
  entered_by     int REFERENCES account,            -- null with entered_at: by the payee's own link
  entered_at     timestamptz,
  assessed_by    int REFERENCES account,            -- correct in substance and sum
  assessed_at    timestamptz,
  approved_by    int REFERENCES account,            -- who orders the payment
  approved_at    timestamptz,
  due_on         date,
  budget_year    int,
  file           int REFERENCES transfer_file,      -- the latest
  sent_at        timestamptz,
  paid_at        timestamptz,
  bank_entry_ref text,
  created_at     timestamptz NOT NULL,
  changed_at     timestamptz NOT NULL,
  CONSTRAINT transfer_order_account_whole CHECK (num_nulls(holder, iban) IN (0, 2)),
  CONSTRAINT transfer_order_account_given CHECK (status NOT IN ('iban_given', 'assessed', 'approved', 'exported') OR iban IS NOT NULL AND entered_at IS NOT NULL),
  CONSTRAINT transfer_order_assessed CHECK (status NOT IN ('assessed', 'approved', 'exported') OR assessed_by IS NOT NULL AND assessed_at IS NOT NULL),
  CONSTRAINT transfer_order_approved CHECK (status NOT IN ('approved', 'exported', 'paid')
    OR num_nulls(approved_by, approved_at, due_on, budget_year) = 0),
  -- Who says that it is right, or typed the account in, is not who orders it.
  CONSTRAINT transfer_order_four_eyes CHECK (approved_by IS NULL
    OR approved_by <> assessed_by AND approved_by IS DISTINCT FROM entered_by AND assessed_by IS NOT NULL),
  CONSTRAINT transfer_order_in_file CHECK (status NOT IN ('exported', 'paid') OR file IS NOT NULL AND sent_at IS NOT NULL),
  CONSTRAINT transfer_order_paid CHECK ((status = 'paid') = (paid_at IS NOT NULL))
);
CREATE INDEX transfer_order_open ON transfer_order (created_at) WHERE status NOT IN ('paid', 'cancelled');
CREATE INDEX transfer_order_payment ON transfer_order (payment_id);
CREATE INDEX transfer_order_bank_data ON transfer_order (changed_at) WHERE iban IS NOT NULL AND status IN ('paid', 'cancelled');

-- What happened to an order, and who did it; `record`: the ten fields of a payment order as they were approved, without the account itself.
CREATE TABLE transfer_step (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id uuid NOT NULL REFERENCES transfer_order,
  event    text NOT NULL,
  at       timestamptz NOT NULL,
  by       int REFERENCES account,   -- null: the payee, or by rule
  note     text,
  record   jsonb,
  CONSTRAINT transfer_step_record CHECK ((event = 'approve') = (record IS NOT NULL))
);
CREATE INDEX transfer_step_order ON transfer_step (order_id);

CREATE TABLE transfer_file_item (
  file          int NOT NULL REFERENCES transfer_file,
  position      int NOT NULL,
  order_id      uuid NOT NULL REFERENCES transfer_order,
  end_to_end_id uuid NOT NULL CONSTRAINT transfer_file_item_end_to_end_once UNIQUE,   -- comes back on the bank statement
  amount_cents  int NOT NULL,
  PRIMARY KEY (file, position),
  CONSTRAINT transfer_file_item_once UNIQUE (file, order_id)
);
CREATE INDEX transfer_file_item_order ON transfer_file_item (order_id);
CREATE TABLE transfer_download (
  id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  file int NOT NULL REFERENCES transfer_file,
  by   int NOT NULL REFERENCES account,
  at   timestamptz NOT NULL
);
CREATE INDEX transfer_download_file ON transfer_download (file);

-- Its beginning, its terms and its ways.
CREATE FUNCTION transfer_order_of_failed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.status <> 'asked' OR NOT EXISTS (
    SELECT FROM refund r JOIN payment p ON p.id = r.payment_id
     WHERE r.id = NEW.refund_id AND r.payment_id = NEW.payment_id AND r.amount_cents = NEW.amount_cents AND p.currency = 'EUR'
       AND r.status = 'failed' AND r.retry_at IS NULL AND NOT EXISTS (SELECT FROM refund n WHERE n.retry_of = r.id)) THEN
    RAISE EXCEPTION 'refund % has not failed for good', NEW.refund_id USING ERRCODE = '23514', CONSTRAINT = 'transfer_order_of_failed'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER transfer_order_of_failed BEFORE INSERT ON transfer_order FOR EACH ROW EXECUTE FUNCTION transfer_order_of_failed();
CREATE TRIGGER transfer_order_terms_fixed BEFORE UPDATE ON transfer_order FOR EACH ROW
  WHEN ((OLD.id, OLD.refund_id, OLD.payment_id, OLD.amount_cents, OLD.purpose, OLD.lines, OLD.created_at)
        IS DISTINCT FROM (NEW.id, NEW.refund_id, NEW.payment_id, NEW.amount_cents, NEW.purpose, NEW.lines, NEW.created_at))
  EXECUTE FUNCTION refuse_by_rule('what is transferred, and for which refund, never changes');
CREATE TRIGGER transfer_order_graph BEFORE UPDATE ON transfer_order FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND NOT (OLD.status || '>' || NEW.status) = ANY (ARRAY[
    'asked>iban_given', 'asked>cancelled', 'iban_given>assessed', 'iban_given>asked', 'iban_given>cancelled',
    'assessed>approved', 'assessed>asked', 'assessed>cancelled', 'approved>exported', 'approved>asked', 'approved>cancelled',
    'exported>paid', 'exported>returned', 'paid>returned', 'returned>iban_given', 'returned>cancelled']))
  EXECUTE FUNCTION refuse_by_rule('this is not a way that a transfer order goes');
CREATE TRIGGER transfer_order_account_fixed BEFORE UPDATE ON transfer_order FOR EACH ROW
  WHEN (OLD.status IN ('assessed', 'approved', 'exported') AND NEW.status IN ('assessed', 'approved', 'exported', 'paid')
        AND (OLD.holder, OLD.iban, OLD.entered_by) IS DISTINCT FROM (NEW.holder, NEW.iban, NEW.entered_by))
  EXECUTE FUNCTION refuse_by_rule('the account that was assessed is the one that is approved and paid');
CREATE TRIGGER transfer_order_decided_once BEFORE UPDATE ON transfer_order FOR EACH ROW
  WHEN (OLD.approved_by IS NOT NULL AND NEW.status IN ('approved', 'exported', 'paid')
        AND (OLD.assessed_by, OLD.assessed_at, OLD.approved_by, OLD.approved_at, OLD.due_on, OLD.budget_year)
            IS DISTINCT FROM (NEW.assessed_by, NEW.assessed_at, NEW.approved_by, NEW.approved_at, NEW.due_on, NEW.budget_year))
  EXECUTE FUNCTION refuse_by_rule('an approved order stays as it was approved');
CREATE TRIGGER transfer_order_never_deleted BEFORE DELETE OR TRUNCATE ON transfer_order
  EXECUTE FUNCTION refuse_by_rule('transfer orders are never deleted');

-- A refund knows its order's status, and the payment counts the order as given back, so that the money goes out once.
ALTER TABLE refund ADD COLUMN transfer_status text;
CREATE TRIGGER refund_transfer_by_orders BEFORE UPDATE ON refund FOR EACH ROW
  WHEN (OLD.transfer_status IS DISTINCT FROM NEW.transfer_status AND pg_trigger_depth() = 0)
  EXECUTE FUNCTION refuse_by_rule('how a transfer stands is kept by the database itself');
CREATE FUNCTION transfer_order_counts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE counted int := 0; counts int := NEW.amount_cents; BEGIN
  IF NEW.status = 'cancelled' THEN counts := 0; END IF;
  IF TG_OP = 'UPDATE' AND OLD.status <> 'cancelled' THEN counted := OLD.amount_cents; END IF;
  IF counts <> counted THEN UPDATE payment SET refunded_cents = refunded_cents + counts - counted WHERE id = NEW.payment_id; END IF;
  IF TG_OP = 'INSERT' OR OLD.status <> NEW.status THEN UPDATE refund SET transfer_status = NEW.status WHERE id = NEW.refund_id; END IF;
  RETURN NULL; END $$;
CREATE TRIGGER transfer_order_counts AFTER INSERT OR UPDATE ON transfer_order FOR EACH ROW EXECUTE FUNCTION transfer_order_counts();

-- Files: numbered without a gap, with exactly the approved orders that they count, made by somebody who ordered none of them.
CREATE FUNCTION transfer_file_gapless() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE next int; BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('transfer_file', 0));
  SELECT coalesce(max(number), 0) + 1 INTO next FROM transfer_file;
  IF NEW.number <> next THEN
    RAISE EXCEPTION 'file % where % is next', NEW.number, next USING ERRCODE = '23514', CONSTRAINT = 'transfer_file_gapless'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER transfer_file_gapless BEFORE INSERT ON transfer_file FOR EACH ROW EXECUTE FUNCTION transfer_file_gapless();
CREATE FUNCTION transfer_file_item_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE o transfer_order; maker int; BEGIN
  SELECT * INTO STRICT o FROM transfer_order WHERE id = NEW.order_id;
  SELECT made_by INTO STRICT maker FROM transfer_file WHERE number = NEW.file;
  IF o.status <> 'approved' OR o.amount_cents <> NEW.amount_cents THEN
    RAISE EXCEPTION 'order % is not approved like this', NEW.order_id USING ERRCODE = '23514', CONSTRAINT = 'transfer_file_item_approved'; END IF;
  IF maker IN (o.approved_by, o.assessed_by) OR maker = o.entered_by THEN
    RAISE EXCEPTION 'who orders does not execute' USING ERRCODE = '23514', CONSTRAINT = 'transfer_file_by_another'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER transfer_file_item_check BEFORE INSERT ON transfer_file_item FOR EACH ROW EXECUTE FUNCTION transfer_file_item_check();
CREATE FUNCTION transfer_file_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE n int; f transfer_file; items int; total bigint; BEGIN
  IF TG_TABLE_NAME = 'transfer_file' THEN n := NEW.number; ELSE n := NEW.file; END IF;
  SELECT * INTO STRICT f FROM transfer_file WHERE number = n;
  SELECT count(*), coalesce(sum(amount_cents), 0) INTO items, total FROM transfer_file_item WHERE file = n;
  IF (f.orders, f.sum_cents) <> (items, total) THEN
    RAISE EXCEPTION 'file % counts % orders of %', n, items, total USING ERRCODE = '23514', CONSTRAINT = 'transfer_file_adds_up'; END IF;
  IF EXISTS (SELECT FROM transfer_file_item i JOIN transfer_order o ON o.id = i.order_id WHERE i.file = n AND (o.file IS DISTINCT FROM n OR o.status = 'approved')) THEN
    RAISE EXCEPTION 'an order of file % is not in it', n USING ERRCODE = '23514', CONSTRAINT = 'transfer_file_of_its_orders'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER transfer_file_adds_up AFTER INSERT ON transfer_file DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfer_file_adds_up();
CREATE CONSTRAINT TRIGGER transfer_file_item_adds_up AFTER INSERT ON transfer_file_item DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION transfer_file_adds_up();
CREATE FUNCTION transfer_order_is_item() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM transfer_file_item WHERE file = NEW.file AND order_id = NEW.id) THEN
    RAISE EXCEPTION 'order % is in no file', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'transfer_order_is_item'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER transfer_order_is_item AFTER UPDATE ON transfer_order DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.status = 'exported') EXECUTE FUNCTION transfer_order_is_item();
CREATE TRIGGER transfer_file_append_only BEFORE UPDATE ON transfer_file FOR EACH ROW
  WHEN (NEW.content IS NOT NULL OR (OLD.number, OLD.id, OLD.made_by, OLD.made_at, OLD.execute_on, OLD.account_name, OLD.account_iban, OLD.orders, OLD.sum_cents, OLD.sha256)
     IS DISTINCT FROM (NEW.number, NEW.id, NEW.made_by, NEW.made_at, NEW.execute_on, NEW.account_name, NEW.account_iban, NEW.orders, NEW.sum_cents, NEW.sha256))
  EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_file_kept BEFORE DELETE ON transfer_file FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_file_not_emptied BEFORE TRUNCATE ON transfer_file EXECUTE FUNCTION refuse_truncate();
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['transfer_step', 'transfer_file_item', 'transfer_download'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t || '_append_only', t);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I EXECUTE FUNCTION refuse_truncate()', t || '_not_emptied', t);
  END LOOP; END $$;

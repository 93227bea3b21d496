-- A further fee, asked for while somebody is served (docs/adr/0070). Its id is the reference of its payment; payment knows no more of it.
CREATE TABLE charge (
  id              uuid PRIMARY KEY,
  office_id       int NOT NULL REFERENCES office,
  ticket_id       uuid NOT NULL REFERENCES ticket,
  appointment_id  uuid REFERENCES appointment,        -- null: whoever came without one
  kind            text NOT NULL CONSTRAINT charge_kind CHECK (kind IN ('fee', 'reduction')),  -- of the price list; or because proof was not shown
  fee_id          int REFERENCES fee,                 -- the version of the price
  quantity        smallint NOT NULL CONSTRAINT charge_quantity CHECK (quantity BETWEEN 1 AND 99),
  amount_cents    int NOT NULL CONSTRAINT charge_amount CHECK (amount_cents > 0),
  currency        text NOT NULL CONSTRAINT charge_currency CHECK (currency ~ '^[A-Z]{3}$'),
  lines           jsonb NOT NULL CONSTRAINT charge_lines_sum CHECK (lines_cents(lines) = amount_cents),
  legal_basis     jsonb NOT NULL DEFAULT '{}',
  label           text NOT NULL CONSTRAINT charge_label CHECK (length(btrim(label)) BETWEEN 1 AND 300),   -- in the payer's language
  language        text NOT NULL,
  day             date NOT NULL,                      -- local; on which it is earned
  status          text NOT NULL DEFAULT 'open' CONSTRAINT charge_status CHECK (status IN ('open', 'withdrawing', 'paid', 'withdrawn')),
  requested_by    int NOT NULL REFERENCES account,
  requested_at    timestamptz NOT NULL,
  withdrawn_by    int REFERENCES account,
  withdraw_reason text CONSTRAINT charge_withdraw_reason CHECK (length(btrim(withdraw_reason)) BETWEEN 1 AND 300),
  changed_at      timestamptz NOT NULL,
  token_sha256    bytea NOT NULL CONSTRAINT charge_token_once UNIQUE,
  token_sealed    bytea NOT NULL,                     -- the link to pay: shown to the clerk as a code, and sent where that is asked for
  xid             bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  CONSTRAINT charge_fee_named CHECK ((kind = 'fee') = (fee_id IS NOT NULL)),
  CONSTRAINT charge_reduction_of_case CHECK (kind = 'fee' OR appointment_id IS NOT NULL),
  CONSTRAINT charge_withdrawn_by_whom CHECK (num_nulls(withdrawn_by, withdraw_reason) IN (0, 2)
                                             AND (status <> 'open' OR withdrawn_by IS NULL)
                                             AND (status NOT IN ('withdrawing', 'withdrawn') OR withdrawn_by IS NOT NULL))
);
CREATE INDEX charge_ticket ON charge (ticket_id);
CREATE INDEX charge_appointment ON charge (appointment_id) WHERE appointment_id IS NOT NULL;
CREATE INDEX charge_feed ON charge (xid);
CREATE INDEX charge_unpaid ON charge (office_id, requested_at) WHERE status IN ('open', 'withdrawing');
CREATE UNIQUE INDEX charge_reduction_once ON charge (appointment_id) WHERE kind = 'reduction' AND status <> 'withdrawn';

CREATE TABLE charge_history (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  charge_id uuid NOT NULL REFERENCES charge,
  status    text NOT NULL,
  at        timestamptz NOT NULL,
  by        int REFERENCES account,                   -- who asked for it or withdrew it: a decision about money
  reason    text
);
CREATE INDEX charge_history_charge ON charge_history (charge_id);
CREATE TRIGGER charge_history_append_only BEFORE UPDATE OR DELETE ON charge_history FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Only of somebody who is being served there, and for what the price list says on that day. The ticket is held, so a visit that ends
-- waits for the fee, and the fee for the visit.
CREATE FUNCTION charge_asked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE t ticket; f fee; BEGIN
  SELECT * INTO t FROM ticket WHERE id = NEW.ticket_id FOR SHARE;
  IF t.status <> 'serving' OR t.office_id <> NEW.office_id OR t.appointment_id IS DISTINCT FROM NEW.appointment_id THEN
    RAISE EXCEPTION 'nobody is served with ticket %', NEW.ticket_id USING ERRCODE = '23514', CONSTRAINT = 'charge_while_served'; END IF;
  IF NEW.status <> 'open' THEN
    RAISE EXCEPTION 'a charge begins open' USING ERRCODE = '23514', CONSTRAINT = 'charge_begins_open'; END IF;
  IF NEW.kind = 'fee' THEN
    SELECT * INTO f FROM fee WHERE id = NEW.fee_id;
    IF NEW.amount_cents <> NEW.quantity * f.amount_cents OR NEW.currency <> f.currency OR NOT f.valid @> NEW.day THEN
      RAISE EXCEPTION 'the price list says otherwise' USING ERRCODE = '23514', CONSTRAINT = 'charge_of_price_list'; END IF;
  END IF;
  RETURN NEW; END $$;
CREATE TRIGGER charge_asked BEFORE INSERT ON charge FOR EACH ROW EXECUTE FUNCTION charge_asked();
CREATE TRIGGER charge_terms_fixed BEFORE UPDATE ON charge FOR EACH ROW
  WHEN ((OLD.office_id, OLD.ticket_id, OLD.appointment_id, OLD.kind, OLD.fee_id, OLD.quantity, OLD.amount_cents, OLD.currency, OLD.lines, OLD.legal_basis,
         OLD.day, OLD.requested_by, OLD.requested_at)
        IS DISTINCT FROM (NEW.office_id, NEW.ticket_id, NEW.appointment_id, NEW.kind, NEW.fee_id, NEW.quantity, NEW.amount_cents, NEW.currency, NEW.lines,
         NEW.legal_basis, NEW.day, NEW.requested_by, NEW.requested_at))
  EXECUTE FUNCTION refuse_by_rule('what was asked for never changes: it is withdrawn and asked for anew');
CREATE TRIGGER charge_never_deleted BEFORE DELETE OR TRUNCATE ON charge EXECUTE FUNCTION refuse_by_rule('charges are never deleted');
-- Withdrawn only where no money can come any more, paid only where it has come.
CREATE FUNCTION charge_moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (OLD.status, NEW.status) NOT IN (('open', 'withdrawing'), ('open', 'withdrawn'), ('open', 'paid'), ('withdrawing', 'withdrawn'), ('withdrawing', 'paid')) THEN
    RAISE EXCEPTION 'a charge that is % does not become %', OLD.status, NEW.status USING ERRCODE = '42501', CONSTRAINT = 'charge_moves'; END IF;
  IF NEW.status = 'withdrawn'
     AND EXISTS (SELECT FROM payment WHERE reference = NEW.id AND status NOT IN ('fenced', 'lapsed') AND NOT surplus) THEN
    RAISE EXCEPTION 'money may still come for charge %', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'charge_withdrawn_unpaid'; END IF;
  IF NEW.status = 'paid'
     AND NOT EXISTS (SELECT FROM payment WHERE reference = NEW.id AND status = 'paid' AND captured_cents = NEW.amount_cents AND NOT surplus) THEN
    RAISE EXCEPTION 'nothing has come for charge %', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'charge_paid_by_money'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER charge_moves BEFORE UPDATE ON charge FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION charge_moves();
CREATE FUNCTION charge_touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.xid := pg_current_xact_id()::text::bigint; RETURN NEW; END $$;
CREATE TRIGGER charge_touch BEFORE UPDATE ON charge FOR EACH ROW EXECUTE FUNCTION charge_touch();
CREATE FUNCTION charge_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO charge_history (charge_id, status, at, by) VALUES (NEW.id, NEW.status, NEW.changed_at, NEW.requested_by);
  ELSIF NEW.status <> OLD.status THEN
    INSERT INTO charge_history (charge_id, status, at, by, reason)
    VALUES (NEW.id, NEW.status, NEW.changed_at, CASE WHEN NEW.status IN ('withdrawing', 'withdrawn') THEN NEW.withdrawn_by END,
            CASE WHEN NEW.status IN ('withdrawing', 'withdrawn') THEN NEW.withdraw_reason END);
  END IF;
  RETURN NULL; END $$;
CREATE TRIGGER charge_log AFTER INSERT OR UPDATE ON charge FOR EACH ROW EXECUTE FUNCTION charge_log();

-- Who asks for a fee assesses it, and does not take the money (docs/adr/0059). Where an account would have two duties by that, its city gives
-- the permission by hand.
DO $$ BEGIN
  UPDATE role SET permissions = permissions || ARRAY['fee.assess'] WHERE name IN ('clerk', 'supervisor') AND NOT 'fee.assess' = ANY (permissions);
EXCEPTION WHEN check_violation THEN
  RAISE NOTICE 'fee.assess was given to no role: an account would have two duties';
END $$;

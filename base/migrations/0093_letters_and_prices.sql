-- Letters that ask for a bank account (docs/adr/0073): to payees who have only a postal address, or whose mail did not arrive. What is in a
-- print run is printed, once for each time that a payee is asked; its file can be made again.
CREATE TABLE transfer_print (
  id        uuid PRIMARY KEY,                    -- of the request's key
  office_id int NOT NULL REFERENCES office,
  made_by   int NOT NULL REFERENCES account,
  made_at   timestamptz NOT NULL
);
CREATE INDEX transfer_print_office ON transfer_print (office_id, made_at DESC);
CREATE TABLE transfer_letter (
  order_id  uuid NOT NULL REFERENCES transfer_order,
  round     int NOT NULL,
  print_id  uuid NOT NULL REFERENCES transfer_print,
  code_hmac bytea NOT NULL CONSTRAINT transfer_letter_code_once UNIQUE,   -- of the code that is typed in
  CONSTRAINT transfer_letter_once PRIMARY KEY (order_id, round)
);
CREATE INDEX transfer_letter_print ON transfer_letter (print_id);
CREATE FUNCTION transfer_letter_of_asked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM transfer_order WHERE id = NEW.order_id AND round = NEW.round AND status IN ('asked', 'returned')) THEN
    RAISE EXCEPTION 'nobody is asked for an account by order %', NEW.order_id USING ERRCODE = '23514', CONSTRAINT = 'transfer_letter_of_asked'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER transfer_letter_of_asked BEFORE INSERT ON transfer_letter FOR EACH ROW EXECUTE FUNCTION transfer_letter_of_asked();
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['transfer_print', 'transfer_letter'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t || '_append_only', t);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I EXECUTE FUNCTION refuse_truncate()', t || '_not_emptied', t);
  END LOOP; END $$;

-- At the counter somebody tells their account, for a case of that office: their grant is for it alone.
UPDATE role SET permissions = permissions || ARRAY['transfer.enter']
 WHERE name IN ('clerk', 'supervisor') AND NOT 'transfer.enter' = ANY (permissions);

-- What the provider is to take for a payment (docs/adr/0073), by the payer's method: from a day on, until another row of the same method.
CREATE TABLE provider_price (
  id              int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider        text NOT NULL,
  method          text NOT NULL CONSTRAINT provider_price_method CHECK (method ~ '^[a-z0-9_]{1,40}$'),   -- the provider's word: card, sepa_debit
  percent_bp      int NOT NULL CONSTRAINT provider_price_percent CHECK (percent_bp BETWEEN 0 AND 10000),   -- hundredths of a per cent
  fixed_cents     int NOT NULL CONSTRAINT provider_price_fixed CHECK (fixed_cents BETWEEN 0 AND 100000),
  tolerance_cents int NOT NULL CONSTRAINT provider_price_tolerance CHECK (tolerance_cents BETWEEN 0 AND 1000),
  valid_from      date NOT NULL,
  set_by          int NOT NULL REFERENCES account,
  set_at          timestamptz NOT NULL
);
CREATE INDEX provider_price_of ON provider_price (provider, method, valid_from, id);
CREATE TRIGGER provider_price_append_only BEFORE UPDATE OR DELETE ON provider_price FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER provider_price_not_emptied BEFORE TRUNCATE ON provider_price EXECUTE FUNCTION refuse_truncate();
ALTER TABLE provider_transaction ADD COLUMN method text NOT NULL DEFAULT '';   -- how the payer paid; '': not told

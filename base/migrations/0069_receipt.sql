-- The Kassenzeichen: what a payer quotes, a bank carries and the treasury looks for. An RF Creditor Reference (ISO 11649): "RF", two check
-- digits by ISO 7064 MOD 97-10, the city's prefix and a running number; at most 25 characters, so it fits where 27 are allowed.
CREATE FUNCTION mod97(reference text) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT (string_agg(CASE WHEN c ~ '[0-9]' THEN c ELSE (ascii(c) - 55)::text END, '' ORDER BY n)::numeric % 97)::int
    FROM string_to_table(substr(reference, 5) || left(reference, 4), NULL) WITH ORDINALITY AS t(c, n) $$;
CREATE TABLE kassenzeichen_prefix (
  only_one boolean PRIMARY KEY DEFAULT true CONSTRAINT kassenzeichen_prefix_once CHECK (only_one),
  prefix   text NOT NULL CONSTRAINT kassenzeichen_prefix_form CHECK (prefix ~ '^[A-Z0-9]{0,10}$')
);
INSERT INTO kassenzeichen_prefix (prefix) VALUES ('SCH');
CREATE SEQUENCE kassenzeichen_number;
CREATE FUNCTION next_kassenzeichen() RETURNS text LANGUAGE plpgsql AS $$
DECLARE body text; BEGIN
  SELECT prefix || lpad(nextval('kassenzeichen_number')::text, 9, '0') INTO STRICT body FROM kassenzeichen_prefix;
  RETURN 'RF' || lpad((98 - mod97('RF00' || body))::text, 2, '0') || body; END $$;

ALTER TABLE payment ADD COLUMN kassenzeichen text;
DO $$ DECLARE p uuid; BEGIN
  FOR p IN SELECT id FROM payment ORDER BY created_at, id LOOP
    UPDATE payment SET kassenzeichen = next_kassenzeichen() WHERE id = p; END LOOP; END $$;
ALTER TABLE payment
  ALTER COLUMN kassenzeichen SET DEFAULT next_kassenzeichen(),
  ALTER COLUMN kassenzeichen SET NOT NULL,
  ADD CONSTRAINT payment_kassenzeichen_once UNIQUE (kassenzeichen),
  ADD CONSTRAINT payment_kassenzeichen_checked CHECK (kassenzeichen ~ '^RF[0-9]{2}[A-Z0-9]{1,21}$' AND mod97(kassenzeichen) = 1);
CREATE TRIGGER payment_kassenzeichen_fixed BEFORE UPDATE ON payment FOR EACH ROW
  WHEN (OLD.kassenzeichen <> NEW.kassenzeichen)
  EXECUTE FUNCTION refuse_by_rule('what a payer was told to quote never changes');

-- A receipt for each payment that came, numbered within its year without a gap. The number is not given in the payment's own transaction,
-- where all payments would wait for each other, but right after it, by whoever comes first: the worker or the page that shows it.
CREATE TABLE receipt (
  payment_id uuid PRIMARY KEY REFERENCES payment,
  year       int NOT NULL CONSTRAINT receipt_year CHECK (year BETWEEN 2000 AND 2999),
  number     int NOT NULL,
  issued_at  timestamptz NOT NULL,
  CONSTRAINT receipt_number_once UNIQUE (year, number)
);
CREATE FUNCTION receipt_gapless() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE next int; BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('receipt', NEW.year));
  SELECT coalesce(max(number), 0) + 1 INTO next FROM receipt WHERE year = NEW.year;
  IF NEW.number <> next THEN
    RAISE EXCEPTION 'receipt % of % where % is next', NEW.number, NEW.year, next USING ERRCODE = '23514', CONSTRAINT = 'receipt_gapless'; END IF;
  IF NOT EXISTS (SELECT FROM payment WHERE id = NEW.payment_id AND status = 'paid') THEN
    RAISE EXCEPTION 'payment % is not paid', NEW.payment_id USING ERRCODE = '23514', CONSTRAINT = 'receipt_of_paid'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER receipt_gapless BEFORE INSERT ON receipt FOR EACH ROW EXECUTE FUNCTION receipt_gapless();
CREATE TRIGGER receipt_append_only BEFORE UPDATE OR DELETE ON receipt FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER receipt_not_emptied BEFORE TRUNCATE ON receipt EXECUTE FUNCTION refuse_truncate();

-- Payments that came and have no receipt yet; the trigger puts them here with the payment itself, so none is missed.
CREATE TABLE receipt_due (payment_id uuid PRIMARY KEY REFERENCES payment, id bigint GENERATED ALWAYS AS IDENTITY);
CREATE FUNCTION receipt_falls_due() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO receipt_due (payment_id) VALUES (NEW.id); RETURN NULL; END $$;
CREATE TRIGGER receipt_falls_due AFTER INSERT ON payment FOR EACH ROW WHEN (NEW.status = 'paid') EXECUTE FUNCTION receipt_falls_due();
CREATE TRIGGER receipt_falls_due_later AFTER UPDATE ON payment FOR EACH ROW
  WHEN (NEW.status = 'paid' AND OLD.status <> 'paid') EXECUTE FUNCTION receipt_falls_due();
INSERT INTO receipt_due (payment_id) SELECT id FROM payment WHERE status = 'paid' ORDER BY created_at, id;

-- A visit does not end with a fee that is open, unless somebody says why (docs/adr/0070).
CREATE TABLE open_fee (
  ticket_id uuid PRIMARY KEY REFERENCES ticket,
  reason    text NOT NULL CONSTRAINT open_fee_reason CHECK (reason IN ('pays_later', 'cannot_pay', 'has_left', 'payment_down', 'other')),
  note      text CONSTRAINT open_fee_note CHECK (length(btrim(note)) BETWEEN 1 AND 300),
  left_by   int NOT NULL REFERENCES account,
  left_at   timestamptz NOT NULL,
  CONSTRAINT open_fee_other_in_words CHECK (reason <> 'other' OR note IS NOT NULL)
);
CREATE TRIGGER open_fee_append_only BEFORE UPDATE OR DELETE ON open_fee FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Of this visit: a further fee that is asked for, or a booking that no till has taken the fee of.
CREATE FUNCTION fee_is_open(ticket uuid, appointment uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM charge c WHERE c.status = 'open' AND (c.ticket_id = $1 OR c.appointment_id = $2))
      OR EXISTS (SELECT FROM appointment a WHERE a.id = $2 AND a.pays_at_till AND a.fee_cents > 0
                    AND NOT EXISTS (SELECT FROM payment p WHERE p.reference = a.id AND p.status = 'paid' AND NOT p.surplus)) $$;
CREATE FUNCTION ticket_open_fee() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF fee_is_open(NEW.id, NEW.appointment_id) AND NOT EXISTS (SELECT FROM open_fee WHERE ticket_id = NEW.id) THEN
    RAISE EXCEPTION 'a fee of ticket % is open', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'ticket_open_fee'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER ticket_open_fee BEFORE UPDATE OF status ON ticket FOR EACH ROW WHEN (NEW.status = 'done' AND OLD.status <> 'done')
  EXECUTE FUNCTION ticket_open_fee();
CREATE FUNCTION appointment_open_fee() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF fee_is_open(NULL, NEW.id) AND NOT EXISTS (SELECT FROM open_fee f JOIN ticket t ON t.id = f.ticket_id WHERE t.appointment_id = NEW.id) THEN
    RAISE EXCEPTION 'a fee of appointment % is open', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'appointment_open_fee'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER appointment_open_fee BEFORE UPDATE OF status ON appointment FOR EACH ROW WHEN (NEW.status = 'finished' AND OLD.status <> 'finished')
  EXECUTE FUNCTION appointment_open_fee();

-- A city that takes no money online: a booking is confirmed unpaid, and its fee is an open item until a till has taken it (docs/adr/0070).
ALTER TABLE appointment ADD COLUMN pays_at_till boolean NOT NULL DEFAULT false;
ALTER TABLE appointment ADD CONSTRAINT appointment_pays_at_till CHECK (NOT pays_at_till OR status NOT IN ('held', 'expiring', 'expired')) NOT VALID;
ALTER TABLE appointment VALIDATE CONSTRAINT appointment_pays_at_till;
CREATE TRIGGER appointment_pays_at_till_stays BEFORE UPDATE ON appointment FOR EACH ROW WHEN (OLD.pays_at_till AND NOT NEW.pays_at_till)
  EXECUTE FUNCTION refuse_by_rule('what was booked without being paid stays so: that it is paid says its payment');

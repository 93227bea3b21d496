-- Paying at a till until a deadline, while the time stays held (docs/adr/0071).
ALTER TABLE service
  ADD COLUMN pay_at_till_hours        int,   -- so many hours after asking for it; null: not offered in normal operation
  ADD COLUMN pay_at_till_before_hours int,   -- and so many before the appointment at the latest
  ADD CONSTRAINT service_pay_at_till CHECK (num_nonnulls(pay_at_till_hours, pay_at_till_before_hours) IN (0, 2)
    AND (pay_at_till_hours IS NULL OR pay_at_till_hours BETWEEN 1 AND 720 AND pay_at_till_before_hours BETWEEN 1 AND 720)) NOT VALID;
ALTER TABLE service VALIDATE CONSTRAINT service_pay_at_till;

-- A code on its way to the mailbox or telephone that the case names: who types it in has shown that it is theirs.
CREATE TABLE till_code (
  id             uuid PRIMARY KEY,
  appointment_id uuid NOT NULL REFERENCES appointment,
  way            text NOT NULL CONSTRAINT till_code_way CHECK (way IN ('email', 'mobile')),
  contact_hmac   bytea NOT NULL CONSTRAINT till_code_contact_is_hmac CHECK (length(contact_hmac) = 32),
  code_hmac      bytea NOT NULL CONSTRAINT till_code_is_hmac CHECK (length(code_hmac) = 32),
  good_until     timestamptz NOT NULL,
  tries          smallint NOT NULL DEFAULT 0 CONSTRAINT till_code_tries CHECK (tries BETWEEN 0 AND 5)
);
CREATE INDEX till_code_appointment ON till_code (appointment_id);
CREATE INDEX till_code_over ON till_code (good_until);

-- The provider did not answer when this case was to be paid: a till is offered, whatever the service says.
CREATE TABLE till_offer (
  appointment_id uuid PRIMARY KEY REFERENCES appointment,
  at             timestamptz NOT NULL
);

CREATE TABLE till_hold (
  appointment_id uuid PRIMARY KEY REFERENCES appointment,
  asked_at       timestamptz NOT NULL,
  pay_by         timestamptz NOT NULL CONSTRAINT till_hold_lasts CHECK (pay_by > asked_at),
  because        text NOT NULL CONSTRAINT till_hold_because CHECK (because IN ('service', 'provider')),
  verified       text NOT NULL CONSTRAINT till_hold_verified CHECK (verified IN ('email', 'mobile', 'staff')),
  contact_hmac   bytea CONSTRAINT till_hold_contact_is_hmac CHECK (length(contact_hmac) = 32),   -- null: by staff, or erased
  remind_at      timestamptz CONSTRAINT till_hold_reminds_between CHECK (remind_at > asked_at AND remind_at < pay_by),
  reminded_at    timestamptz CONSTRAINT till_hold_reminded CHECK (reminded_at IS NULL OR (remind_at IS NOT NULL AND reminded_at >= remind_at)),
  CONSTRAINT till_hold_staff_knows CHECK (verified <> 'staff' OR contact_hmac IS NULL)
);
CREATE INDEX till_hold_contact ON till_hold (contact_hmac) WHERE contact_hmac IS NOT NULL;
CREATE INDEX till_hold_to_remind ON till_hold (remind_at) WHERE remind_at IS NOT NULL AND reminded_at IS NULL;

-- Only a held time is lengthened, once, and of one contact at most two wait for a till at a time. Two requests of a contact wait for each other.
CREATE FUNCTION till_hold_begins() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM appointment WHERE id = NEW.appointment_id AND status = 'held') THEN
    RAISE EXCEPTION 'appointment % is not held', NEW.appointment_id USING ERRCODE = '23514', CONSTRAINT = 'till_hold_of_held'; END IF;
  IF NEW.verified = 'staff' THEN RETURN NEW; END IF;
  IF NEW.contact_hmac IS NULL THEN
    RAISE EXCEPTION 'nobody has shown a contact' USING ERRCODE = '23514', CONSTRAINT = 'till_hold_of_contact'; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(encode(NEW.contact_hmac, 'hex'), 71));
  IF (SELECT count(*) FROM till_hold t JOIN appointment a ON a.id = t.appointment_id
       WHERE t.contact_hmac = NEW.contact_hmac AND a.status IN ('held', 'expiring')) >= 2 THEN
    RAISE EXCEPTION 'this contact has two times waiting for a till' USING ERRCODE = '23514', CONSTRAINT = 'till_hold_few_of_contact'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER till_hold_begins BEFORE INSERT ON till_hold FOR EACH ROW EXECUTE FUNCTION till_hold_begins();
CREATE FUNCTION till_hold_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF (OLD.appointment_id, OLD.asked_at, OLD.pay_by, OLD.because, OLD.verified, OLD.remind_at)
     IS DISTINCT FROM (NEW.appointment_id, NEW.asked_at, NEW.pay_by, NEW.because, NEW.verified, NEW.remind_at)
     OR OLD.reminded_at IS NOT NULL AND OLD.reminded_at IS DISTINCT FROM NEW.reminded_at
     OR NEW.contact_hmac IS NOT NULL AND OLD.contact_hmac IS DISTINCT FROM NEW.contact_hmac THEN
    RAISE EXCEPTION 'a deadline at the till is given once' USING ERRCODE = '42501', CONSTRAINT = 'till_hold_stays'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER till_hold_stays BEFORE UPDATE ON till_hold FOR EACH ROW EXECUTE FUNCTION till_hold_stays();
CREATE TRIGGER till_hold_never_deleted BEFORE DELETE OR TRUNCATE ON till_hold
  EXECUTE FUNCTION refuse_by_rule('deadlines at the till are never deleted');

-- At commit: the time is held until the deadline, and that is before the appointment.
CREATE FUNCTION till_hold_holds() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM claim WHERE appointment_id = NEW.appointment_id AND status = 1 AND hold_until = NEW.pay_by AND starts_at > NEW.pay_by)
     AND EXISTS (SELECT FROM appointment WHERE id = NEW.appointment_id AND status = 'held') THEN
    RAISE EXCEPTION 'appointment % is not held until %', NEW.appointment_id, NEW.pay_by
      USING ERRCODE = '23514', CONSTRAINT = 'till_hold_holds'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER till_hold_holds AFTER INSERT ON till_hold DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION till_hold_holds();

-- Whose time is held so long does not become somebody else: the name and what was shown stay until it is booked or free.
CREATE FUNCTION person_waits_for_till() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM till_hold t JOIN appointment a ON a.id = t.appointment_id
              WHERE t.appointment_id = NEW.appointment_id AND a.status IN ('held', 'expiring')) THEN
    RAISE EXCEPTION 'whose time is held for a till stays' USING ERRCODE = '42501', CONSTRAINT = 'person_waits_for_till'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER person_waits_for_till BEFORE UPDATE ON person FOR EACH ROW
  WHEN ((OLD.name_hmac, OLD.email_hmac, OLD.mobile_hmac) IS DISTINCT FROM (NEW.name_hmac, NEW.email_hmac, NEW.mobile_hmac))
  EXECUTE FUNCTION person_waits_for_till();

-- Who is erased leaves no trace here either.
CREATE FUNCTION till_forgets_person() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  DELETE FROM till_code WHERE appointment_id = OLD.appointment_id;
  UPDATE till_hold SET contact_hmac = NULL WHERE appointment_id = OLD.appointment_id AND contact_hmac IS NOT NULL;
  RETURN NULL; END $$;
CREATE TRIGGER till_forgets_person AFTER DELETE ON person FOR EACH ROW EXECUTE FUNCTION till_forgets_person();

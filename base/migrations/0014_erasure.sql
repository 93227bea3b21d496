-- A person goes, the case stays: its time, its money and its number are kept, who came is not (docs/adr/0017). `erased_at` says that this was
-- done, so that the case can say so too; nothing personal comes back to it.
ALTER TABLE appointment
  ADD COLUMN erased_at    timestamptz,
  ADD COLUMN erasure_left boolean NOT NULL DEFAULT false,        -- a refund is still to be decided: its note goes after that
  ADD CONSTRAINT appointment_erased_keeps_no_token               -- empty rather than null: the former code reads it
    CHECK (erased_at IS NULL OR length(token_sealed) = 0) NOT VALID,
  ADD CONSTRAINT appointment_erasure_left CHECK (NOT erasure_left OR erased_at IS NOT NULL) NOT VALID;
ALTER TABLE appointment VALIDATE CONSTRAINT appointment_erased_keeps_no_token;
ALTER TABLE appointment VALIDATE CONSTRAINT appointment_erasure_left;
CREATE TRIGGER appointment_erased_for_good BEFORE UPDATE ON appointment FOR EACH ROW
  WHEN (OLD.erased_at IS NOT NULL AND NEW.erased_at IS DISTINCT FROM OLD.erased_at)
  EXECUTE FUNCTION refuse_by_rule('what was erased stays erased');

-- At commit: only what is over is erased, and then nobody is left in it. A case that nobody closed is over when its time is.
CREATE FUNCTION appointment_erased() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE a appointment; BEGIN
  SELECT * INTO a FROM appointment WHERE id = NEW.id;
  IF a.status IN ('held', 'expiring') OR a.status = 'confirmed'
     AND EXISTS (SELECT FROM claim WHERE appointment_id = a.id AND status < 8 AND ends_at > a.erased_at) THEN
    RAISE EXCEPTION 'appointment % is %', a.id, a.status USING ERRCODE = '23514', CONSTRAINT = 'appointment_erased_is_over'; END IF;
  IF EXISTS (SELECT FROM person WHERE appointment_id = a.id)
     OR EXISTS (SELECT FROM message WHERE reference = a.id AND contents IS NOT NULL)
     OR EXISTS (SELECT FROM idempotency WHERE about = a.id) THEN
    RAISE EXCEPTION 'appointment % is erased with something left', a.id
      USING ERRCODE = '23514', CONSTRAINT = 'appointment_erased_is_bare'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER appointment_erased AFTER INSERT OR UPDATE ON appointment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION appointment_erased();

CREATE FUNCTION person_of_erased() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE gone timestamptz; BEGIN
  SELECT erased_at INTO gone FROM appointment WHERE id = NEW.appointment_id FOR SHARE;   -- waits for whoever is erasing it
  IF gone IS NOT NULL THEN
    RAISE EXCEPTION 'appointment % is erased', NEW.appointment_id USING ERRCODE = '42501', CONSTRAINT = 'person_of_erased'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER person_of_erased BEFORE INSERT OR UPDATE ON person FOR EACH ROW EXECUTE FUNCTION person_of_erased();

-- A message holds on to the person it is for, so erasing waits for it or it for the erasing; the case itself is not locked: a refund's
-- message is written under the payment's lock, and cancelling locks the other way round.
CREATE FUNCTION message_of_erased() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM FROM person WHERE appointment_id = NEW.reference FOR KEY SHARE;
  IF NOT FOUND AND EXISTS (SELECT FROM appointment WHERE id = NEW.reference AND erased_at IS NOT NULL) THEN
    RAISE EXCEPTION 'appointment % is erased', NEW.reference USING ERRCODE = '42501', CONSTRAINT = 'message_of_erased'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER message_of_erased BEFORE INSERT OR UPDATE OF contents ON message FOR EACH ROW
  WHEN (NEW.contents IS NOT NULL) EXECUTE FUNCTION message_of_erased();

-- What a stored answer is about: it goes with it.
ALTER TABLE idempotency ADD COLUMN about uuid;
CREATE INDEX idempotency_about ON idempotency (about) WHERE about IS NOT NULL;
CREATE FUNCTION answer_of_erased() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM FROM person WHERE appointment_id = NEW.about FOR KEY SHARE;
  IF NOT FOUND AND EXISTS (SELECT FROM appointment WHERE id = NEW.about AND erased_at IS NOT NULL) THEN
    RAISE EXCEPTION 'appointment % is erased', NEW.about USING ERRCODE = '42501', CONSTRAINT = 'answer_of_erased'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER answer_of_erased BEFORE INSERT OR UPDATE OF about ON idempotency FOR EACH ROW
  WHEN (NEW.about IS NOT NULL) EXECUTE FUNCTION answer_of_erased();

-- Why a refund was made may name somebody, whatever the form asks. Once it is decided the words may go, to this one mark and never back.
CREATE OR REPLACE TRIGGER refund_terms_fixed BEFORE UPDATE ON refund FOR EACH ROW
  WHEN ((OLD.reason, OLD.requested_by) IS DISTINCT FROM (NEW.reason, NEW.requested_by)
        OR OLD.note IS DISTINCT FROM NEW.note AND (OLD.note IS NULL OR NEW.note IS DISTINCT FROM '[erased]' OR OLD.decided_at IS NULL))
  EXECUTE FUNCTION refuse_by_rule('why a refund is made and who asked for it never changes; once decided, the note may be erased');

-- Texts that did not arrive, or of which nothing was heard: asked about once, and then told otherwise.
ALTER TABLE message
  ADD COLUMN asked_at    timestamptz,      -- when the provider said, asked by us, what became of it
  ADD COLUMN followed_at timestamptz;      -- when it was told otherwise: by mail, or to the counter
CREATE INDEX message_silent ON message (sent_at) WHERE channel = 'sms' AND status = 'sent' AND asked_at IS NULL;
CREATE INDEX message_untold ON message (created_at)
  WHERE channel = 'sms' AND followed_at IS NULL AND (status IN ('undelivered', 'dead') OR status = 'sent' AND asked_at IS NOT NULL);

-- Where these tables are large already, make these CONCURRENTLY by hand before.
CREATE INDEX IF NOT EXISTS appointment_to_erase ON appointment (created_at) WHERE erased_at IS NULL;
CREATE INDEX IF NOT EXISTS appointment_erasure_left ON appointment (id) WHERE erasure_left;
CREATE INDEX IF NOT EXISTS appointment_history_case ON appointment_history (appointment_id);

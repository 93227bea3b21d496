-- Invitations (docs/adr/0039): staff ask one person to choose a time for a service at an office, within a window and until a deadline, by a link
-- that is good for one appointment. What it has become is read from its facts: withdrawn, booked by a living case, past its deadline.

CREATE TABLE invitation (
  id           uuid PRIMARY KEY,                 -- of the request's key, or of a line of a file: sent twice it is one
  office_id    int NOT NULL REFERENCES office,
  service_id   int NOT NULL REFERENCES service,
  channel      text NOT NULL CONSTRAINT invitation_channel CHECK (channel IN ('onsite', 'video', 'phone')),
  first_day    date NOT NULL,                    -- days by the office's clock
  last_day     date NOT NULL CONSTRAINT invitation_some_days CHECK (first_day <= last_day),
  answer_by    date NOT NULL CONSTRAINT invitation_answer_in_window CHECK (answer_by <= last_day),   -- with its evening
  language     text NOT NULL,
  way          text NOT NULL CONSTRAINT invitation_way CHECK (way IN ('email', 'sms', 'letter')),
  details      bytea,                            -- sealed: who it is, and the city's own reference
  token_sha256 bytea CONSTRAINT invitation_token_is_sha256 CHECK (length(token_sha256) = 32),
  code_hmac    bytea CONSTRAINT invitation_code_is_hmac CHECK (length(code_hmac) = 32),              -- what is typed in from a letter
  made_by      int NOT NULL REFERENCES account,
  made_at      timestamptz NOT NULL,
  reminded_at  timestamptz,
  withdrawn_at timestamptz,
  erased_at    timestamptz,
  CONSTRAINT invitation_token_once UNIQUE (token_sha256),
  CONSTRAINT invitation_code_once UNIQUE (code_hmac),
  CONSTRAINT invitation_erased_is_nobody CHECK (num_nulls(details, token_sha256, code_hmac) = CASE WHEN erased_at IS NULL THEN 0 ELSE 3 END)
);
CREATE INDEX invitation_office ON invitation (office_id, made_at DESC);
CREATE INDEX invitation_to_remind ON invitation (answer_by) WHERE reminded_at IS NULL AND withdrawn_at IS NULL AND way <> 'letter';
CREATE INDEX invitation_to_erase ON invitation (answer_by) WHERE erased_at IS NULL;
CREATE TRIGGER invitation_never_deleted BEFORE DELETE ON invitation FOR EACH ROW
  EXECUTE FUNCTION refuse_by_rule('an invitation is withdrawn, and its person erased');
CREATE TRIGGER invitation_terms_fixed BEFORE UPDATE ON invitation FOR EACH ROW
  WHEN ((OLD.id, OLD.office_id, OLD.service_id, OLD.channel, OLD.first_day, OLD.last_day, OLD.answer_by, OLD.way, OLD.made_by, OLD.made_at)
        IS DISTINCT FROM (NEW.id, NEW.office_id, NEW.service_id, NEW.channel, NEW.first_day, NEW.last_day, NEW.answer_by, NEW.way, NEW.made_by, NEW.made_at))
  EXECUTE FUNCTION refuse_by_rule('what somebody was invited to never changes');
CREATE TRIGGER invitation_said_once BEFORE UPDATE ON invitation FOR EACH ROW
  WHEN (OLD.reminded_at IS NOT NULL AND NEW.reminded_at IS DISTINCT FROM OLD.reminded_at
        OR OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at
        OR OLD.erased_at IS NOT NULL AND NEW.erased_at IS DISTINCT FROM OLD.erased_at)
  EXECUTE FUNCTION refuse_by_rule('an invitation is reminded of, withdrawn and erased once');

-- What cancelling or running out sets free is open again until the deadline.
ALTER TABLE appointment ADD COLUMN invitation_id uuid CONSTRAINT appointment_invitation REFERENCES invitation;
CREATE UNIQUE INDEX appointment_one_per_invitation ON appointment (invitation_id)
  WHERE invitation_id IS NOT NULL AND status NOT IN ('expired', 'cancelled');
CREATE TRIGGER appointment_invitation_stays BEFORE UPDATE OF invitation_id ON appointment FOR EACH ROW
  WHEN (OLD.invitation_id IS NOT NULL AND NEW.invitation_id IS DISTINCT FROM OLD.invitation_id)
  EXECUTE FUNCTION refuse_by_rule('by which invitation a case was booked never changes');

CREATE FUNCTION invitation_withdrawn_unused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN   -- the row is locked: a booking has waited, or has ended
  IF EXISTS (SELECT FROM appointment WHERE invitation_id = NEW.id AND status NOT IN ('expired', 'cancelled')) THEN
    RAISE EXCEPTION 'invitation % is used', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'invitation_withdrawn_unused'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER invitation_withdrawn_unused BEFORE UPDATE OF withdrawn_at ON invitation FOR EACH ROW
  WHEN (OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL) EXECUTE FUNCTION invitation_withdrawn_unused();

CREATE TABLE invitation_hold (                   -- a time that an invited person holds: what is booked of it is by the invitation
  hold_id       uuid PRIMARY KEY REFERENCES claim (request_key),
  invitation_id uuid NOT NULL REFERENCES invitation
);
CREATE INDEX invitation_hold_of ON invitation_hold (invitation_id);

CREATE FUNCTION invitation_hold_fits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (
    SELECT FROM invitation i JOIN office o ON o.id = i.office_id JOIN claim c ON c.request_key = NEW.hold_id JOIN counter k ON k.id = c.counter_id
     WHERE i.id = NEW.invitation_id AND c.service_id = i.service_id AND coalesce(c.sold_by, c.office_id) = i.office_id AND k.channel = i.channel
       AND c.quantity = 1 AND c.lead_id IS NULL AND c.appointment_id IS NULL
       AND NOT EXISTS (SELECT FROM claim p WHERE p.lead_id = c.id AND p.quantity > 0)      -- a room may go with it
       AND (c.starts_at AT TIME ZONE o.time_zone)::date BETWEEN i.first_day AND i.last_day) THEN
    RAISE EXCEPTION 'hold % is not what invitation % is for', NEW.hold_id, NEW.invitation_id
      USING ERRCODE = '23514', CONSTRAINT = 'invitation_hold_fits'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER invitation_hold_fits BEFORE INSERT OR UPDATE ON invitation_hold FOR EACH ROW EXECUTE FUNCTION invitation_hold_fits();

-- A case made of such a hold uses the invitation, whatever code makes it: appointment_one_per_invitation decides between two tabs. A booked case
-- moves to such a hold only by its own invitation.
CREATE FUNCTION invitation_used() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE i invitation; a appointment; BEGIN
  SELECT v.* INTO i FROM invitation_hold h JOIN invitation v ON v.id = h.invitation_id WHERE h.hold_id = NEW.request_key FOR SHARE OF v;
  IF NOT FOUND THEN RETURN NULL; END IF;
  SELECT * INTO a FROM appointment WHERE id = NEW.appointment_id;
  IF a.invitation_id = i.id THEN RETURN NULL; END IF;
  IF a.invitation_id IS NOT NULL OR a.status <> 'held' OR i.withdrawn_at IS NOT NULL OR i.erased_at IS NOT NULL
     OR a.created_at >= (i.answer_by + 1)::timestamp AT TIME ZONE (SELECT time_zone FROM office WHERE id = i.office_id) THEN
    RAISE EXCEPTION 'invitation % is over, or not for case %', i.id, a.id USING ERRCODE = '23514', CONSTRAINT = 'invitation_used'; END IF;
  UPDATE appointment SET invitation_id = i.id WHERE id = a.id;
  RETURN NULL; END $$;
CREATE TRIGGER invitation_used AFTER UPDATE OF appointment_id ON claim FOR EACH ROW
  WHEN (OLD.appointment_id IS NULL AND NEW.appointment_id IS NOT NULL) EXECUTE FUNCTION invitation_used();

UPDATE role SET permissions = permissions || ARRAY['invitation.make'] WHERE name IN ('clerk', 'supervisor');

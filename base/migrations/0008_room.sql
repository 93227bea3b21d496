-- Video rooms. A room knows an opaque reference of its caller; a seat knows a role and a label, never a name.
CREATE TABLE room (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  reference       uuid NOT NULL CONSTRAINT room_reference_once UNIQUE,
  opens_at        timestamptz NOT NULL,
  closes_at       timestamptz NOT NULL,
  status          text NOT NULL DEFAULT 'open' CONSTRAINT room_status CHECK (status IN ('open', 'ended')),
  worker          text,                         -- which media worker has it, and which life of that worker
  worker_instance text,
  epoch           int NOT NULL DEFAULT 1 CONSTRAINT room_epoch CHECK (epoch >= 1),        -- +1 when its media have to be made anew
  version         bigint NOT NULL DEFAULT 1,    -- +1 with everything that those inside see
  xid             bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  CONSTRAINT room_window CHECK (closes_at > opens_at),
  CONSTRAINT room_worker_whole CHECK ((worker IS NULL) = (worker_instance IS NULL))
);
CREATE INDEX room_feed ON room (xid);
CREATE INDEX room_of_worker ON room (worker) WHERE status = 'open' AND worker IS NOT NULL;
CREATE INDEX room_closes ON room (closes_at) WHERE status = 'open';

CREATE FUNCTION room_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.epoch < OLD.epoch OR NEW.version < OLD.version OR (OLD.status = 'ended' AND NEW.status <> 'ended') THEN
    RAISE EXCEPTION 'room % never goes back', OLD.id USING ERRCODE = '23514', CONSTRAINT = 'room_never_goes_back'; END IF;
  NEW.xid := pg_current_xact_id()::text::bigint;
  RETURN NEW; END $$;
CREATE TRIGGER room_guard BEFORE UPDATE ON room FOR EACH ROW EXECUTE FUNCTION room_guard();

-- Who may be in a room. `place` is one of the six that there are inside; `connection` is the socket that speaks for the seat now.
CREATE TABLE seat (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  room_id        uuid NOT NULL REFERENCES room,
  number         int NOT NULL CONSTRAINT seat_number CHECK (number BETWEEN 1 AND 99),     -- given by us; names a participant
  role           text NOT NULL CONSTRAINT seat_role CHECK (role IN ('citizen', 'clerk', 'guest')),
  label          text NOT NULL CONSTRAINT seat_label CHECK (length(label) BETWEEN 1 AND 64),
  state          text NOT NULL DEFAULT 'invited'
                 CONSTRAINT seat_state CHECK (state IN ('invited', 'waiting', 'admitted', 'left')),
  place          smallint CONSTRAINT seat_place CHECK (place BETWEEN 1 AND 6),
  sends          text[] NOT NULL DEFAULT '{}' CONSTRAINT seat_sends CHECK (sends <@ ARRAY['audio', 'camera', 'screen']),
  muted          text[] NOT NULL DEFAULT '{}' CONSTRAINT seat_muted CHECK (muted <@ ARRAY['audio', 'camera', 'screen']),
  session_sha256 bytea CONSTRAINT seat_session_is_sha256 CHECK (length(session_sha256) = 32),
  session_until  timestamptz,                   -- the seat is kept so long; moved on while a socket lives
  is_released    boolean NOT NULL DEFAULT true, -- its browser said goodbye: another may sit down at once
  connection     uuid,
  CONSTRAINT seat_number_once UNIQUE (room_id, number),
  CONSTRAINT seat_person_once UNIQUE (room_id, role, label),
  CONSTRAINT seat_place_once UNIQUE (room_id, place),
  CONSTRAINT seat_admitted_has_place CHECK ((state = 'admitted') = (place IS NOT NULL)),
  CONSTRAINT seat_only_admitted_send CHECK (state = 'admitted' OR sends = '{}'),
  CONSTRAINT seat_inside_has_session CHECK ((state IN ('waiting', 'admitted')) = (session_sha256 IS NOT NULL)),
  CONSTRAINT seat_session_ends CHECK ((session_sha256 IS NULL) = (session_until IS NULL))
);
CREATE INDEX seat_kept ON seat (session_until) WHERE session_until IS NOT NULL;

-- Both directions: nobody sits in a room that has ended, and a room does not end around people.
CREATE FUNCTION room_ended_is_empty() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE ident uuid; BEGIN
  ident := CASE TG_TABLE_NAME WHEN 'room' THEN to_jsonb(NEW) ->> 'id' ELSE to_jsonb(NEW) ->> 'room_id' END;
  IF EXISTS (SELECT FROM room r JOIN seat s ON s.room_id = r.id
              WHERE r.id = ident AND r.status = 'ended' AND s.state IN ('waiting', 'admitted')) THEN
    RAISE EXCEPTION 'room % has ended', ident USING ERRCODE = '23514', CONSTRAINT = 'room_ended_is_empty'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER room_ended_is_empty AFTER UPDATE ON room DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'ended') EXECUTE FUNCTION room_ended_is_empty();
CREATE CONSTRAINT TRIGGER seat_in_open_room AFTER INSERT OR UPDATE ON seat DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.state IN ('waiting', 'admitted')) EXECUTE FUNCTION room_ended_is_empty();

-- A link: bound to person, room and role by its seat, and to a time window. The token itself is not stored.
CREATE TABLE join_token (
  token_sha256 bytea PRIMARY KEY CONSTRAINT join_token_is_sha256 CHECK (length(token_sha256) = 32),
  seat_id      uuid NOT NULL CONSTRAINT join_token_one_for_a_seat UNIQUE REFERENCES seat,
  starts_at    timestamptz NOT NULL,
  ends_at      timestamptz NOT NULL,
  CONSTRAINT join_token_window CHECK (ends_at > starts_at)
);

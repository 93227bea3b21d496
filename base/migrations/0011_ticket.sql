-- The queue of an office's day: who has arrived, who is called where. No personal data, and no clerk: a counter is a lane (docs/adr/0012).
CREATE TABLE counter_clerk (                     -- who works at a counter today; the present only, nothing is kept of it
  counter_id int NOT NULL,
  office_id  int NOT NULL,
  account_id int NOT NULL REFERENCES account ON DELETE CASCADE,
  day        date NOT NULL,                      -- yesterday's are as good as gone
  CONSTRAINT counter_clerk_one_clerk PRIMARY KEY (counter_id),
  CONSTRAINT counter_clerk_one_counter UNIQUE (account_id),
  CONSTRAINT counter_clerk_in_office FOREIGN KEY (counter_id, office_id) REFERENCES counter (id, office_id)
);

CREATE TABLE ticket_number (                     -- the last number given out; its row is the queue at the dispenser
  office_id int NOT NULL REFERENCES office,
  day       date NOT NULL,
  last      int NOT NULL CONSTRAINT ticket_number_range CHECK (last BETWEEN 1 AND 9999),
  PRIMARY KEY (office_id, day)
);

CREATE TABLE ticket (
  id             uuid PRIMARY KEY,
  office_id      int NOT NULL REFERENCES office,
  day            date NOT NULL,                  -- of the office's time zone
  number         int NOT NULL CONSTRAINT ticket_number_positive CHECK (number > 0),
  appointment_id uuid REFERENCES appointment,    -- null: a walk-in
  service_id     int NOT NULL REFERENCES service,
  channel        text NOT NULL CONSTRAINT ticket_channel CHECK (channel IN ('onsite', 'video', 'phone')),
  status         text NOT NULL DEFAULT 'waiting'
                 CONSTRAINT ticket_status CHECK (status IN ('waiting', 'called', 'serving', 'done', 'no_show', 'left')),
  counter_id     int,
  due_at         timestamptz,                    -- start of the appointment
  arrived_at     timestamptz NOT NULL,
  called_at      timestamptz,                    -- the last time, recalls included
  calls          int NOT NULL DEFAULT 0,
  request_key    uuid,                           -- a walk-in asked for twice is one
  changed_at     timestamptz NOT NULL,
  xid            bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  CONSTRAINT ticket_number_once UNIQUE (office_id, day, number),
  CONSTRAINT ticket_appointment_once UNIQUE (appointment_id),
  CONSTRAINT ticket_request_once UNIQUE (request_key),
  CONSTRAINT ticket_counter_in_office FOREIGN KEY (counter_id, office_id) REFERENCES counter (id, office_id),
  CONSTRAINT ticket_called_somewhere CHECK ((status IN ('waiting', 'left')) = (counter_id IS NULL)),
  CONSTRAINT ticket_call_has_time CHECK ((calls > 0) = (called_at IS NOT NULL) AND (counter_id IS NULL OR calls > 0)),
  CONSTRAINT ticket_appointment_has_time CHECK ((appointment_id IS NULL) = (due_at IS NULL))
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX ticket_one_open_call ON ticket (counter_id) WHERE status IN ('called', 'serving');
CREATE INDEX ticket_waiting ON ticket (office_id, day) WHERE status = 'waiting';
CREATE INDEX ticket_feed ON ticket (xid);

CREATE TABLE ticket_history (                    -- the counter, never the clerk
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ticket_id  uuid NOT NULL REFERENCES ticket,
  status     text NOT NULL,
  counter_id int,
  at         timestamptz NOT NULL
);
CREATE INDEX ticket_history_ticket ON ticket_history (ticket_id);

CREATE FUNCTION ticket_touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.xid := pg_current_xact_id()::text::bigint; RETURN NEW; END $$;
CREATE TRIGGER ticket_touch BEFORE UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION ticket_touch();
CREATE FUNCTION ticket_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' OR NEW.status <> OLD.status OR NEW.calls <> OLD.calls THEN
    INSERT INTO ticket_history (ticket_id, status, counter_id, at) VALUES (NEW.id, NEW.status, NEW.counter_id, NEW.changed_at);
  END IF;
  RETURN NULL; END $$;
CREATE TRIGGER ticket_log AFTER INSERT OR UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION ticket_log();
CREATE TRIGGER ticket_history_append_only BEFORE UPDATE OR DELETE ON ticket_history FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Messages to people: written with the fact, sent after it. Recipient and contents are sealed, and gone once sent.
CREATE TABLE message (
  id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  key         text NOT NULL CONSTRAINT message_once UNIQUE,     -- "confirmed:{appointment}:{sequence}:email": one fact, one message
  reference   uuid NOT NULL,
  template    text NOT NULL,
  channel     text NOT NULL CONSTRAINT message_channel CHECK (channel IN ('email', 'sms', 'letter')),
  language    text NOT NULL,
  contents    bytea,                                            -- sealed: recipient and the template's fields
  status      text NOT NULL DEFAULT 'due'
              CONSTRAINT message_status CHECK (status IN ('due', 'sent', 'delivered', 'dead')),
  due_at      timestamptz NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  lease_until timestamptz,
  lease_by    uuid,
  last_error  text,
  provider_id text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  sent_at     timestamptz
);
CREATE INDEX message_due ON message (due_at) WHERE status = 'due';
CREATE INDEX message_dead ON message (due_at) WHERE status = 'dead';
CREATE INDEX message_reference ON message (reference);

-- Extensions, jobs, stored answers, inbox of vendors' events, identity.
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Work to be done outside the process, written in the transaction of the fact that asks for it.
CREATE TABLE job (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL,
  key         text NOT NULL,                    -- the same fact asks only once
  args        jsonb NOT NULL DEFAULT '{}',
  status      text NOT NULL DEFAULT 'due' CONSTRAINT job_status CHECK (status IN ('due', 'done', 'dead')),
  due_at      timestamptz NOT NULL,
  attempts    int NOT NULL DEFAULT 0,
  lease_until timestamptz,                      -- a worker has it until then
  lease_by    uuid,
  last_error  text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT job_once UNIQUE (name, key)
);
CREATE INDEX job_due ON job (due_at) WHERE status = 'due';
CREATE INDEX job_ended ON job (status, due_at) WHERE status <> 'due';

-- An answer is stored in the transaction of its effect, so that a repeated POST gets the same one.
CREATE TABLE idempotency (
  key         bytea NOT NULL,                   -- SHA-256 of principal, route and the client's key
  fingerprint bytea NOT NULL,                   -- SHA-256 of the body: the same key for another body is refused
  answer      bytea NOT NULL,                   -- what the caller needs to answer again, sealed
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_once PRIMARY KEY (key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- That a vendor told us something, and of which row of ours. Its words are a hint and not kept: they name the payer; the truth is fetched.
CREATE TABLE vendor_event (
  vendor      text NOT NULL,
  event_id    text NOT NULL,
  kind        text NOT NULL,
  payment_id  uuid,                             -- as the message says; it may be nobody's
  refund_id   uuid,
  received_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT vendor_event_once PRIMARY KEY (vendor, event_id)
);

CREATE TABLE account (
  id            int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  login         text NOT NULL CONSTRAINT account_login_once UNIQUE,
  name          text NOT NULL,
  password_hash text NOT NULL CONSTRAINT account_password_argon2id CHECK (password_hash LIKE '$argon2id$%'),
  is_active     boolean NOT NULL DEFAULT true,
  created_at    timestamptz NOT NULL DEFAULT now()
);
-- A role is a row: a name for a set of permissions.
CREATE TABLE role (
  id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL CONSTRAINT role_name_once UNIQUE,
  permissions text[] NOT NULL
);
-- Whom a role is given to, and where: scope null = the whole city, else the id of an office.
CREATE TABLE account_role (
  account_id int NOT NULL REFERENCES account,
  role_id    int NOT NULL REFERENCES role,
  office_id  int,
  CONSTRAINT account_role_once UNIQUE NULLS NOT DISTINCT (account_id, role_id, office_id)
);
CREATE TABLE session (
  token_sha256 bytea PRIMARY KEY CONSTRAINT session_token_is_sha256 CHECK (length(token_sha256) = 32),
  account_id   int NOT NULL REFERENCES account ON DELETE CASCADE,
  created_at   timestamptz NOT NULL,
  seen_at      timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL CONSTRAINT session_ends CHECK (expires_at > created_at)
);
CREATE INDEX session_account ON session (account_id);

-- Staff: the four roles as rows, logins that cannot be mistaken, sign-ins slowed down, invented accounts that only the demo lets in.
INSERT INTO role (name, permissions) VALUES
  ('clerk',      ARRAY['queue.call', 'person.read']),
  ('supervisor', ARRAY['queue.call', 'queue.manage', 'person.read']),
  ('finance',    ARRAY['finance.read', 'refund.request', 'refund.approve']),
  ('admin',      ARRAY['account.manage', 'queue.manage']);

ALTER TABLE role ADD CONSTRAINT role_permissions_named
  CHECK (permissions <> '{}' AND array_to_string(permissions, ',') ~ '^[a-z]+\.[a-z]+(,[a-z]+\.[a-z]+)*$');
ALTER TABLE account ADD CONSTRAINT account_login_plain CHECK (login ~ '^[a-z0-9][a-z0-9._@-]{1,63}$');
ALTER TABLE account ADD CONSTRAINT account_has_name CHECK (length(btrim(name)) > 0);
ALTER TABLE account ADD COLUMN is_invented boolean NOT NULL DEFAULT false;   -- made by the demo: everybody can read the password there
ALTER TABLE account_role ADD CONSTRAINT account_role_office FOREIGN KEY (office_id) REFERENCES office;
CREATE INDEX session_age ON session (expires_at);

-- How often somebody may try: each attempt pays an interval of time ahead; who has paid too far ahead waits. Neither names nor
-- addresses are kept, only their HMAC.
CREATE TABLE sign_in_attempt (
  subject    bytea PRIMARY KEY CONSTRAINT sign_in_attempt_subject_is_hmac CHECK (length(subject) = 32),
  paid_until timestamptz NOT NULL
);
CREATE INDEX sign_in_attempt_age ON sign_in_attempt (paid_until);

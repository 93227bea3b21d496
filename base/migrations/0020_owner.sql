-- Web processes that share out the offices among them. Which one owns an office follows from the living leases (docs/adr/0019): nothing
-- here decides who gets a time, so a lease that two processes see differently costs speed, never a double booking.
CREATE TABLE web_process (
  id          uuid PRIMARY KEY,
  address     text NOT NULL CONSTRAINT web_process_address CHECK (address ~ '^(/.+|[^/]+:[0-9]+)$'),   -- a unix path, or host:port
  lease_until timestamptz NOT NULL CONSTRAINT web_process_lease_ends CHECK (isfinite(lease_until))
);

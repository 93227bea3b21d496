-- "My appointments": a link by mail or text that opens, once, the list of the living cases of one contact (docs/adr/0023). A row is answered by the
-- worker, so that whoever asks cannot tell by the time it took whether there is anything; it is forgotten after a day.
CREATE TABLE overview_link (
  id             uuid PRIMARY KEY,               -- of the request's key: a form sent twice asks once
  channel        text NOT NULL CONSTRAINT overview_link_channel CHECK (channel IN ('email', 'sms')),
  language       text NOT NULL,
  contact_hmac   bytea NOT NULL CONSTRAINT overview_link_contact_is_hmac CHECK (length(contact_hmac) = 32),
  contact        bytea,                          -- sealed; gone once answered
  asked_at       timestamptz NOT NULL,
  answered_at    timestamptz,
  token_sha256   bytea CONSTRAINT overview_link_token_is_sha256 CHECK (length(token_sha256) = 32),   -- null: nothing found, or asked too often
  good_until     timestamptz,
  used_at        timestamptz,
  session_sha256 bytea CONSTRAINT overview_link_session_is_sha256 CHECK (length(session_sha256) = 32),
  open_until     timestamptz,
  CONSTRAINT overview_link_token_once UNIQUE (token_sha256),
  CONSTRAINT overview_link_answered_keeps_no_contact CHECK ((answered_at IS NULL) = (contact IS NOT NULL)),
  CONSTRAINT overview_link_is_short CHECK (num_nonnulls(token_sha256, good_until) IN (0, 2)
    AND (token_sha256 IS NULL OR answered_at IS NOT NULL AND good_until <= answered_at + interval '1 hour')),
  CONSTRAINT overview_link_used_in_time CHECK (num_nonnulls(used_at, session_sha256, open_until) IN (0, 3)
    AND (used_at IS NULL OR token_sha256 IS NOT NULL AND used_at < good_until AND open_until <= used_at + interval '1 hour'))
);
CREATE INDEX overview_link_asked ON overview_link (asked_at) WHERE answered_at IS NULL;
CREATE TRIGGER overview_link_opens_once BEFORE UPDATE ON overview_link FOR EACH ROW
  WHEN (OLD.used_at IS NOT NULL) EXECUTE FUNCTION refuse_by_rule('a link that was used is not used again');

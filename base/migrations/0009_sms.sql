-- Text messages: what the provider says of one that it took. Its reports come late, twice and out of order: the rank only rises.
ALTER TABLE message DROP CONSTRAINT message_status,
  ADD CONSTRAINT message_status CHECK (status IN ('due', 'sent', 'undelivered', 'delivered', 'dead')),
  ADD COLUMN provider_rank smallint NOT NULL DEFAULT 0,         -- notifications.model.Delivery; 0: it has said nothing
  ADD CONSTRAINT message_provider_rank CHECK (provider_rank BETWEEN 0 AND 5),
  ADD CONSTRAINT message_status_by_rank CHECK (channel <> 'sms' OR CASE status
    WHEN 'delivered' THEN provider_rank = 5 WHEN 'undelivered' THEN provider_rank = 4 WHEN 'sent' THEN provider_rank BETWEEN 1 AND 3
    ELSE provider_rank = 0 END),
  ADD CONSTRAINT message_sent_is_empty CHECK (channel <> 'sms' OR status IN ('due', 'dead') OR contents IS NULL);

CREATE FUNCTION message_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'message %: rank % does not fall to %', OLD.id, OLD.provider_rank, NEW.provider_rank
    USING ERRCODE = '42501', CONSTRAINT = 'message_rank_never_falls';
END $$;
CREATE TRIGGER message_rank_never_falls BEFORE UPDATE OF provider_rank ON message
  FOR EACH ROW WHEN (NEW.provider_rank < OLD.provider_rank) EXECUTE FUNCTION message_guard();

-- What may become of a payout, as payment.model has it (docs/payment-states.md). What the provider says against that is kept beside the
-- status, and is a difference.
ALTER TABLE provider_payout ADD COLUMN refused text NOT NULL DEFAULT '';   -- the provider's word that does not follow; '': it does
SELECT allow_words('difference', 'difference_cause', ARRAY['payout_state']);
CREATE FUNCTION provider_payout_step() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE was text; BEGIN
  SELECT status INTO was FROM provider_payout WHERE provider = NEW.provider AND id = NEW.id AND version = NEW.version - 1;
  IF was IS NOT NULL AND was <> NEW.status AND (was, NEW.status) NOT IN (
      ('unknown', 'pending'), ('unknown', 'in_transit'), ('unknown', 'paid'), ('unknown', 'failed'), ('unknown', 'canceled'),
      ('pending', 'in_transit'), ('pending', 'paid'), ('pending', 'failed'), ('pending', 'canceled'),
      ('in_transit', 'paid'), ('in_transit', 'failed'), ('in_transit', 'canceled'), ('paid', 'failed')) THEN
    RAISE EXCEPTION 'payout % does not go from % to %', NEW.id, was, NEW.status USING ERRCODE = '42501', CONSTRAINT = TG_NAME; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER provider_payout_step BEFORE INSERT ON provider_payout FOR EACH ROW EXECUTE FUNCTION provider_payout_step();

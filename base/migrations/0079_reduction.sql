-- Reductions and exemptions by rule (docs/adr/0063). A row is one version of a rule; a claim points at the version that held on the day of its hold.
CREATE TABLE reduction (
  id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key         text NOT NULL,
  name        jsonb NOT NULL CONSTRAINT reduction_german CHECK (coalesce(name ->> 'de', '') <> ''),
  kind        text NOT NULL CONSTRAINT reduction_kind CHECK (kind IN ('percent', 'fixed', 'exempt')),
  value       int NOT NULL,                        -- per cent; cents that are taken off; of an exemption 0
  per         text NOT NULL CONSTRAINT reduction_per CHECK (per IN ('person', 'case')),
  rank        int NOT NULL,                        -- of two that give the same, the lower one counts
  services    int[] NOT NULL CONSTRAINT reduction_of_services CHECK (cardinality(services) > 0),
  proof       jsonb NOT NULL CONSTRAINT reduction_proof CHECK (coalesce(proof ->> 'de', '') <> ''),   -- what to bring, in words
  legal_basis jsonb NOT NULL CONSTRAINT reduction_legal_basis CHECK (coalesce(legal_basis ->> 'de', '') <> ''),
  valid       daterange NOT NULL,                  -- empty: withdrawn
  CONSTRAINT reduction_value CHECK (CASE kind WHEN 'percent' THEN value BETWEEN 1 AND 99 WHEN 'fixed' THEN value > 0 ELSE value = 0 END),
  CONSTRAINT reduction_one_at_a_time EXCLUDE USING gist (key WITH =, valid WITH &&)
);
CREATE TRIGGER reduction_append_only BEFORE UPDATE OF key, name, kind, value, per, rank, services, proof, legal_basis OR DELETE ON reduction
  FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What somebody has claimed for a case, for how many people, and whether the proof was shown at the counter. No number of a card, nothing of its holder.
CREATE TABLE reduction_claim (
  appointment_id uuid NOT NULL REFERENCES appointment,
  reduction_id   int NOT NULL REFERENCES reduction,
  persons        smallint NOT NULL CONSTRAINT reduction_claim_persons CHECK (persons BETWEEN 1 AND 20),
  claimed_at     timestamptz NOT NULL,
  outcome        text CONSTRAINT reduction_claim_outcome CHECK (outcome IN ('shown', 'not_shown', 'unchecked')),
  reason         text CONSTRAINT reduction_claim_reason CHECK (length(btrim(reason)) BETWEEN 1 AND 300),  -- why nobody looked
  decided_by     int REFERENCES account,
  decided_at     timestamptz,
  CONSTRAINT reduction_claim_once PRIMARY KEY (appointment_id, reduction_id),
  CONSTRAINT reduction_claim_decided CHECK ((outcome IS NULL) = (decided_by IS NULL) AND (outcome IS NULL) = (decided_at IS NULL)),
  CONSTRAINT reduction_claim_reason_of_unchecked CHECK ((outcome IS NOT DISTINCT FROM 'unchecked') = (reason IS NOT NULL))
);
-- What it takes off, service by service; computed from the version of the rule and the fee of the case's time.
CREATE TABLE reduction_part (
  appointment_id uuid NOT NULL,
  reduction_id   int NOT NULL,
  service_id     int NOT NULL REFERENCES service,
  units          smallint NOT NULL CONSTRAINT reduction_part_units CHECK (units > 0),
  cents          int NOT NULL CONSTRAINT reduction_part_cents CHECK (cents > 0),
  CONSTRAINT reduction_part_once PRIMARY KEY (appointment_id, reduction_id, service_id),
  CONSTRAINT reduction_part_of_claim FOREIGN KEY (appointment_id, reduction_id) REFERENCES reduction_claim ON DELETE CASCADE
);

ALTER TABLE appointment ADD COLUMN reduction_cents int NOT NULL DEFAULT 0;   -- taken off the fee; fee_cents is what is left to pay
ALTER TABLE appointment ADD CONSTRAINT appointment_reduction CHECK (reduction_cents >= 0) NOT VALID;
ALTER TABLE appointment VALIDATE CONSTRAINT appointment_reduction;

-- What is claimed and what it takes off changes only before the case is booked, and with its time: a booked price stands.
CREATE FUNCTION reduction_claim_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE was text; BEGIN
  SELECT status INTO was FROM appointment WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.appointment_id ELSE NEW.appointment_id END;
  IF TG_OP <> 'UPDATE' THEN
    IF was IS DISTINCT FROM 'held' THEN
      RAISE EXCEPTION 'a case that is % keeps its claims', was USING ERRCODE = '42501', CONSTRAINT = 'reduction_claim_before_booking'; END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END IF;
  IF (OLD.appointment_id, OLD.reduction_id, OLD.persons, OLD.claimed_at) IS DISTINCT FROM (NEW.appointment_id, NEW.reduction_id, NEW.persons, NEW.claimed_at) THEN
    RAISE EXCEPTION 'what was claimed stays' USING ERRCODE = '42501', CONSTRAINT = 'reduction_claim_fixed'; END IF;
  IF was IS DISTINCT FROM 'confirmed' THEN
    RAISE EXCEPTION 'the proof of a case that is % is decided no more', was USING ERRCODE = '42501', CONSTRAINT = 'reduction_claim_while_booked'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER reduction_claim_guard BEFORE INSERT OR UPDATE OR DELETE ON reduction_claim FOR EACH ROW EXECUTE FUNCTION reduction_claim_guard();

-- At commit: of a case with living time, what is taken off is what the parts say, of no service more than its fee and for no more units than it
-- has, and what is to be paid is the fee without it.
CREATE FUNCTION reduction_check(ident uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE a appointment; taken bigint; whole bigint; BEGIN
  SELECT * INTO a FROM appointment WHERE id = ident;
  SELECT coalesce(sum(cents), 0) INTO taken FROM reduction_part WHERE appointment_id = ident;
  IF a.reduction_cents <> taken THEN
    RAISE EXCEPTION 'appointment % is reduced by % and its parts by %', ident, a.reduction_cents, taken
      USING ERRCODE = '23514', CONSTRAINT = 'reduction_is_its_parts'; END IF;
  IF taken = 0 OR NOT EXISTS (SELECT FROM claim WHERE appointment_id = ident AND status < 8) THEN RETURN; END IF;
  IF EXISTS (SELECT FROM (SELECT service_id, sum(units) AS units, sum(cents) AS cents FROM reduction_part WHERE appointment_id = ident GROUP BY 1) p
               LEFT JOIN (SELECT c.service_id, sum(c.quantity) AS units, sum(c.quantity * f.amount_cents) AS cents
                            FROM claim c JOIN fee f ON f.id = c.fee_id
                           WHERE c.appointment_id = ident AND c.status < 8 AND c.quantity > 0 GROUP BY 1) f USING (service_id)
              WHERE f.service_id IS NULL OR p.units > f.units OR p.cents > f.cents)
     OR EXISTS (SELECT FROM reduction_part p JOIN reduction r ON r.id = p.reduction_id
                 WHERE p.appointment_id = ident AND p.service_id <> ALL (r.services)) THEN
    RAISE EXCEPTION 'appointment % is reduced by more than its fee', ident USING ERRCODE = '23514', CONSTRAINT = 'reduction_within_fee'; END IF;
  SELECT sum(c.quantity * f.amount_cents) INTO whole FROM claim c JOIN fee f ON f.id = c.fee_id WHERE c.appointment_id = ident AND c.status < 8;
  IF a.fee_cents <> whole - taken THEN
    RAISE EXCEPTION 'appointment % costs %, of % without %', ident, a.fee_cents, whole, taken
      USING ERRCODE = '23514', CONSTRAINT = 'reduction_leaves_price'; END IF;
END $$;
CREATE FUNCTION reduction_of_case() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM reduction_check(NEW.id); RETURN NULL; END $$;
CREATE FUNCTION reduction_of_part() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  PERFORM reduction_check(CASE TG_OP WHEN 'DELETE' THEN OLD.appointment_id ELSE NEW.appointment_id END); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER reduction_of_new_case AFTER INSERT ON appointment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.reduction_cents <> 0) EXECUTE FUNCTION reduction_of_case();
CREATE CONSTRAINT TRIGGER reduction_of_case AFTER UPDATE ON appointment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.reduction_cents <> 0 OR OLD.reduction_cents <> 0) EXECUTE FUNCTION reduction_of_case();
CREATE CONSTRAINT TRIGGER reduction_of_part AFTER INSERT OR UPDATE OR DELETE ON reduction_part DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION reduction_of_part();

-- Nobody closes a case whose reduction nobody has looked at; that it was not possible is said with a reason.
CREATE FUNCTION reduction_decided() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM reduction_claim c JOIN reduction_part p USING (appointment_id, reduction_id) WHERE c.appointment_id = NEW.id AND c.outcome IS NULL) THEN
    RAISE EXCEPTION 'appointment % has a reduction that nobody has looked at', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'reduction_decided'; END IF;
  RETURN NEW; END $$;
CREATE TRIGGER reduction_decided BEFORE UPDATE OF status ON appointment FOR EACH ROW
  WHEN (NEW.status = 'finished' AND OLD.status <> 'finished' AND NEW.reduction_cents > 0) EXECUTE FUNCTION reduction_decided();

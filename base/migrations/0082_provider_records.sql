-- What a provider says of its own books, as it came (docs/adr/0065): balance transactions and payouts, each version of them, never changed;
-- and journals that belong to no payment: the provider's prices, payouts, what reached the bank.
ALTER TABLE journal ALTER COLUMN payment_id DROP NOT NULL;
ALTER TABLE journal ADD COLUMN IF NOT EXISTS subject text;   -- what else it is about: an id of the provider's, of a request
DO $$ DECLARE words text; once text; accounts text; is_constraint boolean; BEGIN
  -- Whatever other kinds, names and accounts there are by now stay.
  SELECT string_agg(quote_literal(w), ', ' ORDER BY w) INTO words FROM (
    SELECT (regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g'))[1] FROM pg_constraint WHERE conname = 'journal_kind'
    UNION SELECT unnest(ARRAY['psp_fee', 'payout', 'payout_failed', 'payout_arrived', 'difference_settled'])) k (w);
  EXECUTE 'ALTER TABLE journal DROP CONSTRAINT journal_kind, ADD CONSTRAINT journal_kind CHECK (kind IN (' || words || ')) NOT VALID';
  SELECT replace(indexdef, '(kind,', '(subject, kind,') INTO STRICT once FROM pg_indexes WHERE indexname = 'journal_once' AND schemaname = current_schema();
  is_constraint := EXISTS (SELECT FROM pg_constraint WHERE conname = 'journal_once');
  IF is_constraint THEN ALTER TABLE journal DROP CONSTRAINT journal_once; ELSE DROP INDEX journal_once; END IF;
  EXECUTE once;
  IF is_constraint THEN ALTER TABLE journal ADD CONSTRAINT journal_once UNIQUE USING INDEX journal_once; END IF;
  SELECT replace(replace(pg_get_constraintdef(oid), ')$''', '|bank_in_transit)$'''), ' NOT VALID', '') INTO accounts FROM pg_constraint WHERE conname = 'entry_account';
  EXECUTE 'ALTER TABLE entry DROP CONSTRAINT entry_account, ADD CONSTRAINT entry_account ' || accounts || ' NOT VALID';
  IF (SELECT pg_get_constraintdef(oid) LIKE '%earned%' FROM pg_constraint WHERE conname = 'journal_refund_named') THEN   -- as 0060 has left it
    ALTER TABLE journal DROP CONSTRAINT journal_refund_named;
    ALTER TABLE journal ADD CONSTRAINT journal_refund_named CHECK (kind NOT IN ('refund', 'refund_failed') OR refund_id IS NOT NULL) NOT VALID;
    ALTER TABLE journal VALIDATE CONSTRAINT journal_refund_named;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'journal_payment_named') THEN
    ALTER TABLE journal ADD CONSTRAINT journal_payment_named
      CHECK (kind NOT IN ('fee', 'earned', 'refund', 'refund_failed') OR payment_id IS NOT NULL) NOT VALID;
    ALTER TABLE journal VALIDATE CONSTRAINT journal_payment_named;
  END IF;
END $$;
ALTER TABLE journal VALIDATE CONSTRAINT journal_kind;
ALTER TABLE entry VALIDATE CONSTRAINT entry_account;
ALTER TABLE journal
  ADD CONSTRAINT journal_subject_named CHECK (kind NOT IN ('psp_fee', 'payout', 'payout_failed', 'payout_arrived', 'difference_settled') OR subject IS NOT NULL) NOT VALID,
  ADD CONSTRAINT journal_payout_failed_reverses CHECK (kind <> 'payout_failed' OR reverses IS NOT NULL) NOT VALID;
CREATE INDEX journal_subject ON journal (subject) WHERE subject IS NOT NULL;

-- Amounts: cents of our account there, positive what came in; the provider's price apart.
CREATE TABLE provider_transaction (
  provider     text NOT NULL,
  id           text NOT NULL,
  version      int NOT NULL CONSTRAINT provider_transaction_version_counts CHECK (version > 0),   -- 2: it said something else later
  previous     int GENERATED ALWAYS AS (nullif(version - 1, 0)) STORED,
  kind         text NOT NULL CONSTRAINT provider_transaction_kind
               CHECK (kind IN ('charge', 'refund', 'refund_failed', 'dispute', 'dispute_reversed', 'payout', 'payout_failed', 'other')),
  word         text NOT NULL,          -- the provider's own for the kind
  amount_cents bigint NOT NULL,
  fee_cents    bigint NOT NULL,
  net_cents    bigint NOT NULL,
  currency     text NOT NULL CONSTRAINT provider_transaction_currency CHECK (currency ~ '^[A-Z]{3}$'),
  created_at   timestamptz NOT NULL,
  available_at timestamptz NOT NULL,
  source_id    text NOT NULL,          -- of the refund, dispute, payout ... there; '': none
  charge_id    text,                   -- as payment.charge_id; null: none of a payment
  payment_id   uuid,                   -- as the metadata say; no foreign key: anybody may have written there what they like
  refund_id    uuid,
  raw          jsonb NOT NULL,         -- without the payer
  seen_at      timestamptz NOT NULL,
  PRIMARY KEY (provider, id, version),
  CONSTRAINT provider_transaction_net CHECK (net_cents = amount_cents - fee_cents),
  CONSTRAINT provider_transaction_follows FOREIGN KEY (provider, id, previous) REFERENCES provider_transaction (provider, id, version)
);
CREATE INDEX provider_transaction_created ON provider_transaction (created_at);
CREATE INDEX provider_transaction_charge ON provider_transaction (charge_id) WHERE charge_id IS NOT NULL;
CREATE INDEX provider_transaction_source ON provider_transaction (source_id);
CREATE TABLE provider_payout (
  provider       text NOT NULL,
  id             text NOT NULL,
  version        int NOT NULL CONSTRAINT provider_payout_version_counts CHECK (version > 0),
  previous       int GENERATED ALWAYS AS (nullif(version - 1, 0)) STORED,
  status         text NOT NULL CONSTRAINT provider_payout_status CHECK (status IN ('pending', 'in_transit', 'paid', 'failed', 'canceled', 'unknown')),
  word           text NOT NULL,
  amount_cents   bigint NOT NULL,
  currency       text NOT NULL CONSTRAINT provider_payout_currency CHECK (currency ~ '^[A-Z]{3}$'),
  created_at     timestamptz NOT NULL,
  arrival_on     date NOT NULL,
  trace          text NOT NULL,          -- what the bank's statement shows as end-to-end id; '': not told yet
  descriptor     text NOT NULL,          -- ... as text
  failure        text,
  can_be_listed  boolean NOT NULL,       -- whether it can be asked what it is made of
  raw            jsonb NOT NULL,
  seen_at        timestamptz NOT NULL,
  PRIMARY KEY (provider, id, version),
  CONSTRAINT provider_payout_follows FOREIGN KEY (provider, id, previous) REFERENCES provider_payout (provider, id, version)
);
CREATE INDEX provider_payout_arrival ON provider_payout (arrival_on);
-- What a payout is made of; its own transaction is not among it.
CREATE TABLE provider_payout_part (
  provider       text NOT NULL,
  payout_id      text NOT NULL,
  transaction_id text NOT NULL,
  net_cents      bigint NOT NULL,   -- when it was paid out
  CONSTRAINT provider_payout_part_once PRIMARY KEY (provider, transaction_id)
);
CREATE INDEX provider_payout_part_payout ON provider_payout_part (provider, payout_id);
-- Up to when its books were read to the end.
CREATE TABLE provider_reading (
  provider   text PRIMARY KEY,
  read_until timestamptz NOT NULL
);
CREATE VIEW provider_transaction_now AS
  SELECT * FROM provider_transaction t
   WHERE NOT EXISTS (SELECT FROM provider_transaction n WHERE n.provider = t.provider AND n.id = t.id AND n.previous = t.version);
CREATE VIEW provider_payout_now AS
  SELECT * FROM provider_payout p
   WHERE NOT EXISTS (SELECT FROM provider_payout n WHERE n.provider = p.provider AND n.id = p.id AND n.previous = p.version);
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['provider_transaction', 'provider_payout', 'provider_payout_part'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()', t || '_append_only', t);
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I EXECUTE FUNCTION refuse_truncate()', t || '_not_emptied', t);
  END LOOP; END $$;

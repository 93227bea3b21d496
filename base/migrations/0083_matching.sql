-- Ledger, provider, payout and bank beside each other (docs/adr/0066): what matches, what does not, and what two persons settle.
-- What moved our money at a provider, by what it is about: the same key on both sides.
CREATE VIEW booked_at_provider AS
  SELECT j.id AS journal_id, j.at, j.business_day, j.payment_id, p.provider, e.cents,
         CASE WHEN k.kind = 'fee' THEN 'charge:' || coalesce(p.charge_id, p.id::text)
              WHEN k.refund_id IS NOT NULL THEN 'refund:' || coalesce(r.provider_id, r.id::text)
              WHEN k.kind = 'psp_fee' THEN 'fee:' || k.subject
              WHEN k.kind IN ('payout', 'payout_failed') THEN 'out:' || k.subject
              WHEN k.kind = 'difference_settled' THEN split_part(k.subject, '#', 1)   -- what was written off counts as what it was about
              ELSE k.kind || ':' || coalesce(k.subject, j.id::text) END AS key
    FROM journal j
    JOIN LATERAL (SELECT sum(amount_cents)::bigint AS cents FROM entry WHERE journal_id = j.id AND account = 'psp_clearing') e ON e.cents <> 0
    LEFT JOIN journal o ON o.id = j.reverses   -- what is taken back counts as what it takes back
    CROSS JOIN LATERAL (SELECT coalesce(o.kind, j.kind) AS kind, coalesce(o.subject, j.subject) AS subject, coalesce(o.refund_id, j.refund_id) AS refund_id) k
    LEFT JOIN payment p ON p.id = j.payment_id LEFT JOIN refund r ON r.id = k.refund_id;
CREATE VIEW moved_at_provider AS
  SELECT t.id AS transaction, t.provider, t.created_at AS at, t.amount_cents AS cents, t.charge_id, t.payment_id,
         CASE t.kind WHEN 'charge' THEN 'charge:' || coalesce(t.charge_id, t.source_id)
              WHEN 'refund' THEN 'refund:' || t.source_id WHEN 'refund_failed' THEN 'refund:' || t.source_id
              WHEN 'dispute' THEN 'dispute:' || t.source_id WHEN 'dispute_reversed' THEN 'dispute:' || t.source_id
              WHEN 'payout' THEN 'out:' || t.source_id WHEN 'payout_failed' THEN 'out:' || t.source_id
              ELSE 'other:' || t.id END AS key
    FROM provider_transaction_now t WHERE t.amount_cents <> 0
  UNION ALL
  SELECT t.id, t.provider, t.created_at, -t.fee_cents, t.charge_id, t.payment_id, 'fee:' || t.id
    FROM provider_transaction_now t WHERE t.fee_cents <> 0;

CREATE TABLE matching_run (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  first      date NOT NULL,
  last       date NOT NULL,
  asked_by   int REFERENCES account,   -- null: by night
  began_at   timestamptz NOT NULL,
  booked     int NOT NULL,             -- journals that were compared
  moved      int NOT NULL,             -- transactions
  matched    int NOT NULL,
  opened     int NOT NULL,
  closed     int NOT NULL,
  CONSTRAINT matching_run_span CHECK (first <= last)
);
CREATE TRIGGER matching_run_append_only BEFORE UPDATE OR DELETE ON matching_run FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- What the last run found to be the same. Worked out, so it may be worked out anew.
CREATE TABLE matching_link (
  journal_id     bigint PRIMARY KEY REFERENCES journal,
  transaction_id text NOT NULL
);
CREATE INDEX matching_link_transaction ON matching_link (transaction_id);

CREATE TABLE difference (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cause       text NOT NULL CONSTRAINT difference_cause CHECK (cause IN ('missing_there', 'missing_here', 'amount', 'fee', 'payout_sum',
                'payout_not_at_bank', 'payout_late', 'payout_split', 'payout_failed', 'unknown_credit', 'unknown_debit', 'statement_gap',
                'failed_refund', 'open_dispute', 'lost_dispute', 'export_not_acknowledged')),
  subject     text NOT NULL,           -- with the cause: which one it is; found again it is the same
  day         date NOT NULL,
  here_cents  bigint,
  there_cents bigint,
  payment_id  uuid REFERENCES payment,
  proposal    text NOT NULL CONSTRAINT difference_proposal CHECK (proposal IN ('write_off', 'assign', 'keep_unassigned', 'accept', 'wait')),
  lines       jsonb NOT NULL DEFAULT '[]',   -- of the bank: statement, entry, position
  due_on      date,
  state       text NOT NULL DEFAULT 'open' CONSTRAINT difference_state CHECK (state IN ('open', 'explained', 'written_off', 'closed')),
  owner       int REFERENCES account,
  opened_at   timestamptz NOT NULL,
  ended_at    timestamptz,
  CONSTRAINT difference_ended CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX difference_once ON difference (cause, subject) WHERE state IN ('open', 'explained');
CREATE INDEX difference_day ON difference (day);
CREATE INDEX difference_payment ON difference (payment_id) WHERE payment_id IS NOT NULL;
CREATE TRIGGER difference_identity_fixed BEFORE UPDATE ON difference FOR EACH ROW
  WHEN ((OLD.cause, OLD.subject, OLD.opened_at) IS DISTINCT FROM (NEW.cause, NEW.subject, NEW.opened_at))
  EXECUTE FUNCTION refuse_by_rule('what a difference is about never changes');
CREATE TRIGGER difference_ends_once BEFORE UPDATE ON difference FOR EACH ROW WHEN (OLD.state IN ('written_off', 'closed') AND NEW.state <> OLD.state)
  EXECUTE FUNCTION refuse_by_rule('what is written off or closed stays so: found again it is another difference');
CREATE TRIGGER difference_never_deleted BEFORE DELETE OR TRUNCATE ON difference EXECUTE FUNCTION refuse_by_rule('differences are never deleted');

-- What was done and said about it.
CREATE TABLE difference_note (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  difference_id bigint NOT NULL REFERENCES difference,
  at            timestamptz NOT NULL,
  by            int REFERENCES account,   -- null: a run
  what          text NOT NULL CONSTRAINT difference_note_what CHECK (what IN
                  ('opened', 'changed', 'taken', 'left', 'comment', 'explained', 'asked', 'approved', 'rejected', 'closed', 'reopened')),
  text          text NOT NULL DEFAULT '' CONSTRAINT difference_note_length CHECK (length(text) <= 1000)
);
CREATE INDEX difference_note_of ON difference_note (difference_id);
CREATE TRIGGER difference_note_append_only BEFORE UPDATE OR DELETE ON difference_note FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER difference_note_not_emptied BEFORE TRUNCATE ON difference_note EXECUTE FUNCTION refuse_truncate();

-- A booking that settles a difference: asked for by one, approved by another, whose journal is part of the approval.
CREATE TABLE difference_request (
  id            uuid PRIMARY KEY,
  difference_id bigint NOT NULL REFERENCES difference,
  proposal      text NOT NULL CONSTRAINT difference_request_proposal CHECK (proposal IN ('write_off', 'assign', 'keep_unassigned')),
  here_cents    bigint,                -- as the difference was when it was asked for
  there_cents   bigint,
  note          text NOT NULL CONSTRAINT difference_request_note CHECK (note = btrim(note) AND length(note) BETWEEN 1 AND 500),
  requested_by  int NOT NULL REFERENCES account,
  requested_at  timestamptz NOT NULL,
  decided_by    int REFERENCES account,
  decided_at    timestamptz,
  approved      boolean,
  journal_id    bigint REFERENCES journal CONSTRAINT difference_request_journal_once UNIQUE,
  CONSTRAINT difference_request_decided CHECK (num_nonnulls(decided_by, decided_at, approved) IN (0, 3)),
  CONSTRAINT difference_request_four_eyes CHECK (approved IS NOT TRUE OR decided_by <> requested_by),
  CONSTRAINT difference_request_books CHECK ((approved IS TRUE) = (journal_id IS NOT NULL))
);
CREATE UNIQUE INDEX difference_request_one_open ON difference_request (difference_id) WHERE decided_at IS NULL;
CREATE INDEX difference_request_of ON difference_request (difference_id);
CREATE TRIGGER difference_request_decided_once BEFORE UPDATE ON difference_request FOR EACH ROW
  WHEN (OLD.decided_at IS NOT NULL OR (OLD.difference_id, OLD.proposal, OLD.here_cents, OLD.there_cents, OLD.note, OLD.requested_by, OLD.requested_at)
        IS DISTINCT FROM (NEW.difference_id, NEW.proposal, NEW.here_cents, NEW.there_cents, NEW.note, NEW.requested_by, NEW.requested_at))
  EXECUTE FUNCTION refuse_by_rule('a request is decided once and says what it said');
CREATE TRIGGER difference_request_never_deleted BEFORE DELETE OR TRUNCATE ON difference_request
  EXECUTE FUNCTION refuse_by_rule('requests are never deleted');

-- At the commit: nothing is written off, and no journal settles a difference, without two persons.
CREATE FUNCTION difference_by_two() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM difference_request WHERE difference_id = NEW.id AND approved) THEN
    RAISE EXCEPTION 'difference % was approved by nobody', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'difference_written_off_by_two'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER difference_written_off_by_two AFTER INSERT OR UPDATE ON difference DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'written_off') EXECUTE FUNCTION difference_by_two();
CREATE FUNCTION journal_settles_by_two() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NOT EXISTS (SELECT FROM difference_request WHERE journal_id = NEW.id AND approved) THEN
    RAISE EXCEPTION 'journal % settles what nobody approved', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'journal_settles_by_two'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER journal_settles_by_two AFTER INSERT ON journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.kind = 'difference_settled') EXECUTE FUNCTION journal_settles_by_two();

-- What a line of the bank is. Without a request it is exactly what the payout is, so no person had to look.
CREATE TABLE bank_match (
  statement_id bigint NOT NULL,
  entry        int NOT NULL,
  position     int NOT NULL,              -- 0: the entry itself
  provider     text,
  payout_id    text,
  order_id     text,                      -- end-to-end id of a transfer of ours
  request_id   uuid REFERENCES difference_request,
  journal_id   bigint REFERENCES journal, -- null: whoever made the order booked it
  at           timestamptz NOT NULL,
  CONSTRAINT bank_match_once PRIMARY KEY (statement_id, entry, position),
  CONSTRAINT bank_match_of_entry FOREIGN KEY (statement_id, entry) REFERENCES bank_entry (statement_id, position),
  CONSTRAINT bank_match_named CHECK (num_nonnulls(payout_id, order_id, request_id) > 0 AND (payout_id IS NULL) = (provider IS NULL)),
  CONSTRAINT bank_match_booked CHECK (order_id IS NOT NULL OR journal_id IS NOT NULL)
);
CREATE INDEX bank_match_payout ON bank_match (provider, payout_id) WHERE payout_id IS NOT NULL;
CREATE FUNCTION bank_match_exact() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE line bigint; payout bigint; BEGIN
  SELECT amount_cents INTO line FROM bank_detail WHERE statement_id = NEW.statement_id AND entry = NEW.entry AND bank_detail.position = NEW.position;
  IF NEW.position = 0 THEN
    SELECT amount_cents INTO line FROM bank_entry e WHERE e.statement_id = NEW.statement_id AND e.position = NEW.entry AND e.details = 0; END IF;
  IF line IS NULL THEN
    RAISE EXCEPTION 'no line %.%.%', NEW.statement_id, NEW.entry, NEW.position USING ERRCODE = '23514', CONSTRAINT = 'bank_match_line'; END IF;
  SELECT amount_cents INTO payout FROM provider_payout_now WHERE provider = NEW.provider AND id = NEW.payout_id;
  IF NEW.payout_id IS NOT NULL AND NEW.request_id IS NULL AND abs(line) IS DISTINCT FROM payout THEN
    RAISE EXCEPTION 'the bank says %, the payout %', line, payout USING ERRCODE = '23514', CONSTRAINT = 'bank_match_exact'; END IF;
  RETURN NULL; END $$;
CREATE TRIGGER bank_match_exact AFTER INSERT ON bank_match FOR EACH ROW EXECUTE FUNCTION bank_match_exact();
CREATE TRIGGER bank_match_append_only BEFORE UPDATE OR DELETE ON bank_match FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bank_match_not_emptied BEFORE TRUNCATE ON bank_match EXECUTE FUNCTION refuse_truncate();

UPDATE role SET permissions = permissions || ARRAY['writeoff.approve'] WHERE name = 'finance' AND NOT 'writeoff.approve' = ANY (permissions);

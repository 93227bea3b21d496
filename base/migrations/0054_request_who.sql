-- For whom a request by need is, where that decides which counters are responsible: sealed, and gone with its person (docs/adr/0041).
ALTER TABLE allocation_person ADD COLUMN who bytea CONSTRAINT allocation_person_who_filled CHECK (length(who) > 0);

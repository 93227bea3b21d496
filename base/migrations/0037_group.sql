-- Group appointments (docs/adr/0036): a session with n places is one time at n counters of a kind, a place each. claim_no_overlap gives each place once,
-- so there is never an (n+1)th; people are shown how many are left.
ALTER TABLE service
  ADD COLUMN is_group boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT service_group_one_place CHECK (NOT is_group OR most = 1);   -- two of it would be twice as long, and not two places

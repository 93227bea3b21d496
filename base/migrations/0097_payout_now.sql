-- The youngest version of a payout shows what 0096 keeps beside its status: a view has the columns that its table had when it was made.
CREATE OR REPLACE VIEW provider_payout_now AS
  SELECT * FROM provider_payout p
   WHERE NOT EXISTS (SELECT FROM provider_payout n WHERE n.provider = p.provider AND n.id = p.id AND n.previous = p.version);

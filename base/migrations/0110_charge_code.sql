-- The receipt of a further fee carries a code that leads its payer back to the fee's page (docs/adr/0070): whoever came without an appointment
-- is known to nobody, so nobody could ask them for an account where money goes back. Of fees that were asked for before, there is none.
ALTER TABLE charge ADD COLUMN code_hmac bytea CONSTRAINT charge_code_once UNIQUE;

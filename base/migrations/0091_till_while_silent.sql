-- While the provider is silent, a payment of which nobody was given an address may be left for a till (docs/adr/0071): lapsed without a session.
ALTER TABLE payment DROP CONSTRAINT payment_lapsed_was_open;
ALTER TABLE payment ADD CONSTRAINT payment_lapsed_shows_nothing CHECK (status <> 'lapsed' OR pay_url IS NULL) NOT VALID;
ALTER TABLE payment VALIDATE CONSTRAINT payment_lapsed_shows_nothing;

-- A kiosk: a till with a card terminal and nobody behind it. It says what its terminal took, and nothing else.
INSERT INTO duty_permission (permission, duty) VALUES ('till.kiosk', 'cash');
INSERT INTO role (name, permissions) VALUES ('kiosk', ARRAY['till.kiosk']);

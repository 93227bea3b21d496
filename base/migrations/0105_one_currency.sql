-- One currency (docs/adr/0078): amounts of a day are added up, closed and handed over together, and tills and transfers know euros only. What is
-- written already stays as it is; both tables refuse to change a row's currency, so its making is the one moment.
CREATE TRIGGER fee_in_euro BEFORE INSERT ON fee FOR EACH ROW WHEN (NEW.currency <> 'EUR')
  EXECUTE FUNCTION refuse_by_rule('fees are in euros: one city books in one currency (docs/adr/0078)');
CREATE TRIGGER payment_in_euro BEFORE INSERT ON payment FOR EACH ROW WHEN (NEW.currency <> 'EUR')
  EXECUTE FUNCTION refuse_by_rule('payments are in euros: one city books in one currency (docs/adr/0078)');
CREATE TRIGGER charge_in_euro BEFORE INSERT ON charge FOR EACH ROW WHEN (NEW.currency <> 'EUR')
  EXECUTE FUNCTION refuse_by_rule('further fees are in euros: one city books in one currency (docs/adr/0078)');

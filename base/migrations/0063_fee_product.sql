-- Which account of the budget a fee is for, and its VAT (0: sovereign acts are not taxable). Part of a version like its amount.
ALTER TABLE fee
  ADD COLUMN product     text NOT NULL DEFAULT 'fees',
  ADD COLUMN tax_percent int NOT NULL DEFAULT 0,
  ADD CONSTRAINT fee_product CHECK (product ~ '^[a-z0-9_.-]{1,40}$'),
  ADD CONSTRAINT fee_tax_percent CHECK (tax_percent BETWEEN 0 AND 100);

"""Receipts for what was paid, and the Kassenzeichen by which payer, bank and treasury name a payment."""

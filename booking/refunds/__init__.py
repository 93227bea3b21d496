"""Refunds for the office of their case: how they stand, an account told at the counter, the link again, letters (docs/adr/0073)."""

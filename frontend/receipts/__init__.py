"""Receipts as pages and as PDF: what was paid, for what, under which number."""

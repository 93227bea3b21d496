"""Takings, refunds and open items as sums: for a chart, a table and files of the same figures. Of no person."""

"""Ledger, provider, payout and bank beside each other; what does not fit is a worklist for people."""

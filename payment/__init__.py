"""Fees: a payment for an opaque reference, its refunds, and the journal of both."""

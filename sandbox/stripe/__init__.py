"""A server that speaks the part of Stripe's wire format the product uses. No real money, loopback only.

Source of shapes and behaviour: docs.stripe.com/api at version 2026-10-28.endive, as pinned by stripe-python 16.1.0, whose
generated types check every answer in tests/contract. Amounts are integer cents, times are whole Unix seconds.
"""

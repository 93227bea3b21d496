"""Further fees, asked for while somebody is served: paid on the payer's phone or at a till."""

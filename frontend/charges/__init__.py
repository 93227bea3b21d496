"""The page of a further fee, for its payer: come by a link or a code, pay on a phone, have a receipt."""

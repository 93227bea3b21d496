"""From a payout to the payments that it is made of, and from a payment to where its money went."""

"""What a provider says of its own books: balance transactions and payouts, kept raw, and what is booked from them."""

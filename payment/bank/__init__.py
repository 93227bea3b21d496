"""Bank statements as the bank sends them (camt.053): read whole or not at all, kept as they came, chained by their balances."""

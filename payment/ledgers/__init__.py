"""The books as a treasurer sees them: sealed in a chain, closed by the day, balanced by account. Entries are made elsewhere."""

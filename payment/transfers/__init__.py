"""Transfer orders: refunds that the provider cannot make go to an account that the payee names (docs/adr/0064)."""

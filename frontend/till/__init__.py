"""The cashier's pages: tills of an office, taking a fee, giving money back, the drawer from its opening to its protocol."""

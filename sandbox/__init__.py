"""Vendors played by real local servers, for the demo and for tests. Never part of the product: left out of wheel and image."""

"""Appointments: what the city offers, what is free, who has it."""

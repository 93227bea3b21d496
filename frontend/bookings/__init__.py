"""Appointments that staff book, move and cancel for people on the telephone or at the counter."""

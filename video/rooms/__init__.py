"""Rooms: who may meet whom, when, and who is inside."""

"""Signalling: one WebSocket per participant, over which rooms and media worker are asked, and told of changes."""

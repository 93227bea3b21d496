"""Invitations: staff ask one person to choose a time within a window, by a link that is good for one appointment (docs/adr/0039)."""

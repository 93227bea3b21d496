"""Invitations for staff of an office: make them, see what has become of them, withdraw them and send them again."""

"""Video consultation: rooms, signalling, and the media worker."""

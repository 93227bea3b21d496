"""Pages for auditors and administrators: how long records are kept, and who may see and do what."""

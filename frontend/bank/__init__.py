"""Pages of bank statements: send a file, see what is missing, search entries."""

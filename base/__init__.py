"""The floor: everything stands on it, it knows nothing of appointments, money or calls."""

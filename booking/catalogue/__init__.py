"""What the city offers, where, and when: offices, counters, services, fees and opening hours."""

"""The earlier-time list for staff: figures of their offices, and the times that the public does not see because of it."""

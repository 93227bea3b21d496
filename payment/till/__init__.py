"""The till at a counter: money taken by hand, the drawer it lies in, and the provider `counter` that the rest of `payment` sees."""

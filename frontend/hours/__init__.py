"""The hours of an office as those see them who may change them: series, single days, closures, and the history of all of it."""

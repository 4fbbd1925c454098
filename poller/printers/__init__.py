"""The meaning: what the values of a device say about a printer. Pure: no socket, clock, disk or logging."""

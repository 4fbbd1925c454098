"""To the dealer and back: enrolment, batches, heartbeats, and settings from central. Knows HTTP and keys, nothing of printers."""

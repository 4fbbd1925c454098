"""What outlives a restart: every printer with its layout, schedule and last reading, and the sweep. Losing it costs time only."""

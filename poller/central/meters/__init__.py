"""From readings to meters that a bill can rest on: validated, closed by day, chained."""

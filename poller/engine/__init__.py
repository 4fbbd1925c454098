"""The rhythm: who is asked when, and what became of it. Knows the wire and the clock only by their Protocols."""

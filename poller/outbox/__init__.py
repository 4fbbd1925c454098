"""Keeps readings until central has acknowledged them, and a daily history for the site itself. Knows lines, nothing of HTTP."""

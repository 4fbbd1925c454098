"""Knows what every printer has printed and what it will need next, without walking to it."""

__version__ = "0.1.0"
__date__ = "2026-11-01"
"""When this version was made, or a little before: no clock that is right says anything earlier. Never before CHANGELOG's newest release."""

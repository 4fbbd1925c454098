"""Knows what every printer has printed and what it will need next, without walking to it."""

__version__ = "0.1.0"

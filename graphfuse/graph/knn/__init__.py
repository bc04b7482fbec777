"""Nearest neighbours among points: exact search, and candidates that make it fast."""

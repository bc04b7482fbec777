"""Nets in four slots, each part written for one replica in plain torch; the folders are the
registry."""

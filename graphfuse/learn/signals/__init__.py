"""Channels of the net besides single modalities: signalling, gene sets and concept planes."""

"""Saving fitted models as data, and reading them with checks."""

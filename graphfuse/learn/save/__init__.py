"""Fitted models as files, and back: written as data, checked when they are read."""

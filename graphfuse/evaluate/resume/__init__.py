"""Finished parts of a training on disk, so that a stopped one goes on."""

"""Preparation steps, one file each; the folder is the registry."""

"""Drafting a manifest for tables that have none."""

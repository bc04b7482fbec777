"""Cohorts from tables in memory."""

"""Cohorts: patients, modalities, outcomes, and how tables become them."""

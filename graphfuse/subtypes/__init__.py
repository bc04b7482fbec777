"""Subtypes without labels: clusters of patients, how stable they are and what goes with them."""

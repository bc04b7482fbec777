"""A trained model on a cohort that it never saw."""

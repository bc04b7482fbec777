"""A cohort held against its manifest before anything is trained."""

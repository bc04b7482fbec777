"""Checks of a cohort's tables against its manifest, before anything is trained."""

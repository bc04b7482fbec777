"""Leaks in a cohort's own tables, looked for before anything is trained."""

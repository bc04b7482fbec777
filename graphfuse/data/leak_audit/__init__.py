"""A search for leaks in a cohort's own tables, before anything is trained."""

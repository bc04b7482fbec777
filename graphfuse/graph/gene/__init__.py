"""Gene networks: read, cleaned, matched with the columns of a cohort, and used as graphs."""

"""Statistics of tables of numbers, which know nothing of patients or outcomes."""

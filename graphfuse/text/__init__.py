"""Cells of tables as people write them: words, numbers, and spellings that mean the same."""

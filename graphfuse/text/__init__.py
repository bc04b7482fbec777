"""Cells of tables as people write them: words, numbers, ids and their spellings."""

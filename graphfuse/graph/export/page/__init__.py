"""A built graph as one page to look at."""

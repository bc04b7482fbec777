"""Heads: `[N, D]` → `[N, K]`. A file here is a part."""

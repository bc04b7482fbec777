"""Fusions: `[N, M, T, D]` → `[N, D]`, or per-modality logits `[N, M, K]` → `[N, K]`. A file here is
a part."""

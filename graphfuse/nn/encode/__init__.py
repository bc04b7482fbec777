"""Encoders: one modality `[N, F]` → `[N, T, D]`. A file here is a part."""

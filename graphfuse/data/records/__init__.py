"""Patients' records: columns of mixed types, repeated measurements, dates and ordinal scales."""

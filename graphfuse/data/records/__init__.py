"""Patients' records: columns of mixed types, repeated measurements, dates, ordered scales."""

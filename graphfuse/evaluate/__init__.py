"""Honest scores: folds, baselines, metrics with intervals, and what a run leaves behind."""

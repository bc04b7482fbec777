"""Honest scores: folds, the ladder, metrics with intervals, and what a run leaves behind."""

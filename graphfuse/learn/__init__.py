"""Training under honest protocol: folds, ridge ladder, the bank of replicas, metrics and reports."""

"""What is to be predicted, and all that depends on its kind: one file a kind of outcome."""

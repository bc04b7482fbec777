"""The bank: replicas of one net, trained side by side as one tensor program."""

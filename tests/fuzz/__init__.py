"""Damaged inputs at the public doors: all that may come of one is success, or one message and exit
code 2."""

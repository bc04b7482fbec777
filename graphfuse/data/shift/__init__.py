"""Detecting tables of new patients that are not on the scale a model was trained on."""

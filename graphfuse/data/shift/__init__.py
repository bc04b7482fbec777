"""Whether new patients' tables are on the scale that a model was trained on."""

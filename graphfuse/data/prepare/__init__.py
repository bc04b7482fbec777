"""From a modality's table to the columns that models see: steps, fitted on training patients."""

"""What the first genes of a ranking have in common: gene sets, network modules, known markers."""

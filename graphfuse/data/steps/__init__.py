"""Steps from a modality's numbers to what models see, one file each; the folder is the registry."""

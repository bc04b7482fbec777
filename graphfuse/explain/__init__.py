"""Attribution of predictions to features, genes, edges and modalities, and their rankings."""

"""A built graph in other programs' forms, and back: PyG, networkx, AnnData, MuData, GraphML,
tables, a page."""

"""A built graph in other programs' forms, and back: PyG, networkx, AnnData, MuData, GraphML, GEXF,
tables, a page."""

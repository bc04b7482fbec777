"""Which features, genes and edges carry a model's calls, with intervals over its replicas."""

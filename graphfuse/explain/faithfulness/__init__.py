"""Whether models depend on what a ranking puts first: on held-out patients, against random order
and the order of degrees in the gene network."""

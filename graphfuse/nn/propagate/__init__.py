"""Propagators: a layer's states and neighbour lists → a message `[N, T, D]`. A file here is a
part."""

"""Graphs: patient layers as ragged neighbour lists, gene networks, controls and exports."""

"""Occlusion: how far a prediction falls where a column is at its training mean."""

from __future__ import annotations

import numpy as np

from graphfuse.explain.method import Attribution, FoldNet, Method


class Occlusion(Method):
    """The fall of what is predicted where the column is set to its training mean, one column at a
    time."""

    def attribute(self, net: FoldNet) -> Attribution:
        """One evaluation of the net for each column."""
        whole = net.logits(net.columns)
        columns = {}
        for name, own in net.columns.items():
            falls = []
            for column in range(own.shape[1]):
                without = own.copy()
                without[:, column] = 0.0
                falls.append(whole - net.logits(net.columns | {name: without}))  # [N, K]
            columns[name] = np.stack(falls, -1).transpose(1, 0, 2)  # [K, N, F]
        return Attribution(columns)

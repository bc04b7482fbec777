"""What each edge carries: gene-network edges by integrated gradients of their weight, patient edges by what the
sender adds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.data.cohort import Cohort
from graphfuse.explain.attribute import Attribution
from graphfuse.graph.network import GeneNetwork
from graphfuse.learn.fitted import Fitted

CHUNK = 20_000


def gene_edges(fitted: Fitted, found: Attribution, network: GeneNetwork, symbols: dict[str, list]) -> np.ndarray:
    """Mean contribution of every edge to each class `[K, E]`, summed over modalities and both directions.

    For edge (a, b): Σ over its column pairs of gradient at a × operator weight × value at b, which is integrated gradients
    over the edge's weight from 0 to its value. `network`: the edges, on the genes measured; `symbols`: modality → gene of each
    column the encoder saw.
    """
    total = np.zeros((found.weight.shape[1], network.edges))
    for name, gradient in found.slopes.hop.items():
        operator = fitted.preparation.smoothing[name].tocsr()
        edge, a, b = network.edge_features(symbols[name])
        edge = _places(network.on(symbols[name]), network)[edge]
        for here, there in ((a, b), (b, a)):
            factor = np.asarray(operator[here, there]).ravel()
            for k in range(len(total)):
                value = factor * _paired(gradient[k], found.views.own[name], found.weight[:, k], here, there)
                total[k] += np.bincount(edge, value, minlength=network.edges)
    return total


def _places(part: GeneNetwork, whole: GeneNetwork) -> np.ndarray:
    """Where the edges of `part` stand among those of `whole`, by their genes' symbols."""
    names = [pd.MultiIndex.from_frame(network.to_frame()[["source", "target"]]) for network in (part, whole)]
    return names[1].get_indexer(names[0])


def _paired(gradient, values, weight, here, there) -> np.ndarray:
    """Σ_i w_i gradient_i[here] value_i[there], for every pair of columns `[P]`."""
    if len(gradient) == 1:
        return gradient[0, here] * (weight @ values)[there]
    parts = [
        np.einsum("i,ip,ip->p", weight, gradient[:, here[c : c + CHUNK]], values[:, there[c : c + CHUNK]])
        for c in range(0, len(here), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def patient_edges(fitted: Fitted, cohort: Cohort, training: pd.Index) -> pd.DataFrame:
    """Every edge into the patients of `cohort`: `layer, source` (training patient), `target, weight, score`.

    `score`: what the sender adds, through the layer's gate, to the centred linear logit of the class that the receiver is
    called; `training`: ids of the training patients, in order.
    """
    views = fitted.preparation.views(cohort)
    lists = fitted.preparation.lists(views, fitted.trained_on)
    called = fitted.logits(views).softmax(-1).mean(0).argmax(1).numpy()
    gates, tables = fitted.gates(), []
    for name, found in lists.items():
        receiver, memory = found.receivers, fitted.memory[name]
        weight = found.mean_weights()
        centred = memory - memory.mean(1, keepdims=True)
        score = gates[name].get("patients", 0.0) * weight * centred[found.index, called[receiver]]
        ids = {"layer": name, "source": training[found.index], "target": cohort.patients[receiver]}
        tables.append(pd.DataFrame(ids | {"weight": weight, "score": score}))
    return pd.concat(tables, ignore_index=True)

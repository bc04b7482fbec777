"""Patient layers of a model: fitted on training patients, and their neighbour lists."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from graphfuse.graph.layers.factory import Layer, fit_layer, layer_specs
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.learn.standardised_columns import Views
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.schema import Recipe

LayersOf = Mapping[str, list[str]]  # modality → names of the layers its states are passed along
Lists = dict[str, list[Neighbours]]  # modality → neighbour lists, one for each of these layers


def fit_layers(recipe: Recipe, views: Views, seed: int) -> dict[str, Layer]:
    """The recipe's patient layers, fitted on training patients with these views.

    There are none where no states would be passed along them.
    """
    section = recipe.patient
    if recipe.net.propagate == "none" or section.control == "empty":
        return {}
    tables = (views.own, views.has, views.patients)
    specs = layer_specs(section, tuple(views.own))
    return {
        name: fit_layer(name, spec, *tables, section.control, seed) for name, spec in specs.items()
    }


def isolated_lists(layers_of: LayersOf, receivers: np.ndarray) -> Lists:
    """Lists in which each patient is its only neighbour.

    Parameters
    ----------
    layers_of : mapping of str to list of str
        Modality → names of its layers.
    receivers : np.ndarray
        bool `[N, M]`: which patient has which modality.
    """
    lists = {}
    for (modality, names), has in zip(layers_of.items(), receivers.T, strict=True):
        lists[modality] = [Neighbours.identity(has)] * len(names)
    return lists


def layer_lists(
    layers: Mapping[str, Layer], layers_of: LayersOf, senders: np.ndarray, views: Views | None
) -> Lists:
    """Neighbour lists of the layers, for each modality among the patients who have it.

    Parameters
    ----------
    layers : mapping of str to Layer
        Name → fitted layer.
    layers_of : mapping of str to list of str
        Modality → names of its layers.
    senders : np.ndarray
        bool `[n, M]`: which training patient has which modality.
    views : Views, optional
        Of the receivers; None for the training patients themselves.
    """
    whole = {name: _lists_of(layer, views) for name, layer in layers.items()}
    receivers = senders if views is None else views.present
    lists = {}
    for column, (modality, names) in enumerate(layers_of.items()):
        receives = receivers[:, column]
        sends = senders[:, column]
        lists[modality] = []
        for name in names:
            is_own = layers[name].of == (modality,)
            own = whole[name] if is_own else whole[name].among(receives, sends)
            lists[modality].append(own)
    return lists


def _lists_of(layer: Layer, views: Views | None) -> Neighbours:
    """Neighbour lists of the training patients, or of new patients with these views."""
    if views is None:
        return layer.lists()
    return layer.extend(views.own, views.has, views.patients)


def tensor_lists(neighbours: Neighbours) -> EdgeLists:
    """Neighbour lists as tensors, weights divided by the sum of each receiver."""
    return EdgeLists.build(
        torch.from_numpy(neighbours.offsets),
        torch.from_numpy(neighbours.index),
        torch.from_numpy(neighbours.mean_weights()),
        neighbours.senders,
    )

"""HeteroData: nothing is lost on the way there and back, and PyG trains on what comes back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from graphfuse.errors import InputError
from graphfuse.graph import controls
from graphfuse.graph.export.hetero import to_hetero
from graphfuse.graph.export.hetero_files import load_hetero, save_hetero
from graphfuse.graph.export.read_hetero import from_hetero
from graphfuse.graph.export.tables import to_frames
from graphfuse.graph.gene.typed_gene_graph import Template
from graphfuse.graph.neighbour_lists import Neighbours
from graphfuse.schema import SignallingSection


def there_and_back(graph, folder, dtype="float32"):
    """Graph → HeteroData → files → HeteroData → graph."""
    save_hetero(to_hetero(graph, dtype), folder)
    return from_hetero(load_hetero(folder))


def assert_same_edges(a, b):
    """Layers and networks equal to the last bit."""
    assert list(a.layers) == list(b.layers)
    for name, lists in a.layers.items():
        for part in ("offsets", "index", "weight", "senders"):
            np.testing.assert_array_equal(getattr(lists, part), getattr(b.layers[name], part))
    assert (a.network is None) == (b.network is None)
    for part in ("name", "genes", "directed", "about", "cleaned") if a.network is not None else ():
        assert getattr(a.network, part) == getattr(b.network, part)
    for part in ("source", "target", "weight") if a.network is not None else ():
        np.testing.assert_array_equal(getattr(a.network, part), getattr(b.network, part))


def assert_same_frames(a, b):
    for (name, left), right in zip(to_frames(a).items(), to_frames(b).values(), strict=True):
        pd.testing.assert_frame_equal(left, right, check_exact=True, obj=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_round_trip_loses_nothing(built, tmp_path, dtype):
    back = there_and_back(built, tmp_path, dtype)
    assert_same_frames(built, back)
    assert_same_edges(built, back)
    assert back.feature_names == built.feature_names and list(back.features) == list(built.features)
    for name, values in built.features.items():
        np.testing.assert_array_equal(back.features[name], values.astype(dtype).astype(float))
        assert back.cohort.modalities[name].symbols == built.cohort.modalities[name].symbols
    assert {k: (o.kind, o.classes, o.derived_from) for k, o in back.cohort.outcomes.items()} == {
        k: (o.kind, o.classes, o.derived_from) for k, o in built.cohort.outcomes.items()
    }
    assert back.cohort.name == "small"
    again = there_and_back(back, tmp_path, dtype)
    assert_same_frames(built, again)


def test_what_is_missing_there_comes_back_missing(bare, built, tmp_path):
    assert_same_frames(bare, there_and_back(bare, tmp_path))
    no_table = replace(built, features={}, feature_names={})
    back = there_and_back(no_table, tmp_path)
    assert back.features == {}
    assert_same_frames(no_table, back)  # presence stays known
    holes = replace(
        built,
        features={
            **built.features,
            "rna": np.where(np.eye(24, 4, -3) > 0, np.nan, built.features["rna"]),
        },
    )
    back = there_and_back(holes, tmp_path, "float64")
    np.testing.assert_array_equal(back.features["rna"], holes.features["rna"])
    assert torch.isfinite(to_hetero(holes)["patient"].x).all()


def test_odd_graphs_come_back_too(built, tmp_path):
    """Directed networks, self-loops (the identity control), lists whose senders are some patients
    only, no edge at all."""
    directed = replace(
        built.network, directed=True, source=built.network.target, target=built.network.source
    )
    for network in (
        directed,
        controls.control("empty", built.network, 0),
        controls.control("identity", built.network, 0),
    ):
        back = there_and_back(replace(built, network=network), tmp_path)
        assert_same_edges(replace(built, network=network), back)
    some = {
        "few": Neighbours.from_edges([0, 3, 3], [1, 0, 2], [0.1, 0.2, 1.0], 24, 3),
        "none": Neighbours.empty(24, 24),
    }
    odd = replace(
        built, layers={**some, "itself": Neighbours.from_edges(range(24), range(24), 1.0, 24, 24)}
    )
    assert_same_edges(odd, there_and_back(odd, tmp_path))


def test_exact_weights_stand_beside_only_where_float32_rounds(built):
    one = replace(
        built,
        layers={"rna": replace(built.layers["rna"], weight=np.ones(built.layers["rna"].edges))},
    )
    assert "weight" not in to_hetero(one)["patient", "rna", "patient"]
    store = to_hetero(built)["patient", "rna", "patient"]
    assert store.edge_weight.dtype == torch.float32 and store.weight.dtype == torch.float64
    assert "weight" not in to_hetero(built, "float64")["patient", "rna", "patient"]


def test_absent_rows_are_zero_and_masked(built):
    data = to_hetero(built)
    place = data.modalities.index("meth")
    columns = data.feature_modality == place
    assert (
        data["patient"].present[:, place].tolist()
        == built.cohort.modalities["meth"].present.tolist()
    )
    assert (data["patient"].x[~data["patient"].present[:, place]][:, columns] == 0).all()
    assert not any(
        isinstance(v, torch.Tensor) and v.is_floating_point() and v.isnan().any()
        for v in data["patient"].values()
    )
    assert data.feature_gene.tolist() == [0, 1, 2, -1, 0, 0, 3, -1]


def test_a_signalling_graph_comes_along(built, tmp_path):
    symbols = {name: m.symbols for name, m in built.cohort.modalities.items() if any(m.symbols)}
    kinds = {"rna": "tran", "meth": "meth"}
    template = Template.build(symbols, built.network, SignallingSection(), kinds)
    back = there_and_back(replace(built, signalling=template), tmp_path).signalling
    assert (back.genes, back.kinds, back.slots, back.directed) == (
        template.genes, template.kinds, template.slots, template.directed,
    )  # fmt: skip
    for relation, arrows in template.relations.items():
        assert all(
            np.array_equal(a, b) for a, b in zip(arrows, back.relations[relation], strict=True)
        )
    assert all(np.array_equal(template.place[m], back.place[m]) for m in template.place)


def test_values_that_are_no_json_and_foreign_data_stop(built, tmp_path):
    from torch_geometric.data import HeteroData

    with pytest.raises(InputError, match="from_hetero"):
        from_hetero(HeteroData())
    data = to_hetero(built)
    data.odd = object()
    with pytest.raises(InputError, match="object"):
        save_hetero(data, tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="float16"):
        to_hetero(built, "float16")


@pytest.mark.parametrize("name", ["GraphConv", "SAGEConv"])
def test_a_two_layer_hetero_net_trains_on_what_comes_back(built, tmp_path, name):
    from torch_geometric import nn

    save_hetero(built, tmp_path)
    data = load_hetero(tmp_path)
    torch.manual_seed(0)
    genes = torch.nn.Embedding(data["gene"].num_nodes, 6)
    convolution = getattr(nn, name)
    layers = torch.nn.ModuleList(
        nn.HeteroConv({edge: convolution((-1, -1), width) for edge in data.edge_types})
        for width in (8, 2)
    )
    weights = {"edge_weight_dict": data.edge_weight_dict} if name == "GraphConv" else {}

    def step():
        h = {"patient": data["patient"].x, "gene": genes.weight}
        h = {
            kind: value.relu()
            for kind, value in layers[0](h, data.edge_index_dict, **weights).items()
        }
        return layers[1](h, data.edge_index_dict, **weights)

    labelled = data["patient"].y >= 0
    step()  # widths are known after the first call
    optimiser = torch.optim.Adam([*layers.parameters(), *genes.parameters()], lr=0.02)
    losses = []
    for _ in range(15):
        out = step()
        loss = torch.nn.functional.cross_entropy(
            out["patient"][labelled], data["patient"].y[labelled]
        )
        loss = loss + out["gene"].square().mean()  # the gene network takes part
        optimiser.zero_grad()
        loss.backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in genes.parameters())
        assert all(torch.isfinite(p.grad).all() for p in layers.parameters() if p.grad is not None)
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    moved = [
        name
        for name, p in layers[1].named_parameters()
        if p.grad is not None and p.grad.abs().sum() > 0
    ]
    assert {edge for edge in ("rna", "meth", "shared",
    "interacts") if any(edge in n for n in moved)} == {
        "rna", "meth", "shared", "interacts",
    }  # fmt: skip

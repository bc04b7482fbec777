"""The contracts of the design, held by every part and every recipe."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.folds import repeated
from graphfuse.explain.rank_over_folds import rank
from graphfuse.learn import fold_data
from graphfuse.learn.bank.bank import Bank
from graphfuse.learn.bank.fold_nets import initial_net
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.learn.random_draws import mask_sources
from graphfuse.learn.save.serialize import pack
from graphfuse.nn.edge_lists import EdgeLists
from graphfuse.nn.net import Inputs, Net
from graphfuse.nn.registry import available, part
from graphfuse.schema import Recipe

pytestmark = pytest.mark.usefixtures("few_trees")

QUICK = {
    "name": "quick",
    "patient": {"neighbours": 4},
    "net": {"encode": {"default": "table", "gene": "network"}, "width": 6},
    "train": {"epochs": 8, "seeds": 2},
}


def quick(**sections) -> Recipe:
    merged = {
        key: dict(value) if isinstance(value, dict) else value for key, value in QUICK.items()
    }
    for section, keys in sections.items():
        merged[section] = {**merged.get(section, {}), **keys}
    return Recipe.model_validate(merged)


COLUMNS = [
    name for name in available("encode") if part("encode", name).sees == "columns"
]  # others: tests/test_recipes.py
TRIPLES = [  # every part, beside more than one choice of the other two slots
    *itertools.product(COLUMNS, ["mean"], ["gated"]),
    *itertools.product(COLUMNS, ["walk"], ["late"]),
    *itertools.product(["table"], available("propagate"), ["gated", "stack"]),
    *itertools.product(["tokens"], available("propagate"), ["label_tensor"]),
    *itertools.product(["table", "network"], ["mean"], available("fuse")),
    *itertools.product(["tokens"], ["attention", "walk_learned"], available("fuse")),
    ("table", "pyg:SAGEConv", "gated"),
]
NETS = [
    {"encode": encode, "propagate": propagate, "fuse": fuse}
    for encode, propagate, fuse in dict.fromkeys(TRIPLES)
    if part("fuse", fuse).least_tokens == 1 or encode == "tokens"
]


def marked(nets: list[dict[str, str]]) -> list:
    """The nets, nightly where every part of theirs stands in one before them already."""
    seen, found = set(), []
    for net in nets:
        marks = pytest.mark.nightly if net.items() <= seen else ()
        found.append(pytest.param(net, marks=marks, id="-".join(net.values())))
        seen |= net.items()
    return found


every_net = pytest.mark.parametrize("net", marked(NETS))


@pytest.fixture(scope="module")
def fitted(small, network):
    """`fitted(**net)`: a model whose weights were all moved off their start, so that every path
    through the net is open; fitted once."""
    models = {}

    def of(**net) -> FusionModel:
        key = tuple(sorted(net.items()))
        if key not in models:
            models[key] = fit_and_move(small, network, net)
        return models[key]

    return of


def fit_and_move(small, network, net: dict[str, str]) -> FusionModel:
    recipe = quick(net=net, train={"epochs": 2})
    model = FusionModel(recipe, seed=1, device="cpu", network=network).fit(small.cohort)
    generator = torch.Generator().manual_seed(0)
    for module in model.fitted_.nets:
        for parameter in module.parameters():
            moved = parameter.detach().float() + 0.3 * torch.randn(
                parameter.shape, generator=generator
            )
            parameter.data = moved.double()  # float32 values, as training leaves them
    return model


def fold_of(
    cohort: Cohort, recipe: Recipe, network, rows=slice(None)
) -> tuple[PreparedFold, fold_data.FoldData]:
    cohort = cohort.take(np.arange(len(cohort))[rows])
    outcome = cohort.outcome()
    cross = PreparedFold.fit(cohort, outcome, recipe, network, 0)
    return cross, fold_data.fold_data(cross, tuple(cohort.modalities), recipe)


# 1. fit on train, apply to any
# -------------------------------------------------------------------------


def test_held_out_values_and_labels_change_no_fitted_number(small, network, spoiled):
    cohort, recipe, (folds, other) = small.cohort, quick(select={"top": 20}), spoiled
    first, second = (
        pack(study(c, c.outcome(), recipe, network, folds, 0, "cpu").replicas[0].model.fitted_)
        for c in (cohort, other)
    )
    assert first[1] == second[1]
    for name, value in first[0].items():
        assert np.array_equal(value, second[0][name]), name


# 2. one patient = a thousand patients
# -------------------------------------------------------------------


@every_net
def test_a_prediction_does_not_depend_on_who_else_is_there(fitted, net):
    model = fitted(**net)
    new = planted(12, {"rna": 40, "meth": 24}, carriers=5, missing={"meth": 0.3}, seed=9).cohort
    together = model.predict_proba(new)
    alone = np.concatenate([model.predict_proba(new.take([i])) for i in range(len(new))])
    order = np.random.default_rng(0).permutation(len(new))
    assert np.abs(together - alone).max() <= 1e-6
    assert np.abs(together[order] - model.predict_proba(new.take(order))).max() <= 1e-6
    np.testing.assert_allclose(together.sum(1), 1)


# 3. absent means absent
# ---------------------------------------------------------------------------------


@every_net
def test_values_behind_the_mask_change_nothing(small, network, net):
    _, data = fold_of(small.cohort, quick(net=net), network)
    module = moved(data)
    absent = ~data.inputs.present.bool()
    assert absent.any()
    x = list(data.inputs.x)
    x[1] = x[1].clone()
    x[1][absent[:, 1]] = 7.0
    start, bias = data.inputs.start.clone(), data.inputs.bias.clone()
    start[absent], bias[absent] = 5.0, 5.0
    hidden = data.inputs._replace(x=tuple(x), start=start, bias=bias)
    assert torch.equal(module(data.inputs), module(hidden))


def moved(data: fold_data.FoldData) -> Net:
    torch.manual_seed(0)
    module = initial_net(data, 0).double()
    for parameter in module.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return module


def test_a_patient_without_a_modality_is_scored_by_the_others(small, fitted):
    model = fitted(encode="network", propagate="mean", fuse="gated")
    without = small.cohort.take([0, 1]).without("meth")
    assert np.isfinite(model.predict_proba(without)).all()


# 4. zero edges = no graph
# -------------------------------------------------------------------------------


@every_net
def test_zero_edges_are_the_net_without_a_graph(small, network, net):
    _, data = fold_of(small.cohort, quick(net=net), network)
    module = moved(data)
    n = len(data.target.values)
    nothing = EdgeLists.build(
        torch.zeros(n + 1, dtype=torch.long),
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0).double(),
        n,
    )
    start = data.inputs.start.clone()
    start[:, :, 2] = 0
    empty = data.inputs._replace(lists=(nothing,) * 2, start=start)
    before = module(empty)
    module.patient_gate.data.zero_()
    assert (before - module(data.inputs)).abs().max() <= 1e-6


def test_empty_controls_train_the_no_graph_net(small, network):
    recipe = quick(patient={"control": "empty"}, gene={"control": "empty"})
    outcome, cohort = small.cohort.outcome(), small.cohort
    folds = repeated(cohort.patients, outcome.values, 3, 1, 0)
    from graphfuse.graph.controls import control

    found = study(cohort, outcome, recipe, control("empty", network, 0), folds, 0, "cpu")
    for with_graphs, without in zip(
        found.outputs["graphfuse"], found.outputs["no-graph"], strict=True
    ):
        assert np.abs(with_graphs - without).max() <= 1e-6


def test_gates_start_closed(small, network):
    _, data = fold_of(small.cohort, quick(), network)
    module = Net(data.spec)
    assert not module.patient_gate.any()
    assert all(not encode.gate.any() for encode in module.encode)


# 5. a bank = its loop
# -----------------------------------------------------------------------------------


@every_net
def test_a_bank_is_its_loop(small, network, net):
    recipe = quick(net=net)
    folds = [
        fold_of(small.cohort, recipe, network, rows)[1] for rows in (slice(0, 70), slice(9, 80))
    ]
    epochs = [6, 4]
    together = trained(folds, [0, 1], epochs)
    for f, fold in enumerate(folds):
        for s in (0, 1):
            alone = trained([fold], [s], epochs[f : f + 1]).state(0, 0)
            for name, value in together.state(f, s).items():
                assert (value - alone[name]).abs().max() <= 1e-9, name


def trained(folds: list[fold_data.FoldData], seeds: list[int], epochs: list[int]) -> Bank:
    nets = [[initial_net(fold, s) for s in seeds] for fold in folds]
    draws = [[mask_sources(fold.channels, s) for s in seeds] for fold in folds]
    bank = Bank(
        nets,
        [f.inputs for f in folds],
        [f.target for f in folds],
        folds[0].task,
        dtype=torch.float64,
    )
    longest = max(len(f.target.values) for f in folds)
    rows = torch.stack(
        [
            (torch.arange(longest) < len(f.target.values)).double().expand(len(seeds), -1)
            for f in folds
        ]
    )
    bank.train(rows, epochs, draws, learning_rate=1e-2, weight_decay=1e-2)
    return bank


# 6. same seed, same numbers
# -----------------------------------------------------------------------------


def test_same_seed_same_numbers(small, network):
    first, second = (
        pack(FusionModel(quick(), seed=4, device="cpu", network=network).fit(small.cohort).fitted_)[
            0
        ]
        for _ in range(2)
    )
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_repeats_itself_and_agrees_with_the_cpu(small, network):
    gpu = [
        FusionModel(quick(), seed=4, device="cuda", network=network).fit(small.cohort)
        for _ in range(2)
    ]
    cpu = FusionModel(quick(), seed=4, device="cpu", network=network).fit(small.cohort)
    first, second, third = (m.predict_proba(small.cohort) for m in (*gpu, cpu))
    assert np.array_equal(first, second)
    assert np.abs(first - third).max() <= 1e-4


# 7. shuffled labels, planted markers, renamed columns
# ---------------------------------------------------


@pytest.mark.slow
def test_shuffled_labels_score_chance(small, network):
    truth = planted(200, {"rna": 60, "meth": 40}, effect=2.0, seed=5)
    labels = np.random.default_rng(0).permutation(truth.cohort.outcome().values)
    cohort = relabelled(truth.cohort, labels)
    folds = repeated(cohort.patients, labels, 5, 1, 0)
    found = study(cohort, cohort.outcome(), quick(), None, folds, 0, "cpu")
    right = np.concatenate(
        [
            p.argmax(1) == labels[r.tested]
            for r, p in zip(found.replicas, found.outputs["graphfuse"], strict=True)
        ]
    )
    assert abs(right.mean() - 0.5) <= 2 * np.sqrt(0.25 / len(right))


def relabelled(cohort: Cohort, codes: np.ndarray) -> Cohort:
    tables = {m.name: m.table for m in cohort.modalities.values()}
    symbols = {name: {g: g for g in table} for name, table in tables.items()}
    return Cohort.from_frames(
        tables, pd.Series(codes, cohort.patients, name="subtype").map(str), symbols=symbols
    )


@pytest.mark.slow
def test_planted_markers_rank_first_and_renaming_renames(network):
    truth = planted(200, {"rna": 60, "meth": 40}, effect=2.0, seed=5)
    cohort = truth.cohort
    nodes = ranked(cohort)
    assert set(nodes["id"][: len(truth.features)]) == set(truth.features)

    rng = np.random.default_rng(1)
    tables, back = {}, {}
    for m in cohort.modalities.values():
        renamed = {c: f"x{i}" for i, c in enumerate(rng.permutation(m.columns))}
        back |= {f"{m.name}:{new}": f"{m.name}:{old}" for old, new in renamed.items()}
        tables[m.name] = m.table[rng.permutation(m.columns)].rename(columns=renamed)
    labels = pd.Series(
        np.asarray(cohort.outcome().classes)[cohort.outcome().values],
        cohort.patients,
        name="subtype",
    )
    other = ranked(Cohort.from_frames(tables, labels))
    other = other.assign(id=other["id"].map(back)).set_index("id").loc[nodes["id"]]
    np.testing.assert_allclose(other["score"], nodes["score"], rtol=1e-4, atol=1e-6)
    apart = (
        np.abs(np.diff(nodes["score"], append=0)) > 1e-5
    )  # nearer ones may change places in the last float32 digit
    assert np.abs(other["rank"].to_numpy() - nodes["rank"])[apart].max() <= 1
    assert other["rank"][:20].tolist() == nodes["rank"][:20].tolist()


def ranked(cohort: Cohort) -> pd.DataFrame:
    outcome = cohort.outcome()
    folds = repeated(cohort.patients, outcome.values, 3, 1, 0)
    found = study(cohort, outcome, quick(train={"seeds": 1}), None, folds, 0, "cpu")
    return rank(found.replicas, cohort, None).nodes


# 8. saved = live
# ----------------------------------------------------------------------------------------


PREDICT_EACH = """
import pathlib, sys
import numpy as np
import graphfuse as gf
from graphfuse.data.synth import planted

cohort = planted(
    80, {"rna": 40, "meth": 24}, carriers=5, effect=2.0, missing={"meth": 0.3}, seed=3
).cohort
for folder in pathlib.Path(sys.argv[1]).iterdir():
    np.save(folder / "p.npy", gf.FusionModel.load(folder / "model").predict_proba(cohort))
"""


@pytest.fixture(scope="module")
def saved(small, fitted, tmp_path_factory):
    """Fusion -> (folder, live probabilities, those of the saved model in a new process)."""
    root = tmp_path_factory.mktemp("saved")
    live = {}
    for fuse in available("fuse"):
        needs_tokens = part("fuse", fuse).least_tokens > 1
        slots = ("tokens", "attention") if needs_tokens else ("table", "mean")
        model = fitted(encode=slots[0], propagate=slots[1], fuse=fuse)
        (root / fuse).mkdir()
        model.save(root / fuse / "model")
        live[fuse] = model.predict_proba(small.cohort)
    subprocess.run([sys.executable, "-c", PREDICT_EACH, str(root)], check=True)
    return {fuse: (root / fuse, p, np.load(root / fuse / "p.npy")) for fuse, p in live.items()}


@pytest.mark.parametrize("fuse", available("fuse"))
def test_saved_is_live(small, saved, fuse):
    folder, live, again = saved[fuse]
    assert np.array_equal(live, again)
    suffixes = {path.suffix for path in (folder / "model").iterdir()}
    assert suffixes == {".json", ".safetensors"}
    text = (folder / "model" / "model.json").read_text()
    assert not any(patient in text for patient in small.cohort.patients)


def test_inputs_hold_training_patients_only(small, network):
    _, data = fold_of(small.cohort, quick(), network, slice(0, 60))
    assert isinstance(data.inputs, Inputs)
    assert all(len(x) == 60 for x in data.inputs.x)
    assert all(int(lists.index.max()) < 60 for lists in data.inputs.lists)

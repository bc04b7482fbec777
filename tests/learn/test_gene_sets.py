"""The pathway channel: which sets, which columns, absent modalities, its control, and the net that
reads its tokens."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.folds import repeated
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.integrated_gradients import IntegratedGradients
from graphfuse.explain.rank_over_folds import rank
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn import fold_data
from graphfuse.learn.bank.training import train
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.learn.signals.gene_sets import Pathways
from graphfuse.nn.encode.pathways import Pathways as Encoder
from graphfuse.nn.registry import available
from graphfuse.schema import Recipe
from graphfuse.schema.recipe import PathwaySection

pytestmark = pytest.mark.usefixtures("few_trees")

SETS = "one\t\tA\tB\tC\ntwo\t\tC\tD\tX\nthree\t\tA\tB\tD\nfew\t\tA\tX\tY\n"
GENES = {"rna": ["A", "B", None, "C", "A"], "meth": ["D", "A", "Z"]}


@pytest.fixture
def gmt(tmp_path):
    (tmp_path / "sets.gmt").write_text(SETS)
    return str(tmp_path / "sets.gmt")


def cohort(patients=6):
    rng, index = np.random.default_rng(0), [f"P{i}" for i in range(patients)]
    frames = {m: pd.DataFrame(rng.normal(size=(patients, len(g))), index) for m, g in GENES.items()}
    frames = {
        m: frame.set_axis([f"{m}{c}" for c in frame.columns], axis=1) for m, frame in frames.items()
    }
    symbols = {
        m: {c: g for c, g in zip(frames[m], genes, strict=True) if g} for m, genes in GENES.items()
    }
    return Cohort.from_frames(frames, symbols=symbols)


def channel(gmt, symbols=None, seed=0, **section):
    return Pathways.fit(
        cohort(), symbols or GENES, PathwaySection(**{"sets": gmt, "least": 2, **section}), seed
    )


def columns(patients=6):
    own = {
        m: torch.from_numpy(modality.table.to_numpy())
        for m, modality in cohort(patients).modalities.items()
    }
    return own, torch.ones(patients, 2, dtype=torch.bool)


# -------------------------------------------------------------------------------------- the channel


def test_every_set_shows_all_columns_of_its_genes(gmt):
    made, (own, present) = channel(gmt), columns()
    assert (
        made.sets == ("one", "three", "two")
        and made.modalities == ("rna", "meth")
        and made.features == (3, 5)
    )
    shown, (rna, meth) = made.inputs(own, present), own.values()
    zero = torch.zeros(6, dtype=torch.float64)
    one = torch.stack([rna[:, 0], rna[:, 1], rna[:, 3], rna[:, 4], meth[:, 1]], 1)
    two = torch.stack([rna[:, 3], meth[:, 0], zero, zero, zero], 1)
    assert (
        torch.equal(shown[:, 0], one)
        and torch.equal(shown[:, 2], two)
        and shown.dtype == torch.float64
    )
    assert made.columns.tolist() == [5, 5, 2] and "3 sets of up to 5 columns of rna, meth" in repr(
        made
    )


def test_sets_with_most_measured_genes_are_kept(gmt):
    assert channel(gmt, most=1).sets == ("one",)  # before "three", which has as many
    assert channel(gmt, least=3).sets == ("one", "three")
    assert channel(gmt, least=1).sets == ("few", "one", "three", "two")


def test_what_was_selected_changes_columns_and_not_sets(gmt):
    """So that all folds have the same tokens; a set of which nothing was selected keeps its place,
    empty."""
    made = channel(gmt, {"rna": ["A", None], "meth": ["Z"]})
    assert (
        made.sets == ("one", "three", "two")
        and made.modalities == ("rna",)
        and made.columns.tolist() == [1, 1, 0]
    )
    own = {
        "rna": torch.ones(2, 2, dtype=torch.float64),
        "meth": torch.ones(2, 1, dtype=torch.float64),
    }
    shown = made.inputs(own, torch.tensor([[True, True], [False, True]]))
    assert shown[..., 0].tolist() == [[1, 1, 0], [0, 0, 0]]
    assert made.present(np.array([[True, True], [False, True]])).tolist() == [True, False]


def test_absent_means_absent_and_a_patient_alone_is_the_same(gmt):
    made, (own, present) = channel(gmt), columns()
    present[2, 0], present[3] = False, False
    shown = made.inputs(own, present)
    other = {m: v.clone() for m, v in own.items()}
    other["rna"][2], other["meth"][3] = np.nan, 1e9
    assert torch.equal(made.inputs(other, present), shown) and not shown[3].any() and shown[2].any()
    alone = torch.cat(
        [
            made.inputs({m: v[i : i + 1] for m, v in own.items()}, present[i : i + 1])
            for i in range(6)
        ]
    )
    assert torch.equal(alone, shown)
    assert made.present(present.numpy()).tolist() == [True] * 3 + [False] + [True] * 2


def test_gradients_come_back_to_the_columns(gmt):
    made, (own, present) = channel(gmt), columns()
    own = {m: v.requires_grad_() for m, v in own.items()}
    rna, meth = torch.autograd.grad(made.inputs(own, present).sum(), list(own.values()))
    assert rna[0].tolist() == [2, 2, 0, 2, 2] and meth[0].tolist() == [
        2,
        2,
        0,
    ]  # how many sets a column is in


def test_the_random_control_keeps_sizes_and_nothing_else(gmt):
    real, made, again = channel(gmt), channel(gmt, control="random"), channel(gmt, control="random")
    assert made.sets == tuple(f"{name} (random)" for name in real.sets) and np.array_equal(
        made.place, again.place
    )
    assert not np.array_equal(made.place, channel(gmt, control="random", seed=1).place)
    genes = [s for m in GENES for s in GENES[m]]
    of = [[{genes[c] for c in row if c >= 0} for row in each.place] for each in (real, made)]
    assert [len(s) for s in of[0]] == [len(s) for s in of[1]] and of[0] != of[1]


def test_where_no_gene_maps_there_is_no_channel_and_it_says_so(gmt, caplog):
    with caplog.at_level(logging.WARNING):
        assert channel(gmt, least=4) is None
    assert "no gene set has 4 of the 5 genes measured in rna, meth" in caplog.text


def test_saved_and_read_back_it_shows_the_same(gmt):
    made, (own, present) = channel(gmt), columns()
    arrays, about = made.state()
    again = Pathways.from_state(
        {k: v.copy() for k, v in arrays.items()}, json.loads(json.dumps(about))
    )
    assert (again.sets, again.modalities, again.order) == (made.sets, made.modalities, made.order)
    assert torch.equal(again.inputs(own, present), made.inputs(own, present))


def test_large_and_small_sets_start_alike(gmt):
    made = channel(gmt)
    encode = Encoder(made.features, 8)
    with torch.no_grad():
        made.prime(encode)
    assert torch.allclose(encode.scale, torch.tensor([5.0, 5.0, 2.0]) ** -0.5)


def test_what_sets_push_is_what_their_tokens_bring(gmt):
    made, (own, present) = channel(gmt), columns()
    gradient, weight = np.random.default_rng(1).normal(size=(2, 6, 3, 5)), np.full((6, 2), 1 / 6)
    added = made.attributions(gradient, {m: v.numpy() for m, v in own.items()}, weight)
    shown = made.inputs(own, present).numpy()
    assert np.allclose(
        added, [[(gradient[k, :, t] * shown[:, t]).sum() / 6 for t in range(3)] for k in range(2)]
    )


# ------------------------------------------------------------------------------------------ the net


def recipe(path, fuse="gated", **sections):
    whole = {
        "name": "tokens",
        "patient": {"neighbours": 4},
        "pathways": {"sets": str(path), "least": 3},
        "net": {
            "encode": {"default": "none", "pathways": "pathways"},
            "width": 6,
            "fuse": fuse,
            "propagate": "none",
        },
        "train": {"epochs": 6, "seeds": 2},
    }
    for section, keys in sections.items():
        whole[section] = whole[section] | keys if section in whole else keys
    return Recipe.model_validate(whole)


def written(path, made):
    """A file with a set of the planted genes, and four of genes without any, 5 each."""
    others = [g for g in made.cohort.modalities["rna"].table.columns if g not in made.genes]
    lines = [
        ("planted", made.genes),
        *((f"noise {i}", others[5 * i : 5 * i + 5]) for i in range(4)),
    ]
    path.write_text("".join("\t".join([name, "", *genes]) + "\n" for name, genes in lines))
    return path


@pytest.fixture(scope="module")
def collection(small, tmp_path_factory):
    return written(tmp_path_factory.mktemp("sets") / "sets.gmt", small)


def opened(model):
    """Every weight off its start, so that every path through the net is open."""
    generator = torch.Generator().manual_seed(0)
    for module in model.fitted_.nets:
        for parameter in module.parameters():
            parameter.data = (
                parameter.detach().float() + 0.3 * torch.randn(parameter.shape, generator=generator)
            ).double()
    return model


@pytest.mark.parametrize(
    "fuse",
    [f for f in ("gated", "late", "attention_pool", "cross_attention") if f in available("fuse")],
)
def test_the_contracts_hold(small, collection, fuse, tmp_path):
    model = opened(FusionModel(recipe(collection, fuse), seed=1, device="cpu").fit(small.cohort))
    fitted = model.fitted_
    assert fitted.nets[0].tokens == 5 and fitted.spec.features == (0, 0, (5, 10))
    new = planted(30, {"rna": 40, "meth": 24}, carriers=5, missing={"meth": 0.3}, seed=9).cohort
    together = model.predict_proba(new)
    alone = np.concatenate([model.predict_proba(new.take([i])) for i in range(8)])
    assert np.abs(together[:8] - alone).max() <= 1e-6
    model.save(tmp_path)
    assert np.abs(FusionModel.load(tmp_path).predict_proba(new) - together).max() <= 1e-6
    views = fitted.preparation.views(new)
    before = fitted.predictors(views)
    views.own["meth"][~views.has["meth"]] = 7.0
    assert torch.equal(before, fitted.predictors(views)) and (~views.has["meth"]).any()


def test_folds_with_other_columns_train_as_one_bank(small, tmp_path):
    """Columns are chosen inside folds, sets are not: a bank of both folds gives each what it gets
    alone."""
    genes = list(small.cohort.modalities["rna"].table.columns)
    (tmp_path / "sets.gmt").write_text(
        "\n".join("\t".join([s[0], "", *s]) for s in (genes[:15], genes[10:30], genes[25:]))
    )
    chosen = recipe(
        tmp_path / "sets.gmt", select={"top": 15}, train={"epochs": 4, "learning_rate": 1e-2}
    )
    outcome, folds = small.cohort.outcome(), []
    for rows in (np.arange(0, 80, 2), np.arange(1, 80, 2)):
        cross = PreparedFold.fit(small.cohort.take(rows), outcome.take(rows), chosen, None, 0)
        folds.append(fold_data.fold_data(cross, ("rna", "meth"), chosen))
    shapes = [fold.spec.features[-1] for fold in folds]
    assert shapes[0] != shapes[1] and shapes[0][0] == shapes[1][0] == 3
    together = train(folds, chosen, 0, "cpu", torch.float64)
    for fold, both in zip(folds, together, strict=True):
        (alone,) = train([fold], chosen, 0, "cpu", torch.float64)
        for a, b in zip(alone.nets, both.nets, strict=True):
            for (name, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
                assert torch.allclose(x, y, atol=1e-9), name


def test_a_recipe_for_genes_that_are_not_there_goes_without(small, tmp_path, caplog):
    (tmp_path / "other.gmt").write_text("mouse\t\tActb\tGapdh\tTp53\n")
    with caplog.at_level(logging.WARNING):
        model = FusionModel(recipe(tmp_path / "other.gmt"), device="cpu").fit(small.cohort)
    assert "no pathway tokens" in caplog.text
    assert model.fitted_.preparation.channels == ("meth", "rna")


def test_another_encoder_than_one_of_sets_is_an_error(small, collection):
    wrong = recipe(
        collection, net={"encode": {"default": "table", "pathways": "signalling"}, "width": 6}
    )
    with pytest.raises(InputError, match="'signalling' sees nodes, but 'pathways' shows sets"):
        FusionModel(wrong, device="cpu").fit(small.cohort)


def test_without_a_linear_start_tokens_find_the_planted_genes(tmp_path):
    """The net alone, from nothing: it scores above chance, and the planted set and its genes get
    the weight."""
    made = planted(
        160, {"rna": 40, "meth": 24}, carriers=5, effect=2.0, missing={"meth": 0.3}, seed=3
    )
    trained = recipe(
        written(tmp_path / "sets.gmt", made),
        net={"width": 8, "start": "none"},
        train={"epochs": 60, "learning_rate": 1e-2},
    )
    model, tested = (
        FusionModel(trained, device="cpu").fit(made.cohort.take(range(110))),
        made.cohort.take(range(110, 160)),
    )
    assert model.score(tested) >= 0.8
    net = FoldNet(model.fitted_, 0, tested)
    found = IntegratedGradients().attribute(net)
    for name, modality in made.cohort.modalities.items():
        mean = np.einsum("knf,nk->kf", found.columns[name], net.weight)
        size = np.abs(mean).sum(0)  # an input a column: none has levels or flags
        share = size / size.sum()
        at = np.isin(modality.table.columns, made.genes)
        assert at.sum() == 5 and share[at].sum() > 0.5  # by chance .13 and .21
    assert found.sets["attribution"].abs().sum(axis=1).idxmax() == "planted"


def test_rankings_cover_every_feature(small, collection):
    cohort, outcome = small.cohort, small.cohort.outcome()
    folds = repeated(cohort.patients, outcome.values, 2, 1, 0)
    network = GeneNetwork.from_frame(small.network, "planted")
    found = study(cohort, outcome, recipe(collection), network, folds, 0, "cpu")
    ranking = rank(found.replicas, cohort, network)
    assert len(ranking.nodes) == 64 and ranking.error <= 0.01


# ---------------------------------------------------------------------------- the deep gene network


def test_the_deep_network_is_heard_by_new_patients_as_far_as_by_old(small, network, tmp_path):
    deep = recipe("unread", net={"encode": "network_deep"}).model_copy(update={"pathways": None})
    model = opened(FusionModel(deep, seed=1, device="cpu", network=network).fit(small.cohort))
    preparation = model.fitted_.preparation
    views = preparation.views(small.cohort)
    step, own = preparation.smoothing["rna"].toarray(), views.own["rna"].T
    heard = own
    for _ in range(9):
        heard = 0.8 * step @ heard + 0.2 * own
    assert np.allclose(views.x_smoothed["rna"].T, step @ heard, atol=1e-10)
    shallow = replace(preparation, encoders=dict.fromkeys(preparation.encoders, "network")).views(
        small.cohort
    )
    assert np.array_equal(shallow.x_smoothed["rna"].T, preparation.smoothing["rna"] @ own)
    model.save(tmp_path)
    again = FusionModel.load(tmp_path)
    assert (
        np.abs(again.predict_proba(small.cohort) - model.predict_proba(small.cohort)).max() <= 1e-6
    )

"""The contracts, held by every recipe that ships and by every kind of patient layer."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from graphfuse.data.cohort import Cohort
from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.cross_validation import study
from graphfuse.evaluate.folds import repeated
from graphfuse.explain.rank_over_folds import rank
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.model import FusionModel
from graphfuse.learn.save.serialize import pack
from graphfuse.schema import Recipe
from graphfuse.schema.recipe import TrainSection

pytestmark = pytest.mark.usefixtures("few_trees")

SETS = (
    Path(tempfile.mkdtemp()) / "planted.gmt"
)  # none ships: eight sets of the planted cohorts' genes
SETS.write_text(
    "".join(
        "\t".join([f"set {k}", "", *(f"G{i:04d}" for i in range(k, 41, 7))]) + "\n"
        for k in range(1, 9)
    )
)
SMALL = {
    "concepts": {"planes": 4, "codes": 4, "components": 8, "epochs": 20},
    "signalling": {"genes": 20},
    "pathways": {"sets": str(SETS)},
    "net": {"width": 6},
    "train": {"epochs": 6, "seeds": 2, "learning_rate": 1e-2, "weight_decay": 1e-2},
}
SHIPPED = sorted(path.stem for path in (Path(__file__).parents[1] / "graphs").glob("*.toml"))
LAYERS = {
    "mutual": {"rule": "mutual"},
    "mean-degree": {"rule": "mean-degree", "space": "raw"},
    "radius": {"rule": "radius", "radius": 0.9, "weight": "similarity"},
    "shared": {"layers": ["shared", "rna"], "similarity": "euclidean"},
    "joined and fused": {"layers": ["rna", "both"], "layer": {"both": {"combine": "snf"}}},
    "identity": {"control": "identity"},
    "rewired": {"control": "rewired"},
}


def shipped(name: str) -> Recipe:
    """A shipped recipe, its sizes cut down."""
    whole = Recipe.named(Path(__file__).parents[1] / "graphs" / f"{name}.toml").model_dump()
    for section, keys in SMALL.items():
        if whole[section] is not None:
            whole[section] |= keys
    whole["patient"] |= {"neighbours": 4}
    return Recipe.model_validate(whole)


def layered(name: str) -> Recipe:
    whole = {
        "name": name,
        "patient": {"neighbours": 4, **LAYERS[name]},
        "net": {"encode": "table"} | SMALL["net"],
    }
    return Recipe.model_validate(whole | {"train": SMALL["train"]})


RECIPES = {name: shipped(name) for name in SHIPPED} | {name: layered(name) for name in LAYERS}
every = pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
CROSS_VALIDATED = ("multiplex",)  # the others: slow
inside = pytest.mark.parametrize("name", ["mplex-concept", "mplex-learned", "signalling"])


def moved(model: FusionModel) -> FusionModel:
    """Every weight off its start, so that every path through the net is open."""
    generator = torch.Generator().manual_seed(0)
    for module in model.fitted_.nets:
        for parameter in module.parameters():
            parameter.data = (
                parameter.detach().float() + 0.3 * torch.randn(parameter.shape, generator=generator)
            ).double()
    return model


@pytest.fixture(scope="module")
def models(small, network):
    """Recipe name → fitted model with its weights moved, fitted once."""
    made = {}

    def of(recipe: Recipe) -> FusionModel:
        if recipe.name not in made:
            made[recipe.name] = moved(
                FusionModel(recipe, seed=1, device="cpu", network=network).fit(small.cohort)
            )
        return made[recipe.name]

    return of


@pytest.fixture(scope="module")
def newcomers() -> Cohort:
    return planted(40, {"rna": 40, "meth": 24}, carriers=5, missing={"meth": 0.3}, seed=9).cohort


@every
def test_a_prediction_does_not_depend_on_who_else_is_there(models, newcomers, recipe):
    model = models(recipe)
    together = model.predict_proba(newcomers)
    alone = np.concatenate([model.predict_proba(newcomers.take([i])) for i in range(12)])
    order = np.random.default_rng(0).permutation(len(newcomers))
    assert np.abs(together[:12] - alone).max() <= 1e-6
    assert np.abs(together[order] - model.predict_proba(newcomers.take(order))).max() <= 1e-6


@every
def test_old_patients_do_not_move_when_forty_join(models, small, newcomers, recipe):
    model, old = models(recipe), small.cohort.take(range(20))
    before = model.predict_proba(old)
    model.predict_proba(newcomers)
    assert np.array_equal(before, model.predict_proba(old))


@every
def test_saved_is_live(models, newcomers, recipe, tmp_path):
    model = models(recipe)
    model.save(tmp_path)
    again = FusionModel.load(tmp_path)
    assert np.abs(again.predict_proba(newcomers) - model.predict_proba(newcomers)).max() <= 1e-6
    assert again.gates_.keys() == model.gates_.keys()


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(recipe, id=name, marks=() if name in CROSS_VALIDATED else pytest.mark.slow)
        for name, recipe in RECIPES.items()
    ],
)
def test_held_out_values_and_labels_change_no_fitted_number(small, network, spoiled, recipe):
    cohort, (folds, other) = small.cohort, spoiled
    first, second = (
        pack(study(c, c.outcome(), recipe, network, folds, 0, "cpu").replicas[0].model.fitted_)
        for c in (cohort, other)
    )
    assert first[1] == second[1]
    for name, value in first[0].items():
        assert np.array_equal(value, second[0][name]), name


@every
def test_values_behind_the_mask_change_nothing(models, newcomers, recipe):
    model = models(recipe)
    views = model.fitted_.preparation.views(newcomers)
    absent = ~views.has["meth"]
    assert absent.any()
    before = model.fitted_.predictors(views)
    views.own["meth"][absent] = 7.0
    if "meth" in views.x_smoothed:
        views.x_smoothed["meth"][absent] = -7.0
    assert torch.equal(before, model.fitted_.predictors(views))


@inside
def test_without_its_edges_a_signal_is_the_no_graph_net(small, network, name):
    recipe, cohort = RECIPES[name], small.cohort
    cross = PreparedFold.fit(cohort, cohort.outcome(), recipe, network, 0)
    names, own = (
        tuple(cohort.modalities),
        {m: torch.from_numpy(v) for m, v in cross.views.own.items()},
    )
    signals = [
        next(iter(c.prepared(names).signals.values())) for c in (cross, cross.without_graphs())
    ]
    whole, plain = (signal.inputs(own, torch.from_numpy(cross.views.present)) for signal in signals)
    rows = signals[0].edge_rows
    assert whole[:, rows].any() and not plain[:, rows].any()
    kept = torch.ones(whole.shape[1], dtype=torch.bool)
    kept[rows] = False
    assert torch.equal(whole[:, kept], plain[:, kept])


@inside
def test_a_signal_is_fitted_on_the_modalities_it_may_see(small, network, name):
    cohort = small.cohort
    cross = PreparedFold.fit(cohort, cohort.outcome(), RECIPES[name], network, 0)
    (signal,) = cross.prepared(("meth",)).signals.values()
    assert tuple(signal.modalities) == ("meth",)


@pytest.mark.slow
@every
def test_rankings_cover_every_feature_and_edge(small, network, recipe):
    cohort = small.cohort
    outcome = cohort.outcome()
    folds = repeated(cohort.patients, outcome.values, 2, 1, 0)
    found = study(cohort, outcome, recipe, network, folds, 0, "cpu")
    ranking = rank(found.replicas, cohort, network)
    assert len(ranking.nodes) == 64 and ranking.nodes["score"].notna().all()
    assert len(ranking.edges) == network.edges
    assert ranking.error <= 0.01


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_says_what_it_is_and_of_whom(name):
    recipe = Recipe.named(Path(__file__).parents[1] / "graphs" / f"{name}.toml")
    assert recipe.name == name and recipe.title
    assert recipe.citation or name == "multiplex"


UNLED = [name for name in SHIPPED if RECIPES[name].net.start == "none"]


@pytest.mark.parametrize("name", UNLED)
def test_a_net_without_a_linear_start_learns_from_nothing(small, network, name):
    recipe = RECIPES[name].model_copy(
        update={"train": TrainSection(epochs=30, stop="last", seeds=1, learning_rate=3e-2)}
    )
    model = FusionModel(recipe, seed=1, device="cpu", network=network).fit(small.cohort)
    assert model.score(small.cohort) > 0.9
    opened = [
        gate
        for doors in model.gates_.values()
        for door, gate in doors.items()
        if door not in ("modality", "network")
    ]
    assert bool(opened) == (recipe.net.propagate != "none")
    assert all(gate != recipe.patient.gate and abs(gate - 1) < 0.9 for gate in opened)


def test_a_gate_opens_only_where_no_linear_start_decides_it():
    with pytest.raises(ValueError, match='set \\[net\\] start = "none"'):
        Recipe(name="r", patient={"gate": 1.0})


def test_in_moadln_everybody_hears_every_training_patient(models, small, newcomers):
    preparation = models(RECIPES["moadln"]).fitted_.preparation
    there, has = small.cohort.present["meth"].to_numpy(), newcomers.present["meth"].to_numpy()
    own, new = (
        preparation.lists(views)["meth"][0].degree for views in (None, preparation.views(newcomers))
    )
    assert (own == np.where(there, there.sum() - 1, 0)).all()
    assert (new == np.where(has, there.sum(), 0)).all()


def test_pathway_tokens_says_where_gene_sets_are_to_be_had(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="pathways.gmt: no such file.*reactome"):
        FusionModel("pathway-tokens", device="cpu").fit(small.cohort)
    (tmp_path / "pathways.gmt").write_bytes(SETS.read_bytes())
    assert Recipe.named("pathway-tokens").pathways.sets == str(tmp_path / "pathways.gmt")

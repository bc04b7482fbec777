"""Rankings behind models of a number: planted columns, signs, units, and what stays empty."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import graphfuse as gf
from graphfuse.evaluate.cross_validation import Replica
from graphfuse.explain.method import FoldNet
from graphfuse.explain.methods.integrated_gradients import IntegratedGradients
from graphfuse.explain.rank_over_folds import rank
from graphfuse.learn.model import FusionModel
from graphfuse.schema import RANKING_COLUMNS, Recipe

N, EFFECTS = 240, {"rna:G1": 1.0, "rna:G2": -1.0, "rna:G3": 0.8, "meth:M1": -0.8, "meth:M2": 0.9}


pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture(scope="module")
def cohort() -> gf.Cohort:
    """Five of fifty columns move a score by known amounts; all columns have large means, so that
    whoever is there by chance does not decide."""
    rng = np.random.default_rng(2)
    ids = [f"p{i:03d}" for i in range(N)]
    sizes = {"rna": ("G", 30), "meth": ("M", 20)}
    tables = {
        name: pd.DataFrame(
            rng.normal(5, 2, size=(N, count)), ids, [f"{letter}{k}" for k in range(count)]
        )
        for name, (letter, count) in sizes.items()
    }
    score = sum(
        effect * tables[name.split(":")[0]][name.split(":")[1]] for name, effect in EFFECTS.items()
    )
    score = 40 + 3 * (score - score.mean()) + rng.normal(0, 3, N)
    return gf.Cohort.from_frames(
        tables,
        score.rename("score"),
        kind="number",
        symbols={"rna": {f"G{k}": f"G{k}" for k in range(30)}},
    )


def replicas(cohort: gf.Cohort, recipe: Recipe, network=None) -> list[Replica]:
    parts, found = np.array_split(np.random.default_rng(0).permutation(N), 3), []
    for fold, tested in enumerate(parts):
        kept = np.setdiff1d(np.arange(N), tested)
        model = FusionModel(recipe, device="cpu", network=network).fit(cohort.take(kept))
        found.append(Replica(0, fold, np.sort(tested), kept, model))
    return found


LINEAR = Recipe.model_validate({"name": "r", "train": {"epochs": 0, "seeds": 1}})
NET = Recipe.model_validate(
    {
        "name": "r",
        "net": {"propagate": "none", "width": 8, "start": "none"},
        "train": {"epochs": 40, "seeds": 1, "learning_rate": 2e-2},
    }
)


@pytest.mark.parametrize("recipe", [LINEAR, NET], ids=["linear", "net"])
def test_planted_columns_come_first_with_their_signs(cohort, recipe, tmp_path):
    ranking = rank(replicas(cohort, recipe), cohort, None)
    first = ranking.nodes.head(len(EFFECTS))
    assert set(first["id"]) == set(EFFECTS)
    assert all(row.sign == np.sign(EFFECTS[row.id]) for row in first.itertuples())
    sixth = ranking.nodes["score"][len(EFFECTS)]
    assert first["score"].min() > 2 * sixth
    assert ranking.nodes_by_class.empty
    assert list(ranking.nodes_by_class) == [*RANKING_COLUMNS, "class"]
    ranking.save(tmp_path)
    said = (tmp_path / "README.txt").read_text()
    assert "class's" not in said and "logit" not in said
    assert "standard deviations of the outcome" in " ".join(said.split())
    assert "p                     of the test that this correlation is 0" in said
    assert list(pd.read_csv(tmp_path / "nodes_by_class.csv")) == [*RANKING_COLUMNS, "class"]


def test_attributions_add_up_to_the_prediction_in_standard_deviations(cohort):
    fitted = FusionModel(NET, device="cpu").fit(cohort).fitted_
    net = FoldNet(fitted, 0, cohort.take(range(12)))
    found = IntegratedGradients().attribute(net)
    attributed = sum(found.columns[name].sum(2) for name in net.columns)[0]  # [N]
    nothing = {name: np.zeros_like(own) for name, own in net.columns.items()}
    change = (net.logits(net.columns) - net.logits(nothing))[:, 0]
    assert np.abs(attributed - change).sum() <= 0.011 * np.abs(change).sum()
    predicted = fitted.output(net.views)[:, 0]
    task = fitted.task
    mine = task.location + task.scale * net.logits(net.columns)[:, 0]
    np.testing.assert_allclose(mine, predicted, rtol=1e-6)


def test_patients_neighbours_and_edges_are_of_the_number(cohort):
    from graphfuse.graph.gene.network import GeneNetwork

    genes = [f"G{k}" for k in range(30)]
    pairs = pd.DataFrame({"source": genes[:-1], "target": genes[1:]})
    network = GeneNetwork.from_frame(pairs)
    recipe = Recipe.model_validate(
        {
            "name": "r",
            "patient": {"neighbours": 4},
            "net": {"encode": {"default": "table", "gene": "network"}, "width": 6},
            "train": {"epochs": 4, "stop": "last", "seeds": 1, "learning_rate": 1e-2},
        }
    )
    ranking = rank(replicas(cohort, recipe, network), cohort, network)
    assert len(ranking.edges) == 29 and np.isfinite(ranking.edges["score"]).all()
    planted = [any(gene in ("G1", "G2", "G3") for gene in name.split("|"))
               for name in ranking.edges["id"][:4]]  # fmt: skip
    assert sum(planted) >= 3
    scores = ranking.patient_edges["score"]
    assert np.isfinite(scores).all() and (scores > 0).any() and (scores < 0).any()


def test_a_planted_gene_set_ranks_first(cohort, tmp_path):
    others = [f"G{k}" for k in range(4, 28)]
    sets = {"planted": ["G1", "G2", "G3"]}
    sets |= {f"noise {k}": others[6 * k : 6 * k + 6] for k in range(4)}
    lines = ["\t".join([name, "", *genes]) for name, genes in sets.items()]
    (tmp_path / "sets.gmt").write_text("\n".join(lines) + "\n")
    recipe = Recipe.model_validate(
        {
            "name": "tokens",
            "pathways": {"sets": str(tmp_path / "sets.gmt"), "least": 3},
            "net": {
                "propagate": "none",
                "fuse": "attention_pool",
                "width": 8,
                "start": "none",
            },
            "train": {"epochs": 15, "seeds": 1, "learning_rate": 2e-2},
        }
    )
    table = rank(replicas(cohort, recipe), cohort, None).pathways
    assert table["id"][0] == "planted" and table["rank_hi"][0] == 1
    assert table["score"][0] > 2 * table["score"][1] > 0


def test_a_saved_run_is_ranked_as_it_was_in_memory(cohort, tmp_path):
    report = gf.train(cohort, LINEAR, cv=(2, 1), ledger=False, device="cpu")
    report.save(tmp_path / "run")
    saved = gf.rank(tmp_path / "run", cohort=cohort, device="cpu")
    memory = rank(report.replicas, cohort, None)
    assert set(saved.nodes["id"].head(len(EFFECTS))) == set(EFFECTS)
    pd.testing.assert_frame_equal(
        saved.nodes.drop(columns="degree"), memory.nodes.drop(columns="degree"), rtol=1e-6
    )

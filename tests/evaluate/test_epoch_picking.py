"""What picking the epoch on the test patients gains, by a curve that is that of nets trained so
long."""

import numpy as np
import pytest

from graphfuse.data.synth import planted
from graphfuse.errors import InputError
from graphfuse.evaluate.folds import repeated
from graphfuse.evaluate.leakage.epoch_picking import Picked, best_of_epochs, best_of_guesses
from graphfuse.evaluate.leakage.nulls import shuffled
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.schema import Recipe
from graphfuse.task.registry import metrics_of

METRICS = metrics_of("class")


def recipe_of(net=None, **train):
    """Two layers, few epochs."""
    train = {"epochs": 30, "seeds": 2, "learning_rate": 1e-2} | train
    net = {"width": 8} | (net or {})
    return Recipe.model_validate(
        {"name": "quick", "patient": {"neighbours": 5}, "net": net, "train": train}
    )


def ran(cohort, recipe, folds=3, network=None, **options):
    outcome = cohort.outcome()
    table = repeated(cohort.patients, outcome.values, folds, 1, 0)
    return best_of_epochs(cohort, outcome, recipe, network, table, 0, "cpu", **options)


@pytest.mark.parametrize(
    "net, network",
    [
        ({}, False),
        pytest.param({"encode": "mlp", "fuse": "late"}, False, marks=pytest.mark.slow),
        pytest.param(
            {"encode": {"default": "table", "rna": "network"}}, True, marks=pytest.mark.slow
        ),
    ],
    ids=["table", "mlp", "network"],
)
def test_the_curve_is_that_of_nets_trained_so_long(small, net, network):
    """After e epochs the nets followed are those that training for e epochs gives, for patients who
    lack a modality, too."""
    network = GeneNetwork.from_frame(small.network, "planted") if network else None
    train = {"stop": "last", "seeds": 1}
    whole = ran(small.cohort, recipe_of(net, epochs=8, **train), 2, network, metric="brier")
    assert whole.curves.shape == (2, 9) and np.ptp(whole.curves, axis=1).min() > 1e-4
    for epochs in (0, 3):
        recipe = recipe_of(net, epochs=epochs, **train)
        alone = ran(small.cohort, recipe, 2, network, metric="brier")
        np.testing.assert_allclose(whole.curves[:, epochs], alone.honest, atol=1e-5)
    np.testing.assert_allclose(whole.curves[:, 8], whole.honest, atol=1e-5)


def test_the_honest_score_is_one_of_the_curve_and_below_the_best(small):
    found = ran(small.cohort, recipe_of(epochs=10, seeds=1), 2, metric="brier")
    assert np.abs(found.curves - found.honest[:, None]).min(1).max() < 1e-5
    assert (found.best <= found.honest + 1e-5).all() and found.optimism >= 0


@pytest.mark.slow
def test_what_is_picked_on_shuffled_labels_is_self_deception():
    """100 patients who differ in nothing: honest folds are at chance, the best of 31 epochs is
    points above."""
    cohort = shuffled(planted(100, {"rna": 60, "meth": 40}, effect=2.0, seed=0).cohort, seed=1)
    found = ran(cohort, recipe_of(), folds=5)
    assert found.honest.mean() == pytest.approx(0.5, abs=0.12)
    assert found.optimism > 0.03 and found.best.mean() > found.honest.mean() + 0.03
    assert "from picking" in str(found) and "best of 31" in str(found)


def test_optimism_by_hand():
    curves = np.array([[0.5, 0.7, 0.6], [0.5, 0.5, 0.8]])
    found = Picked(METRICS["accuracy"], np.array([0.6, 0.5]), curves)
    assert found.best.tolist() == [0.7, 0.8] and found.optimism == pytest.approx(0.2)
    low = Picked(METRICS["brier"], np.array([0.6, 0.5]), curves)
    assert low.best.tolist() == [0.5, 0.5] and low.optimism == pytest.approx(0.05)


def test_an_unknown_metric_is_refused(small):
    with pytest.raises(InputError, match="'accurcy' is unknown"):
        ran(small.cohort, recipe_of(), metric="accurcy")


@pytest.mark.parametrize(
    "tested, classes, epochs, mean, interval",
    [
        ((27, 27, 27, 27, 30), 4, 50, 0.446, (0.413, 0.487)),
        ((25, 25, 25, 25, 28), 2, 80, 0.736, (0.702, 0.774)),
        ((27, 27, 27, 27, 30), 4, 10, 0.381, None),
        ((25, 25, 25, 25, 28), 2, 10, 0.651, None),
    ],
)
def test_guesses_picked_by_the_test_fold_score_what_was_worked_out_elsewhere(
    tested, classes, epochs, mean, interval
):
    """Figures worked out beforehand by simulation, for the fold sizes of two published systems."""
    found, span = best_of_guesses(tested, classes, epochs)
    assert found == pytest.approx(mean, abs=1e-3)
    assert interval is None or span == pytest.approx(
        interval, abs=1 / sum(tested)
    )  # a patient more or less


def test_one_guess_is_chance():
    assert best_of_guesses((40, 60), 4, 1)[0] == pytest.approx(0.25, abs=1e-12)

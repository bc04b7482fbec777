"""A fold with more patients, and what its steps take."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from graphfuse.evaluate.cost_plan.training_cost import by_steps, cells, enlarged, passes
from graphfuse.learn.bank.training import first_pass
from graphfuse.learn.fold_data import fold_data
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.schema import Recipe


@pytest.fixture(scope="module")
def fold(small, network):
    """The fold of 80 patients, 40 and 24 columns, in which both tables hear their network."""
    cohort, recipe = small.cohort, Recipe.named("multiplex")
    prepared = PreparedFold.fit(cohort, cohort.outcome(), recipe, network, 0)
    return fold_data(prepared, tuple(cohort.modalities), recipe)


def test_as_many_patients_are_the_same_fold(fold):
    same = enlarged(fold, 80)
    for mine, other in zip(same.inputs.x, fold.inputs.x, strict=True):
        coordinates = other.shape[-1]
        torch.testing.assert_close(mine[..., :coordinates], other)
    for mine, other in zip(same.inputs.lists, fold.inputs.lists, strict=True):
        assert all(map(torch.equal, mine, other))
    assert torch.equal(same.target.values, fold.target.values) and (same.inner == fold.inner).all()


@pytest.mark.parametrize("patients", [30, 200])
def test_patients_come_over_and_over_with_neighbours_of_their_own(fold, patients):
    other = enlarged(fold, patients)
    rows = np.arange(patients) % 80
    assert torch.equal(other.inputs.present, fold.inputs.present[rows])
    assert (
        torch.equal(other.target.values, fold.target.values[rows]) and len(other.inner) == patients
    )
    for mine, given in zip(other.inputs.lists, fold.inputs.lists, strict=True):
        assert torch.equal(mine.offsets.diff(), given.offsets.diff()[rows])
        assert len(mine.back_offsets) == patients + 1 and (mine.index < patients).all()
    first = other.inputs.lists[0]
    if patients == 200:  # the 81st is the first again
        start, end = first.offsets[80:82]
        own = fold.inputs.lists[0].index[: int(end - start)]
        assert torch.equal(first.index[start:end], own + 80)


def test_tables_have_as_many_coordinates_as_they_would(fold):
    """Of 40 and 24 columns: 30 patients leave 30 and 24, and 200 all of them."""
    for patients, expected in ((30, [30, 24]), (200, [40, 24])):
        other = enlarged(fold, patients)
        assert [x.shape[-1] for x in other.inputs.x] == expected
        assert [basis.shape for basis in other.basis] == [(40, expected[0]), (24, 24)]


def test_an_enlarged_fold_is_trained(fold):
    (choice,) = first_pass([enlarged(fold, 130)], Recipe.named("multiplex").train, 0, "cpu")
    assert np.isfinite(choice.curve).all() and len(choice.curve) > 1


def test_a_step_grows_with_patients_and_their_coordinates(fold):
    """40 and 24 columns: 30 patients have 30 and 24 coordinates, more have all."""
    assert cells(fold, 30) == 30 * (30 + 24)
    assert cells(fold, 100) == 100 * (40 + 24) and cells(fold, 5000) == 5000 * (40 + 24)
    alone = replace(fold, basis=(None, None))
    assert cells(alone, 100) == 100


def test_passes_are_timed(fold):
    recipe = Recipe.named("multiplex")
    alone, with_final = passes(fold, recipe, 0, "cpu")(2, 40, 80)
    assert 0 < alone < 60 and 0 < with_final < 60


def _squares(folds, trained, everyone):
    """A bank's step takes its folds' patients squared, and is padded to the most."""
    return folds * trained**2, (folds + 1) * everyone**2


def test_nets_follow_their_steps():
    """Probe of 100 patients in 2 folds of 80; the whole 1,000 in 5 of 800, twice: nets without and
    with graphs in either repeat, and the final one in the first."""
    needs = SimpleNamespace(folds=5, repeats=2, trained=800, everyone=1000)
    found = by_steps(_squares, {"net": 3.0, "controls": 2.0}, 100, needs)
    few = 2 * 80**2 + 3 * 100**2
    many = 3 * (5 * 800**2) + 6 * 1000**2
    assert found["net"] == pytest.approx(3.0 * many / few)
    assert found["controls"] == pytest.approx(2.0 * 2 * (5 * 800**2) / (2 * 80**2))


def test_steps_that_are_all_calls_come_with_each_bank_alone():
    needs = SimpleNamespace(folds=2, repeats=3, trained=500, everyone=1000)
    found = by_steps(lambda *sizes: (0.1, 0.1), {"net": 1.0, "controls": 1.0}, 128, needs)
    assert found == {"net": pytest.approx(3), "controls": pytest.approx(3)}

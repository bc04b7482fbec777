"""Files of a probe, carried on to those of the whole."""

import pytest

from graphfuse.api.plan_disk import Written, carried, drawn, graphs
from graphfuse.evaluate.cost_plan.estimate import Spent
from graphfuse.schema import Recipe


def test_what_a_fold_adds_comes_as_often_and_the_rest_once():
    """100 and 200 patients: a line each, on to 1,000; 6 times as many folds as were probed."""
    few = Written(Spent(2.0, 1.0), Spent(0.5, 0.4), 1000, 300)
    more = Written(Spent(3.0, 1.0), Spent(0.5, 0.5), 1000, 500)
    found = carried([100, 200], [few, more], 1000, 6)
    assert found.by_fold == pytest.approx((6 * 11.0, 6 * 1.0))
    assert found.once == pytest.approx((0.5, 1.3))
    assert found.fold_bytes == pytest.approx(6000) and found.once_bytes == pytest.approx(2100)


def test_files_of_all_patients_are_as_they_were():
    found = carried([80], [Written(Spent(2.0, 1.0), Spent(0.5, 0.4), 10, 300)], 80, 2)
    assert found == Written(Spent(4.0, 2.0), Spent(0.5, 0.4), 20, 300)


def test_graphs_of_more_patients_than_are_written_take_more_in_proportion(small, tmp_path):
    recipe = Recipe.named("multiplex")
    _, once = graphs(small.cohort, 80, recipe, None, 0)
    spent, often = graphs(small.cohort, 240, recipe, None, 0)
    assert often == pytest.approx(3 * once, rel=0.01) and once > 10_000 and spent.cpu > 0


def test_graphs_are_written_of_all_but_very_large_cohorts():
    """5,000 patients and 40 million cells at most."""
    assert drawn(5000, 60) == 5000 and drawn(90, 60_000) == 90
    assert drawn(20_000, 60) == 5000 and drawn(5000, 20_000) == 2000

"""Numbers by cluster, against scipy and by hand."""

import numpy as np
import pytest
from scipy.stats import kruskal

from graphfuse.subtypes.outcome_differences import differences
from graphfuse.task.outcome import Outcome

LABELS = np.array([0, 0, 0, 1, 1, 1, -1])
AGE = np.array([1.0, 2, 6, 8, np.nan, 10, 99])


def test_only_what_has_an_order_is_compared_on_the_known_of_the_clusters():
    time = Outcome("time", "survival", AGE, event=np.ones(7, bool))
    classes = Outcome("type", "class", np.array([0, 0, 1, 1, 1, 0, 0]), ("a", "b"))
    age = Outcome("age", "number", AGE, derived_from=("rna", "prot"))
    again = Outcome("again", "number", -AGE)
    found = differences(
        LABELS, {"time": time, "type": classes, "age": age, "again": again}, ("rna", "meth")
    )
    assert list(found) == ["age", "again"]
    expected = kruskal([1, 2, 6], [8, 10])
    assert (found["age"].statistic, found["age"].p) == pytest.approx(tuple(expected))
    assert found["age"].p_holm == pytest.approx(2 * expected.pvalue) and found["age"].df == 1
    groups = found["age"].groups
    assert groups["cluster"].tolist() == [0, 1] and groups["patients"].tolist() == [3, 2]
    assert groups["mean"].tolist() == [3, 9]
    assert groups["sd"].tolist() == pytest.approx([np.sqrt(7), np.sqrt(2)])
    assert found["age"].derived_from == ("rna",) and found["again"].derived_from == ()


@pytest.mark.parametrize(("labels", "values"), [(np.zeros(7, int), AGE), (LABELS, np.full(7, 3.0))])
def test_one_cluster_or_one_value_has_no_test(labels, values):
    found = differences(labels, {"age": Outcome("age", "number", values)}, ())["age"]
    assert np.isnan(found.p) and np.isnan(found.p_holm) and len(found.groups) >= 1
    assert differences(np.full(7, -1), {"age": Outcome("age", "number", values)}, ()) == {}

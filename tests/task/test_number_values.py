"""Numbers as tables have them: which cells are read, and what is odd about them."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.errors import InputError
from graphfuse.schema import OutcomeSpec
from graphfuse.task.outcome import read_outcome

rng = np.random.default_rng(11)
AGES = rng.normal(61, 9, 80).round()


def read(cells):
    """Values and notices of a column of such cells."""
    frame = pd.DataFrame({"y": cells}, [f"P{row}" for row in range(len(cells))])
    spec = OutcomeSpec(file="f.csv", kind="number", column="y")
    outcome, notices = read_outcome(frame, spec, "y", frame.index)
    return outcome.values, notices


def test_a_bound_counts_as_its_number_and_is_told():
    values, notices = read(["2.5", ">10", "≤ 0.01", "", "3", ">10"])
    assert values == pytest.approx([2.5, 10, 0.01, np.nan, 3, 10], nan_ok=True)
    assert notices == [
        "column 'y': 3 values are bounds ('>10', '≤ 0.01'), read as the number in it"
    ]


@pytest.mark.parametrize(
    "cells",
    [["resistant", "sensitive"] * 40, ["2019-04-01", "n.d."] * 3],
    ids=["classes", "dates"],
)
def test_words_are_no_numbers_and_may_be_classes(cells):
    with pytest.raises(
        InputError, match="'y' holds words and no numbers .* declare kind = \"class\""
    ):
        read(cells)


def test_one_number_among_words_is_no_column_of_words():
    with pytest.raises(InputError, match=r"2 values are no numbers \('low', '5 mg'\)"):
        read(["1.5", "low", "5 mg"])


@pytest.mark.parametrize(
    ("code", "cells", "said"),
    [(999.0, 7, "7 patients have 999"), (-9.0, 3, "<5 patients have -9")],
)
def test_a_code_for_missing_is_told(code, cells, said):
    ages = AGES.copy()
    ages[:cells] = code
    values, notices = read(ages)
    assert len(notices) == 1 and said in notices[0] and "a code for missing?" in notices[0]
    assert (values == ages).all()  # told, and not changed


@pytest.mark.parametrize(
    "values",
    [
        AGES,
        AGES * 1e-9,
        AGES * 1e6,
        np.maximum(rng.normal(size=80), 0).round(1),  # half of them 0
        rng.poisson(2.0, 200),
        rng.exponential(size=300),
        np.full(50, 3.5),
        rng.normal(size=12),
    ],
    ids=["ages", "small", "large", "ties", "counts", "exponential", "constant", "few"],
)
def test_nothing_is_told_of_usual_numbers(values):
    assert read(values)[1] == []


def test_values_that_decide_everything_are_told():
    doses = np.exp(3 * rng.normal(size=100))
    (notice,) = read(doses)[1]
    squares = np.sort((doses - doses.mean()) ** 2)
    assert f"hold {squares[-5:].sum() / squares.sum():.0%} of the variance" in notice
    assert "logarithm" in notice
    assert read(np.log(doses))[1] == []


def test_what_is_larger_than_any_measurement_is_refused():
    with pytest.raises(InputError, match=r"'y': 2 values lie beyond ±1e\+100"):
        read([1.5, -1e300, 2.5, 1e200])


def test_dates_are_not_taken_for_classes():
    with pytest.raises(InputError, match="3 values are no numbers .* write numbers"):
        read(pd.to_datetime(["2020-01-01"] * 3))


def test_truth_values_are_classes():
    with pytest.raises(InputError, match='declare kind = "class"'):
        read([True, False, True])

"""The linear part of a fold, reckoned from its pieces."""

from dataclasses import replace

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from graphfuse.evaluate.cost_plan.linear_cost import Counts, Solving, turned
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.schema import Recipe

TIMED = Solving(patients=1000, tables=2.0, search=0.3, turning=0.1, columns=(4000, 60))


def test_a_fold_as_it_was_timed_takes_what_its_parts_took():
    """One fit of tables, 4 searches, and 2 tables turned besides."""
    assert TIMED.fold(Counts(1, 4, 2), 1000) == pytest.approx(2.0 + 4 * 0.3 + 6 * 0.1)


def test_parts_grow_each_in_its_own_way():
    """Three times the patients: tables and searches 9 times, turning 27 times."""
    assert TIMED.fold(Counts(1, 0, 0), 3000) == pytest.approx(2.0 * 9)
    assert TIMED.fold(Counts(0, 1, 0), 3000) == pytest.approx(0.3 * 9 + 0.1 * 27)
    assert TIMED.fold(Counts(0, 0, 5), 3000) == pytest.approx(5 * 0.1 * 27)


def test_few_patients_have_more_partitions_and_tables_shrink_with_their_rows():
    """100 patients are parted 6 times (600 calls), 1,000 twice: 31 regressions, and 11."""
    assert TIMED.fold(Counts(1, 0, 0), 100) == pytest.approx(0.2)
    assert TIMED.fold(Counts(0, 1, 0), 100) == pytest.approx(0.3 * 0.01 * 31 / 11 + 0.1 * 1e-3)


def test_narrow_tables_of_many_patients_grow_with_the_patients_and_turn_no_kernel():
    """60 and 900 columns are worked with from 2,000 patients on."""
    narrow = replace(TIMED, columns=(900, 60))
    assert narrow.fold(Counts(1, 4, 2), 5000) == pytest.approx(5 * (2.0 + 4 * 0.3))
    assert narrow.fold(Counts(1, 4, 2), 1900) == TIMED.fold(Counts(1, 4, 2), 1900)


def test_a_study_is_its_folds_and_the_final_model():
    counts = Counts(1, 4, 2)
    found = TIMED.study(counts, 10, 800.4, 1000)
    assert found == pytest.approx(10 * TIMED.fold(counts, 800) + TIMED.fold(counts, 1000))


def test_a_cohort_is_timed_on_one_thread(small):
    """Threads of BLAS that wait for each other would be counted as work."""
    cohort, threads = small.cohort, []

    def prepared():
        threads.extend(each["num_threads"] for each in threadpool_info() if _is_blas(each))
        recipe = Recipe.named("multiplex")
        return PreparedFold.fit(cohort, cohort.outcome(), recipe, None, 0)

    with threadpool_limits(2, user_api="blas"):
        found = Solving.timed(prepared)
    assert threads and set(threads) == {1}
    assert found.patients == 80 and found.columns == (40, 24)
    assert found.tables >= 0 and found.search >= 0 and found.turning >= 0


def _is_blas(library):
    return library["user_api"] == "blas"


def test_turning_more_takes_longer():
    turned(50)
    assert turned(600) > turned(50)

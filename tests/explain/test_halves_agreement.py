"""How far models of two halves agree by chance, from permutations of the labels."""

import numpy as np
import pytest

from graphfuse.explain.halves_agreement import Agreement


@pytest.mark.parametrize("count", [1, 9])
def test_few_permutations_leave_what_is_reached_by_chance(count):
    assert Agreement(0.5, 0.2).beside(np.ones(count)).by_chance == 0.2


@pytest.mark.parametrize("count", [10, 19, 50])
def test_one_more_permutation_lies_above_in_at_most_a_tenth(count):
    """Of exchangeable values, so many are above as have no lower place."""
    bound = Agreement(0.5, 0.2).beside(np.random.default_rng(0).permutation(count)).by_chance
    above = count - bound  # places of one more value that lie above the bound
    assert above / (count + 1) <= 0.1 < (above + 1) / (count + 1)

"""Nogueira's stability against closed forms, a count over pairs, and the spread of selections drawn
again."""

import numpy as np
import pytest
from scipy import stats

from graphfuse.errors import InputError
from graphfuse.evaluate.selection_stability import nogueira


def drawn(count=10, features=40, chance=0.3, kept=8, seed=0):
    """Selections that share `kept` features for certain and take the others by chance."""
    rng = np.random.default_rng(seed)
    return np.hstack([np.ones((count, kept), bool), rng.random((count, features - kept)) < chance])


def test_equal_selections_are_wholly_stable():
    assert nogueira(np.tile([True, False, False, True], (5, 1))) == (
        pytest.approx(1),
        (pytest.approx(1), pytest.approx(1)),
    )


def test_two_disjoint_halves_are_as_unstable_as_can_be():
    """1 - mean s² / ¼ with s² = ½ for every feature: -1 = -1 / (M - 1)."""
    assert nogueira(np.array([[1, 1, 0, 0], [0, 0, 1, 1]]))[0] == pytest.approx(-1)


def test_selections_of_one_size_by_hand():
    """Kuncheva's index, of which this is the general form: mean over pairs of (overlap - k²/d) / (k
    - k²/d)."""
    rng = np.random.default_rng(0)
    size, features = 6, 30
    chosen = np.zeros((7, features), bool)
    for row in chosen:
        row[rng.choice(features, size, replace=False)] = True
    overlaps = [(a & b).sum() for i, a in enumerate(chosen) for b in chosen[:i]]
    expected = np.mean([(o - size**2 / features) / (size - size**2 / features) for o in overlaps])
    assert nogueira(chosen)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_selections_of_any_size_are_a_count_over_pairs(seed):
    """The unbiased variance of a feature is half the mean over pairs of selections of its squared
    difference."""
    chosen = drawn(seed=seed)
    pairs = [(a, b) for i, a in enumerate(chosen) for b in chosen[:i]]
    differ = np.mean([(a != b).mean() for a, b in pairs]) / 2
    share = chosen.mean()
    assert nogueira(chosen)[0] == pytest.approx(1 - differ / (share * (1 - share)), rel=1e-12)


def test_the_interval_is_that_of_the_paper_written_out():
    chosen = drawn(seed=4)
    m, d = chosen.shape
    value, (low, high) = nogueira(chosen)
    p, k = chosen.mean(0), chosen.sum(1)
    mean = k.mean()
    phi = []
    for i in range(m):
        both = sum(p[f] for f in range(d) if chosen[i, f]) / d
        third = value / 2 * (2 * mean * k[i] / d**2 - k[i] / d - mean / d + 1)
        phi.append((both - k[i] * mean / d**2 + third) / (mean / d * (1 - mean / d)))
    half = stats.norm.ppf(0.975) * np.sqrt(
        4 / m**2 * sum((each - np.mean(phi)) ** 2 for each in phi)
    )
    assert (low, high) == (
        pytest.approx(value - half, rel=1e-10),
        pytest.approx(min(value + half, 1), rel=1e-10),
    )


def test_the_interval_is_as_wide_as_selections_drawn_again_vary():
    values = np.array([nogueira(drawn(30, 60, seed=seed))[0] for seed in range(400)])
    halves = [
        high - value
        for value, (_, high) in (nogueira(drawn(30, 60, seed=seed)) for seed in range(50))
    ]
    assert np.mean(halves) / 1.96 == pytest.approx(values.std(ddof=1), rel=0.15)


def test_the_interval_covers_the_stability_of_all_selections():
    truth = nogueira(drawn(20_000, 60, seed=1000))[0]
    inside = [
        low <= truth <= high
        for _, (low, high) in (nogueira(drawn(30, 60, seed=seed)) for seed in range(300))
    ]
    assert 0.90 < np.mean(inside) <= 1


def test_chance_has_no_stability_whatever_the_length_of_its_lists():
    for size in (2, 20, 90):
        values = []
        for seed in range(100):
            rng = np.random.default_rng([size, seed])
            values.append(nogueira(np.stack([rng.permutation(100) < size for _ in range(8)]))[0])
        assert abs(np.mean(values)) < 4 * np.std(values) / 10


def test_a_level_of_confidence_may_be_chosen():
    chosen = drawn()
    value, (wide, _) = nogueira(chosen, 0.99)
    assert wide < nogueira(chosen)[1][0] < value


@pytest.mark.parametrize("every", [True, False], ids=["all", "none"])
def test_all_or_nothing_has_no_stability(every):
    value, ends = nogueira(np.full((4, 6), every))
    assert np.isnan([value, *ends]).all()


@pytest.mark.parametrize("shape", [(1, 5), (5,)], ids=["one", "flat"])
def test_one_selection_is_refused(shape):
    with pytest.raises(InputError, match="at least two selections"):
        nogueira(np.ones(shape, bool))

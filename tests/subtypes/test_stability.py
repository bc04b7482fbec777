"""Resampling, chance and the choice of a number of clusters."""

import numpy as np
import pandas as pd
import pytest

from graphfuse.subtypes.number_choice import choose
from graphfuse.subtypes.patient_stability import membership
from graphfuse.subtypes.stability import (
    Quality,
    Resampled,
    candidates,
    corrected,
    structure_p,
)


def table(
    stability, cohesion=0.9, null=(0.3, 0.4, 0.5) * 7, loose=(0.4, 0.5, 0.6) * 7, smallest=20
):
    """Candidates 2, 3, … of these stabilities and one cohesion, the same null draws for each; p,
    and how many nulls."""
    counts = list(range(2, 2 + len(stability)))
    full = {k: np.arange(k * smallest) % k for k in counts}
    agreement = pd.DataFrame({k: [s, s] for k, s in zip(counts, stability)})
    held = dict.fromkeys(counts, cohesion)
    nulls = Quality.of(
        [(pd.Series(s, counts), dict.fromkeys(counts, c)) for s, c in zip(null, loose)], counts
    )
    found = candidates(full, {k: k for k in counts}, np.zeros(9), agreement, held, nulls)
    return found, structure_p(Quality.of([(agreement.mean(), held)], counts), nulls), len(null)


def chosen(stability, gap=3, given=None, **more):
    return choose(*table(stability, **more), gap, given)


def test_the_steadiest_number_beyond_chance_is_chosen():
    choice = chosen([0.7, 0.98, 0.8])
    assert (choice.clusters, choice.by_stability, choice.by_eigengap, choice.stable) == (
        3,
        3,
        3,
        True,
    )
    assert choice.p == pytest.approx(1 / 22)
    assert "disagree" not in choice.why and "disagree" in chosen([0.98, 0.7], gap=5).why


def test_of_equals_the_finer_is_chosen():
    assert chosen([1.0, 0.5, 1.0]).clusters == 4


@pytest.mark.parametrize(
    "more",
    [
        {"stability": [0.5, 0.55]},
        {"stability": [0.9, 0.92], "null": (0.9, 0.95) * 10, "cohesion": 0.5},
        {"stability": [0.9, 0.9], "null": (0.9, 0.9) * 10, "loose": (0.2, 0.95) * 10},
        {"stability": [0.9, 0.9], "smallest": 2},
    ],
    ids=["below-the-floor", "as-loose-as-a-cloud", "within-the-clouds", "clusters-of-two"],
)
def test_no_stable_subtypes(more):
    choice = chosen(**more)
    assert (choice.clusters, choice.by_stability, choice.stable) == (1, None, False)
    assert choice.why.startswith("no stable subtypes")


def test_a_number_that_was_asked_for_is_kept_and_judged():
    assert chosen([0.7, 0.98], given=2).clusters == 2
    assert (
        not chosen([0.4, 0.98], given=2).stable
        and "are not stable" in chosen([0.4, 0.98], given=2).why
    )
    assert "stability says 3" in chosen([0.4, 0.98], given=2).why


def test_without_nulls_only_the_size_of_stability_counts():
    choice = chosen([0.7, 0.98], null=(), loose=())
    assert choice.clusters == 3 and np.isnan(choice.p)


def test_stability_is_corrected_like_kappa():
    assert corrected(1.0, 0.6) == 1 and corrected(0.6, 0.6) == 0 and corrected(0.7, np.nan) == 0.7


def test_trying_many_numbers_is_paid_for():
    """Data no different from the null pass at the nominal rate, however many numbers are tried."""
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(200):
        both = [pd.DataFrame(rng.uniform(0.5, 1, (20, 7)), columns=range(2, 9)) for _ in range(2)]
        one, others = Quality(*(d[:1] for d in both)), Quality(*(d[1:] for d in both))
        passed += structure_p(one, others) <= 0.05
    assert 2 <= passed < 20


def test_membership_matches_clusters_whatever_their_numbers():
    labels = np.array([0, 0, 0, 1, 1, -1])
    same = Resampled(
        [np.array([0, 1, 3, 5]), np.array([1, 2, 4])],
        [{2: np.array([1, 1, 0, -1])}, {2: np.array([0, 0, 1])}],
    )
    confidence, jaccard = membership(labels, same, 2)
    assert confidence[:5].tolist() == [1] * 5 and np.isnan(confidence[5])
    assert (jaccard == 1).all(axis=None)


def test_membership_counts_those_who_leave():
    labels = np.array([0, 0, 0, 0, 1, 1])
    one = Resampled([np.arange(6)], [{2: np.array([0, 0, 0, 1, 1, 1])}])
    confidence, jaccard = membership(labels, one, 2)
    assert confidence.tolist() == [1, 1, 1, 0, 1, 1]
    assert jaccard.iloc[0].tolist() == pytest.approx([3 / 4, 2 / 3])


def test_agreement_is_on_the_patients_of_both():
    full = {2: np.array([0, 0, 1, 1, -1])}
    part = Resampled([np.array([0, 1, 2, 4]), np.arange(5)], [{2: np.array([1, 1, 0, 0])}, {}])
    assert part.agreement(full)[2].tolist() == [1.0, 0.0]

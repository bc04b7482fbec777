"""Conditional permutation importance: what a column adds that correlated columns do not tell.

A column is permuted among patients in its residual alone, so that what is left of it goes with the
columns that correlate with it. A copy with noise of a column that matters has little residual, and
little credit; so has the column itself, of which the copy tells most. Two that say the same are
both small here: `groups.csv` and `occlusion-of-groups` show what they say together.
"""

from __future__ import annotations

import numpy as np

from graphfuse.errors import InputError
from graphfuse.explain.linear_net import is_linear, linear_gradients
from graphfuse.explain.method import Attribution, FoldNet, Method
from graphfuse.explain.residuals import residuals
from graphfuse.task.task import Task

FEWEST = 10  # patients among whom a column is permuted
DRAWS = 5  # permutations of each input, where the net is not linear
SEED = 0  # the same permutations for all nets


class Permutation(Method):
    """Conditional permutation: how far a class's logit, or a predicted number, changes where the
    residual of a column in a regression on correlated columns is permuted among the test patients,
    the mean over permutations. Labels have no part in it.

    References
    ----------
    Strobl, Boulesteix, Kneib, Augustin, Zeileis: Conditional variable importance for random forests
    (BMC Bioinformatics 9:307, 2008), which permutes within strata of correlated columns.

    Hooker, Mentch, Zhou: Unrestricted permutation forces extrapolation (Statistics and Computing
    31:82, 2021; arXiv 1905.03151), which permutes residuals.
    """

    compares_patients = True

    def description(self, task: Task) -> str:
        """Name what changes: a class's logit, or the predicted number."""
        return (
            f"Conditional permutation: how far {task.attribution_words.of} changes where the "
            "residual of a column, in a regression on the columns that correlate with it, is "
            "permuted among the test patients, the mean over permutations. Columns of which others "
            "tell most have small scores, the original as well as its copies: see groups.csv."
        )

    def attribute(self, net: FoldNet) -> Attribution:
        """Five evaluations of the net for each input; none where it is linear, where the mean over
        all permutations is the slope times the residual."""
        if len(net.cohort) < FEWEST:
            raise InputError(
                f"method = 'permutation': {len(net.cohort)} patients to permute among; at least "
                f"{FEWEST} are needed, so take another method or larger folds"
            )
        left = _residuals_of(net)
        columns = _linear_changes(net, left) if is_linear(net) else _changes(net, left)
        return Attribution(columns)


def _residuals_of(net: FoldNet) -> dict[str, np.ndarray]:
    """The residuals of each modality's inputs `[N, F]`."""
    has = [
        np.repeat(net.views.has[name][:, None], own.shape[1], 1)
        for name, own in net.columns.items()
    ]
    values = np.concatenate(list(net.columns.values()), axis=1)
    left = residuals(values, np.concatenate(has, axis=1))
    ends = np.cumsum([own.shape[1] for own in net.columns.values()])
    return dict(zip(net.columns, np.split(left, ends[:-1], axis=1), strict=True))


def _linear_changes(net: FoldNet, left: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Slopes times residuals `[K, N, F]`."""
    gradients = linear_gradients(net)
    return {name: own * gradients.columns(net.fitted, name) for name, own in left.items()}


def _changes(net: FoldNet, left: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The mean changes of outputs over permutations of residuals `[K, N, F]`."""
    whole = net.logits(net.columns)  # [N, K]
    source = np.random.default_rng(SEED)
    changes = {}
    for name, own in net.columns.items():
        changes[name] = np.zeros((whole.shape[1], *own.shape))
        rows = np.flatnonzero(net.views.has[name])
        orders = [source.permutation(len(rows)) for _ in range(DRAWS)]
        for place in np.flatnonzero(left[name].any(axis=0)):
            residual = left[name][rows, place]
            changed = own.copy()
            for order in orders:
                changed[rows, place] = own[rows, place] - residual + residual[order]
                permuted = net.logits({**net.columns, name: changed})
                changes[name][:, :, place] += (whole - permuted).T / DRAWS
    return changes

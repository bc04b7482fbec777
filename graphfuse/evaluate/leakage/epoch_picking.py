"""The optimism of picking the epoch on the test patients."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from scipy import stats

from graphfuse.data.cohort import Cohort
from graphfuse.evaluate.folds import splits
from graphfuse.graph.gene.network import GeneNetwork
from graphfuse.learn.bank.bank import Bank
from graphfuse.learn.bank.fold_nets import initial_net
from graphfuse.learn.bank.training import train
from graphfuse.learn.fold_data import FoldData, fold_data
from graphfuse.learn.fold_model import Fitted
from graphfuse.learn.linear.prepared_fold import PreparedFold
from graphfuse.learn.random_draws import mask_sources
from graphfuse.learn.standardised_columns import Views
from graphfuse.nn.net import Inputs, Net
from graphfuse.schema import Recipe
from graphfuse.task.metric import Metric
from graphfuse.task.outcome import Outcome
from graphfuse.task.registry import metrics_of

_DRAWS = 100_000


def best_of_guesses(
    tested: Sequence[int], classes: int, epochs: int, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Accuracy of a guesser among equal classes who reports the best of several guesses on each
    test fold.

    The mean over folds of the largest of `epochs` draws of Binomial(n, 1 / classes) / n: what
    epochs are worth where nothing is learned and no two are alike; real ones are, so that this is
    an upper end. The mean is exact, from P(largest ≤ k) = P(one ≤ k)^epochs; the interval is of
    `_DRAWS` draws of the folds.

    Parameters
    ----------
    tested : sequence of int
        Patients of each test fold.
    classes : int
        How many there are.
    epochs : int
        How often is guessed.
    seed : int
        Of the draws.

    Returns
    -------
    tuple
        The accuracy, and its 95 % interval.
    """
    rng = np.random.default_rng(seed)
    mean = 0.0
    drawn = np.zeros(_DRAWS)
    for size in tested:
        one = stats.binom.cdf(np.arange(size + 1), size, 1 / classes)
        largest = one**epochs  # P(largest ≤ k) of k = 0 … size
        mean += float((1 - largest).sum()) / size / len(tested)
        hits = np.searchsorted(largest, rng.random(_DRAWS))
        drawn += hits / size / len(tested)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return mean, (float(low), float(high))


@dataclass(frozen=True, eq=False)
class Picked:
    """A metric on J test folds after every epoch, and that of the net fitted without them.

    Attributes
    ----------
    metric : Metric
    honest : np.ndarray
        `[J]`, with the epoch chosen on inner folds.
    curves : np.ndarray
        `[J, epochs + 1]`, before every epoch and after the last.
    tested : tuple of int
        Patients of each fold.
    classes : int
        How many there are, where the metric counts hits.
    """

    metric: Metric
    honest: np.ndarray
    curves: np.ndarray
    tested: tuple[int, ...] = ()
    classes: int = 2

    @property
    def best(self) -> np.ndarray:
        """What a test fold shows to whoever looks at it after every epoch and reports the best
        `[J]`."""
        best = np.nanmin if self.metric.lower_is_better else np.nanmax
        return best(self.curves, 1)

    @property
    def optimism(self) -> float:
        """Mean over folds of what picking gains, in the metric's units; above 0 whichever way is
        up."""
        return float(np.nanmean(np.abs(self.best - self.honest)))

    def __str__(self) -> str:
        return (
            f"{self.metric.name}: {np.nanmean(self.honest):.3f} with the epoch chosen on inner "
            f"folds, {np.nanmean(self.best):.3f} "
            f"with the best of {self.curves.shape[1]} on the test patients: "
            f"{self.optimism:.3f} from picking{self._guessed()}"
        )

    def _guessed(self) -> str:
        """What guessing anew after every epoch would reach, of equal classes."""
        if not (self.metric.counts_hits and self.tested):
            return ""
        _, epochs = self.curves.shape
        mean, (low, high) = best_of_guesses(self.tested, self.classes, epochs)
        return (
            f"; a net that learns nothing and guesses again in each epoch would show {mean:.3f} "
            f"({low:.3f} to {high:.3f})"
        )


def best_of_epochs(
    cohort: Cohort,
    outcome: Outcome,
    recipe: Recipe,
    network: GeneNetwork | None,
    folds: pd.DataFrame,
    seed: int,
    device: str,
    metric: str | None = None,
) -> Picked:
    """What picking the epoch on the test patients is worth; with `shuffled` labels, all of it is
    self-deception.

    Every fold of the table is fitted as always; then its nets train once more, with the setting
    that was chosen, for all of the recipe's epochs, and are scored on the test patients before
    every one. A `[search]` is skipped.

    Parameters
    ----------
    cohort, outcome, recipe, network, folds, seed, device
        As in `study`.
    metric : str, optional
        Its name; default: the primary one of the outcome's kind.

    Raises
    ------
    InputError
        For an unknown metric.
    """
    metrics = metrics_of(outcome.kind)
    chosen = metrics[metric or metrics.primary]
    honest, curves, sizes = [], [], []
    cohort, values = cohort.ordered(), outcome.values
    for _, _, tested, rows in splits(folds, outcome.known):
        fold = PreparedFold.fit(cohort.take(rows), outcome.take(rows), recipe, network, seed)
        view = _View.of(fold, cohort.take(tested), recipe, seed, device)
        outputs = [view.honest(), *followed(view, recipe, seed, device)]
        first, *later = _scores(chosen, values[tested], outputs)
        honest.append(first)
        curves.append(later)
        sizes.append(len(tested))
    classes = outcome.task.width
    return Picked(chosen, np.array(honest), np.array(curves), tuple(sizes), classes)


def _scores(metric: Metric, y: np.ndarray, outputs: Sequence[np.ndarray]) -> list[float]:
    """The metric of each output for the known outcomes."""
    once = np.ones((1, len(y)))
    return [metric.score(y, output, once).item() for output in outputs]


@dataclass(frozen=True, eq=False)
class _View:
    """A fitted fold, and the inputs of its nets while they train: in the fold's own coordinates,
    of the training patients (`trained`) with the linear start that new ones get, and of the test
    patients (`shown`)."""

    fold: FoldData
    fitted: Fitted
    test: Views
    trained: Inputs
    shown: Inputs

    @classmethod
    def of(
        cls, prepared: PreparedFold, test: Cohort, recipe: Recipe, seed: int, device: str
    ) -> _View:
        modalities = tuple(prepared.cohort.modalities)
        fold = fold_data(prepared, modalities, recipe)
        (trained,) = train([fold], recipe, seed, device)
        fitted = Fitted.gather(prepared, modalities, recipe, trained)
        views = fitted.preparation.views(test)
        own = fitted.inputs(prepared.views.only(modalities), new=False)
        own = own._replace(x=fold.inputs.x)
        x = fitted.preparation.encoder_inputs(views, _turned(fold, views))
        shown = fitted.inputs(views)._replace(x=x)
        return cls(fold, fitted, views, own, shown)

    def honest(self) -> np.ndarray:
        """Outputs for the test patients `[q, O]` by the nets as they were fitted."""
        return self.fitted.output(self.test)

    def output_of(self, nets: list[Net]) -> np.ndarray:
        """Outputs for the test patients `[q, O]` by these nets, one per seed, as they are in
        training."""
        with torch.no_grad():
            senders = [net.double().sender_states(self.trained).float() for net in nets]
            fitted = replace(self.fitted, nets=nets, states=senders)
            logits = torch.stack([fitted.run(number, self.shown) for number in range(len(nets))])
        return fitted.averaged(logits.cpu())


def _turned(fold: FoldData, views: Views) -> dict[str, np.ndarray]:
    """Columns of new patients in the coordinates in which the fold's are given."""
    turned = {}
    for (m, own), basis in zip(views.own.items(), fold.basis, strict=False):
        if basis is None:
            continue
        turned[m] = own @ basis
        if m in views.x_smoothed:
            smoothed = views.x_smoothed[m] @ basis
            turned[m] = np.stack([turned[m], smoothed], 1)
    return turned


class _Watched(Bank):
    """A bank of one fold that shows its `nets` to `look` before every epoch."""

    def __init__(
        self, nets: list[Net], fold: FoldData, look: Callable[[list[Net]], None], **options
    ):
        super().__init__([nets], [fold.inputs], [fold.target], fold.task, **options)
        self.nets = [copy.deepcopy(net).eval() for net in nets]
        self.look = look

    def show(self) -> None:
        """Shows the nets as they are now."""
        for number, net in enumerate(self.nets):
            net.load_state_dict(self.state(0, number))
        self.look(self.nets)

    def masks(self, draws, settings):
        self.show()
        return super().masks(draws, settings)


def followed(view: _View, recipe: Recipe, seed: int, device: str) -> list[np.ndarray]:
    """Outputs for the test patients `[q, O]` before every epoch and after the last."""
    section, fold = recipe.train, view.fold
    seeds = range(seed, seed + section.seeds)
    outputs = []

    def look(nets: list[Net]) -> None:
        outputs.append(view.output_of(nets))

    bank = _Watched(
        [initial_net(fold, each) for each in seeds],
        fold,
        look,
        device=device,
        dropout=section.dropout,
        modality_dropout=section.modality_dropout,
        amp=section.amp,
    )
    whole = torch.ones(1, section.seeds, len(fold.inner))
    draws = [[mask_sources(fold.channels, each) for each in seeds]]
    bank.train(whole, [section.epochs], draws, **view.fitted.setting)
    bank.show()
    return outputs

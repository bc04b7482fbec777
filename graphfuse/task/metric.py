"""What a metric is: how it is computed, and all that a reader or a table has to know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from graphfuse.errors import InputError, nearest
from graphfuse.text.format_numbers import significant

Scored = Callable[..., np.ndarray]


@dataclass(frozen=True, eq=False)
class Metric:
    """One way to score outputs against what is known.

    Parameters
    ----------
    name : str
        As in files.
    title : str
        As at the head of a column.
    meaning : str
        One sentence for a glossary.
    score : callable
        `score(y, output, weights)` gives float64 `[D]`, the score under each of D weightings of the
        same rows, of the known outcomes `y` `[N]`, the model's `output` (`[N, K]` for K classes)
        and `weights` `[D, N]`; NaN where there is no score. Where `by_level`, it takes `levels` too
        (int `[L]` or None for all): the levels of `y` over which its mean over levels runs.
    chance : float or callable
        What the score of a model without knowledge is: a number, or a function of how the outcome
        is distributed (class shares `[K]`).
    inline : str
        The title within a sentence; blank: as at the head of a column.
    bounds : tuple of float
        The smallest and the largest value.
    needs : str
        What patients must have for there to be a score, in words; blank: any patients have one.
    pooled : bool
        Whether a run's score is that of the test patients of all folds of a repeat together: in a
        fold alone it is biased by how few they are.
    unseen : callable or None
        Where the score hangs on kinds of patients of whom there may be none, as those of a rare
        class who are predicted right: from the width of the output, one row of each kind (`y`
        `[C]` and `output` `[C, O]`), and as how many patients each counts when scores are drawn.
    lower_is_better : bool
    percent : bool
        Whether differences are written in points, hundredths of the metric.
    by_level : bool
        Whether it is a mean over levels of the outcome.
    counts_hits : bool
        Whether it is the share of rows whose level is called right, so that the hits of guesses are
        binomial.
    compared, compared_outside, by_group : bool
        Whether it stands in a run's comparisons of models, in those on another cohort, and in the
        scores of groups of patients.
    """

    name: str
    title: str
    meaning: str
    score: Scored
    chance: float | Callable[[np.ndarray], float]
    inline: str = ""
    bounds: tuple[float, float] = (0.0, 1.0)
    needs: str = ""
    pooled: bool = False
    unseen: Callable[[int], tuple[np.ndarray, np.ndarray, float]] | None = None
    lower_is_better: bool = False
    percent: bool = True
    by_level: bool = False
    counts_hits: bool = False
    compared: bool = False
    compared_outside: bool = False
    by_group: bool = False

    @property
    def in_sentence(self) -> str:
        """The title within a sentence."""
        return self.inline or self.title

    @property
    def is_even(self) -> bool:
        """Whether every guess, whatever it says, scores `chance` on average: that is a number
        midway between the bounds, as a guess is right as often as its opposite."""
        return not callable(self.chance) and self.chance == sum(self.bounds) / 2

    def over(self, levels: np.ndarray) -> Metric:
        """The same metric as a mean over these levels of the outcome only.

        Parameters
        ----------
        levels : np.ndarray
            int `[L]`; none: there is no score.

        Returns
        -------
        Metric
            Itself where it is no mean over levels.
        """
        if not self.by_level:
            return self
        return replace(self, score=partial(self.score, levels=levels))

    @property
    def is_of_any_size(self) -> bool:
        """Whether scores have no largest value, as in the outcome's units."""
        return not np.isfinite(self.bounds[1])

    def written(self, value: float, like: float | None = None) -> str:
        """A score, or a difference of scores: with three decimals, or, where scores may be of any
        size, with three significant digits, or the decimals of a score `like` another."""
        return significant(value, like=like) if self.is_of_any_size else f"{value:,.3f}"

    def signed(self, difference: float, like: float | None = None) -> str:
        """The same of a difference, with its sign."""
        text = self.written(difference, like)
        return text if difference < 0 else f"+{text}"

    def in_points(self, difference: float) -> str:
        """A difference with its sign: "+1.2" in points (hundredths) where `percent`, else
        "+0.012"."""
        return f"{100 * difference:+.1f}" if self.percent else self.signed(difference)

    def is_better(self, difference: float) -> bool:
        """Whether a score that is larger by so much (not 0) is the better one."""
        return (difference > 0) != self.lower_is_better


@dataclass(frozen=True, eq=False)
class MetricSet:
    """The metrics of one kind of outcome, in the order of files and tables.

    Parameters
    ----------
    kind : str
        Of outcome, as in a manifest.
    metrics : tuple of Metric
    primary : str
        The metric that a report's sentences are about.
    secondary : str
        The one that is shown beside it.
    headline_of : callable
        The width of the output (K classes) → the metric that stands for the whole where only one
        has room.
    headline_rule : str
        Which one that is, in words.
    """

    kind: str
    metrics: tuple[Metric, ...]
    primary: str
    secondary: str
    headline_of: Callable[[int], str]
    headline_rule: str

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.metrics)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Metric:
        """The metric of this name; raises `InputError` where there is none."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise InputError(f"metric {name!r} is unknown{nearest(name, self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Of all metrics, in order."""
        return tuple(metric.name for metric in self.metrics)

    @property
    def compared(self) -> tuple[Metric, ...]:
        """Those in which a run's models are compared."""
        return tuple(metric for metric in self.metrics if metric.compared)

    @property
    def compared_outside(self) -> tuple[Metric, ...]:
        """Those in which models are compared on a cohort that they never saw."""
        return tuple(metric for metric in self.metrics if metric.compared_outside)

    @property
    def by_group(self) -> tuple[Metric, ...]:
        """Those in which groups of patients are scored."""
        return tuple(metric for metric in self.metrics if metric.by_group)

    def scores(self, y: np.ndarray, output: np.ndarray) -> dict[str, float]:
        """Metric → score of `output` (`[N, K]` for K classes) for the known outcomes `y` `[N]`,
        every row counting once; NaN where there is no score."""
        once = np.ones((1, len(y)))
        return {metric.name: metric.score(y, output, once).item() for metric in self.metrics}

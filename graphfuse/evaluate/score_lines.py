"""The scores of a run as lines of text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from graphfuse.errors import examples
from graphfuse.schema import Comparison, Metrics, Score
from graphfuse.schema.run_model_name import GROUP, WITHOUT, ModelId
from graphfuse.task.metric import Metric
from graphfuse.task.registry import metrics_of


def score_lines(metrics: Metrics) -> list[str]:
    """The net and its baselines as text: the metrics compared, with 95 % intervals."""
    shown = metrics_of(metrics.kind).compared
    scores = dict(metrics.models)
    for name, row in metrics.variants.items():
        if ModelId.parse(name).is_one_of(WITHOUT, GROUP):
            scores[name] = row
    table = {"": [metric.name for metric in shown]}
    for name, row in scores.items():
        table[name] = [_cell(row.get(metric.name, Score.none()), metric) for metric in shown]
    widest = max(len(cell) + 2 for cells in table.values() for cell in cells)
    width = max(24, widest)
    lines = []
    for name, cells in table.items():
        columns = "".join(f"{cell:>{width}}" for cell in cells)
        lines.append(f"{name:<22}{columns}")
    return [*lines, *missing_scores(metrics, shown)]


def missing_scores(metrics: Metrics, shown: Iterable[Metric]) -> list[str]:
    """Why models have no score in some of these metrics, or none in some folds: a line for each
    metric and reason."""
    rows = metrics.models | metrics.variants
    lines = []
    for metric in shown:
        models = defaultdict(list)
        for name, row in rows.items():
            score = row.get(metric.name, Score.none())
            if score.reason is not None:
                models[score.reason].append(name)
        for reason, names in models.items():
            of_some = "" if len(names) == len(rows) else f" of {examples(names)}"
            lines.append(f"{metric.title}{of_some}: {reason}")
    return lines


def verdict_words(pair: Comparison, metric: Metric, in_points: bool = False) -> str:
    """The verdict; where no difference is shown, with the smallest that would have been."""
    if pair.verdict != "no difference shown" or pair.detectable is None:
        return pair.verdict
    return f"{pair.verdict} ({detectable(pair, metric, in_points)})"


def detectable(pair: Comparison, metric: Metric, in_points: bool = False) -> str:
    """The smallest difference that would have been shown, with the power that it is for; blank
    where it is not known."""
    if pair.detectable is None:
        return ""
    if in_points and metric.percent:
        return f"detectable: {100 * pair.detectable:.1f} points"
    return f"detectable: {metric.written(pair.detectable)}"


def _cell(score: Score, metric: Metric) -> str:
    """A score with its interval; a range between ends that may be negative has a word."""
    if score.mean is None:
        return "-"
    low, high = score.ci95
    if low is None:
        return metric.written(score.mean)
    larger = max(low, high, key=abs)
    to = " to " if metric.bounds[0] < 0 else "-"
    ends = to.join(metric.written(end, like=larger) for end in (low, high))
    return f"{metric.written(score.mean)} ({ends})"

"""The scores of a run as lines of text."""

from __future__ import annotations

from graphfuse.schema import Metrics, Score
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
    return lines


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

"""A row for every model and fold, and what can be said of all rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphfuse.evaluate.ledger import OURS, pairs
from graphfuse.evaluate.metrics import compare, summary
from graphfuse.schema import METRICS, Metrics

VARIANTS = ("without:", "group:", "pattern:", "only:", "patient:", "gene:")  # no rung of the ladder
COMPARED = ("accuracy", "macro_f1", "auroc")
COLUMNS = ("model", "repeat", "fold", "tested", "trained", *METRICS, "seconds")


def tally(table: pd.DataFrame, target: str, protocol: dict) -> Metrics:
    """Means over folds with corrected intervals of a table with `COLUMNS`, and the net against every other model.

    `tested` and `trained` count labelled patients. Patterns of modalities are the net itself on some patients: they are
    scored, and compared with nothing.
    """
    whole = table[table["model"] == OURS] if (table["model"] == OURS).any() else table
    share = float(whole["tested"].mean() / max(whole["trained"].mean(), 1))
    folds = {name: part.set_index(["repeat", "fold"]) for name, part in table.groupby("model", sort=False)}
    rows = {
        name: {m: summary(part[m].to_numpy(float), share, m) for m in METRICS}
        | {"fit_seconds": round(float(part["seconds"].sum()), 2)}
        for name, part in folds.items()
    }
    names = [name for name in folds if not name.startswith("pattern:")]
    wanted = [(OURS, name) for name in names if name != OURS] + pairs(names) if OURS in folds else []
    found = [_compared(folds, a, b, metric, share) for a, b in dict.fromkeys(wanted) for metric in COMPARED]
    return Metrics(
        target=target,
        protocol=protocol,
        models={name: row for name, row in rows.items() if not name.startswith(VARIANTS)},
        variants={name: row for name, row in rows.items() if name.startswith(VARIANTS)},
        comparisons=[pair for pair in found if pair],
    )


def _compared(folds: dict[str, pd.DataFrame], a: str, b: str, metric: str, share: float):
    """The comparison over the folds that both have."""
    both = folds[a].index.intersection(folds[b].index)
    first, second = (folds[name].loc[both, metric].to_numpy(float) for name in (a, b))
    return compare(a, b, metric, first, second, share) if len(both) and np.isfinite(first).any() else None

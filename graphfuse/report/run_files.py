"""A run directory, read for its report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphfuse.data.safe_csv import unguarded
from graphfuse.errors import InputError
from graphfuse.explain.biology.marker_list import MARKER_COLUMNS
from graphfuse.explain.biology.network_modules import MODULE_COLUMNS
from graphfuse.explain.biology.over_representation import ENRICHMENT_COLUMNS
from graphfuse.explain.faithfulness.faithfulness import FAITHFULNESS_COLUMNS
from graphfuse.explain.knockoff_list import KNOCKOFF_COLUMNS
from graphfuse.explain.recovery.recovery import RECOVERY_COLUMNS
from graphfuse.explain.stability import STABILITY_COLUMNS
from graphfuse.files.safe_paths import inside
from graphfuse.schema import GROUP_COLUMNS, RANKING_COLUMNS, Evaluation, Metrics, RunRecord
from graphfuse.schema.read_run_json import Shaped, read_shape

RANKINGS = ("nodes", "genes", "groups", "edges", "modalities", "nodes_by_class")
_BESIDE = {"nodes_by_class": ("class",), "groups": GROUP_COLUMNS}  # columns beside the schema's
_KNOWN = {  # tables beside the rankings → their columns
    "enrichment": ENRICHMENT_COLUMNS,
    "modules": MODULE_COLUMNS,
    "positive_control": ENRICHMENT_COLUMNS,
    "markers": MARKER_COLUMNS,
    "knockoffs": KNOCKOFF_COLUMNS,
    "stability": STABILITY_COLUMNS,
    "faithfulness": FAITHFULNESS_COLUMNS,
    "recovery": RECOVERY_COLUMNS,
}
_KNOWN_TEXT = {
    "gene_set",
    "genes",
    "marker",
    "measured",
    "first",
    "kind",
    "id",
    "gene",
    "modality",
    "measure",
    "order",
    "against",
    "metric",
    "cohort",
}
_WHO = ("patient", "repeat", "fold", "truth")  # of predictions, before what is predicted
_NUMBERS = (
    "rank", "score", "sign", "rank_mean", "rank_lo", "rank_hi", "selected_frequency",
    "null_quantile", "degree", "marginal", "marginal_lo", "marginal_hi", "effect",
    "difference", "p", "q", "missing_share", "network_share", "size", "ablation", "ablation_rank",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Run:
    """The files of a run directory: `rankings` and `known` (what stands beside them, such as what
    is known of the first genes) are empty where none were made, `predictions` and `evaluation`
    where there is no such file."""

    record: RunRecord
    metrics: Metrics
    predictions: pd.DataFrame
    rankings: dict[str, pd.DataFrame]
    evaluation: Evaluation
    known: dict[str, pd.DataFrame]


def read_run(folder: Path) -> Run:
    """The run in `folder`; raises `InputError` where `run.json` or `metrics.json` is missing or a
    file is not as it should be."""
    folder = Path(folder)
    tables = {name: inside(folder, f"rankings/{name}.csv") for name in RANKINGS}
    rankings = {name: _ranking(path) for name, path in tables.items() if path.is_file()}
    known = _known(folder)
    record = _shaped(inside(folder, "run.json"), RunRecord)
    metrics = _shaped(inside(folder, "metrics.json"), Metrics)
    wanted = list(dict.fromkeys([*_WHO, *record.task.columns]))
    predictions = pd.DataFrame(columns=wanted)
    path = inside(folder, "predictions.csv")
    if path.is_file():
        predictions = _predictions(path, wanted)
    evaluation = Evaluation()
    path = inside(folder, "evaluation.json")
    if path.is_file():
        evaluation = _shaped(path, Evaluation)
    return Run(record, metrics, predictions, rankings, evaluation, known)


def _known(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables beside the rankings, by name, in the order of their files."""
    tables = {}
    for name, columns in _KNOWN.items():
        path = inside(folder, f"rankings/{name}.csv")
        if path.is_file():
            table = _csv(path, columns)
            numbers = [column for column in columns if column not in _KNOWN_TEXT]
            table[numbers] = table[numbers].apply(pd.to_numeric, errors="coerce")
            tables[name] = table
    return tables


def _shaped(path: Path, shape: type[Shaped]) -> Shaped:
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; give the folder that `graphfuse train … -o DIR` wrote"
        )
    return read_shape(path, shape)


def _predictions(path: Path, wanted: Sequence[str]) -> pd.DataFrame:
    table = _csv(path, wanted)
    chances = [column for column in table if column.startswith("p_")]
    table[chances] = table[chances].apply(pd.to_numeric, errors="coerce")
    return table[table["truth"] != ""].reset_index(drop=True)


def _ranking(path: Path) -> pd.DataFrame:
    wanted = (*RANKING_COLUMNS, *_BESIDE.get(path.stem, ()))
    table = _csv(path, wanted)
    for column in table.columns.intersection(_NUMBERS):
        table[column] = pd.to_numeric(table[column], errors="coerce")
    return table.sort_values("rank", kind="stable", ignore_index=True)


def _csv(path: Path, wanted: Iterable[str]) -> pd.DataFrame:
    """All cells as text, so that an item called NA or 007 keeps its name; blank where missing."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path}: not readable as csv: {error}; make it again") from None
    missing = [column for column in wanted if column not in table]
    if missing:
        raise InputError(
            f"{path}: no column {', '.join(missing)}; make the file again with this version"
        )
    return table.apply(unguarded)

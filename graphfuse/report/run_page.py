"""The report of a run: one HTML file that opens offline, made from the files of the run directory
and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from graphfuse.files.atomic_write import undamaged, whole
from graphfuse.report import (
    figures,
    formatting,
    graph_ablation,
    leakage,
    modality_contributions,
    provenance,
    rankings,
    scores,
    section,
    subgroups,
)
from graphfuse.report.run_files import Run, read_run
from graphfuse.report.templates import template
from graphfuse.schema import RunRecord
from graphfuse.task.metric import MetricSet
from graphfuse.task.registry import metrics_of

_RANKED = {"genes": "genes", "nodes": "features", "edges": "gene-network edges"}  # table → items


def write_report(folder: Path) -> Path:
    """Writes `report.html` in a run directory from that directory's files alone, whole or not at
    all.

    The same files give the same bytes. No patient's id is in it.

    Parameters
    ----------
    folder : pathlib.Path
        The run directory.

    Returns
    -------
    pathlib.Path
        The path of the report.

    Raises
    ------
    InputError
        Where the folder is no run directory.
    """
    folder = Path(folder)
    with undamaged(folder):
        run = read_run(folder)
    text = page(run)
    with whole(folder / "report.html") as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    return folder / "report.html"


def page(run: Run) -> str:
    """The report of a run.

    Parameters
    ----------
    run : Run
        The files of a run directory.

    Returns
    -------
    str
        HTML.
    """
    return template("report.html.jinja").render(**_shown(run))


def _shown(run: Run) -> dict[str, Any]:
    """Everything the template shows."""
    known = metrics_of(run.metrics.kind)
    tested = run.predictions["patient"].nunique()
    return {
        **_task(run.record, known),
        **_scores(run, known),
        **_parts(run, known),
        **_flow(run.record.fitted, tested),
        **_net(run.record),
        **_making(run),
        "sections": section.made(run),
        "missed": section.missed(run),
        "ranked": _ranked(run) if run.rankings else None,
    }


def _task(record: RunRecord, known: MetricSet) -> dict[str, Any]:
    """The outcome in words, and the metrics that judge its predictions."""
    return {
        "known": known,
        "primary": known[known.primary],
        "by_level": any(metric.by_level for metric in known),
        "names": {metric.name: metric.title for metric in known},
        "meanings": {metric.name: metric.meaning for metric in known},
        "lower": [metric.name for metric in known if metric.lower_is_better],
        "brief": record.task.brief,
        "report_words": record.task.report_words,
        "guess": record.task.baseline_meaning.removeprefix("always "),
    }


def _scores(run: Run, known: MetricSet) -> dict[str, Any]:
    """The scores of all models, and how they compare."""
    metrics = run.metrics
    compared, pairs = scores.comparisons(metrics)
    drawn = (known.primary, known.secondary)
    interval = run.record.protocol.get("interval")
    return {
        "sizes": formatting.sizes(metrics),
        "verdict": scores.verdict(metrics),
        "tally": scores.tally(metrics),
        "parents": run.record.fitted.get("derived_from") or scores.derived_from(metrics),
        "baselines": scores.baselines(metrics),
        "variants": scores.variants(metrics),
        "forest": _forest(run),
        "far": any(scores.is_unbounded(known[name]) for name in drawn),
        "compared": compared,
        "pairs": pairs,
        "basis": formatting.BASIS.get(interval, formatting.BASIS["corrected"]),
    }


def _parts(run: Run, known: MetricSet) -> dict[str, Any]:
    """What graphs and modalities are worth, how groups of patients fare, and what leaks."""
    return {
        "graphs": graph_ablation.ablations(run.metrics),
        "graph_metrics": graph_ablation.compared_in(run.metrics),
        "worth": modality_contributions.contributions(run.metrics, run.evaluation),
        "groups": subgroups.subgroup_tables(run.evaluation.subgroups, known),
        "leaks": leakage.leak_checks(run),
        "hide_below": formatting.HIDE_BELOW,
    }


def _net(record: RunRecord) -> dict[str, Any]:
    """The final net: its learned weights, and how long it trained."""
    fitted = record.fitted
    start = record.recipe.get("net", {}).get("start", "linear")
    return {
        "gate_headings": list(rankings.gate_headings(fitted).values()),
        "gates": rankings.gates(fitted),
        "mix": fitted.get("mix", {}),
        "epochs": rankings.epochs(fitted, start == "linear"),
    }


def _making(run: Run) -> dict[str, Any]:
    """How the run was made."""
    record = run.record
    return {
        "record": record,
        "date": record.created[:10],
        "made": provenance.made(record),
        "recipe": provenance.toml_text(record.recipe),
        "notices": provenance.without_ids(record.notices, run.predictions["patient"]),
    }


def _flow(fitted: Mapping[str, Any], tested: int) -> dict[str, Any]:
    """The cohort in counts; blank where the run did not note them. `tested`: how many were held out
    at some time."""
    patients, classes = fitted.get("patients"), fitted.get("classes", {})
    labelled = fitted.get("labelled", sum(classes.values()) or None)
    return {
        "patients": patients,
        "labelled": labelled,
        "tested": tested,
        "presence": _bars(fitted.get("presence", {}), patients),
        "classes": _bars(classes, labelled),
        "coverage": fitted.get("coverage", {}),
    }


def _bars(counts: Mapping[str, int], total: int | None) -> list[tuple[str, int, int]]:
    """Name, count and share in whole per cents of `total`; no share is given where the count is
    hidden."""
    total = total or max(counts.values(), default=1)
    bars = []
    for name, count in counts.items():
        is_shown = count >= formatting.HIDE_BELOW
        share = round(100 * count / max(total, 1)) if is_shown else 0
        bars.append((name, count, share))
    return bars


def _forest(run: Run) -> Markup | None:
    """The scores of all models in the two metrics that tell most."""
    known = metrics_of(run.metrics.kind)
    first, second = known[known.primary], known[known.secondary]
    title = f"{first.title} and {second.in_sentence} by model, dots with 95 % intervals"
    return scores.forest(run.metrics, (first, second), "forest", title)


def _ranked(run: Run) -> dict[str, Any]:
    """Rankings as shown: figures and tables of genes, features and edges, shares of modalities,
    features by class."""
    tables = {name: table for name, table in run.rankings.items() if not table.empty}
    kinds = [_kind(tables[name], name, what) for name, what in _RANKED.items() if name in tables]
    methods = {table["method"].iloc[0] for table in tables.values()} - {""}
    shares, by_class = [], {}
    if "modalities" in tables:
        shares = rankings.shares(tables["modalities"])
    if "nodes_by_class" in tables:
        by_class = rankings.by_class(tables["nodes_by_class"], run.record.task.ranked_apart)
    return {
        "method": ", ".join(sorted(methods)),
        "kinds": kinds,
        "shares": shares,
        "by_class": by_class,
    }


def _kind(table: pd.DataFrame, name: str, what: str) -> dict[str, Any]:
    """One ranking: its figure (`None` where nothing scores), table and stability."""
    dots = rankings.dots(table)
    title = f"Rank of the first {len(dots)} {what}, dots with intervals over the fold models"
    return {
        "name": name,
        "what": what,
        "total": len(table),
        "figure": Markup(figures.ranks(dots, name, title)) if dots else None,
        "rows": rankings.markers(table),
        "stability": rankings.stability(table, what),
    }

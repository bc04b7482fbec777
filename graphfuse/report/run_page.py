"""The report of a run: one HTML file that opens offline, made from the files of the run directory
and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from graphfuse.evaluate.score_lines import missing_scores
from graphfuse.explain.group_scores import ABLATED
from graphfuse.explain.stability import figures, verdict
from graphfuse.files.atomic_write import undamaged, whole
from graphfuse.report import (
    biology,
    column_groups,
    faithfulness,
    formatting,
    graph_ablation,
    leakage,
    learned_weights,
    modality_contributions,
    page_plots,
    provenance,
    rankings,
    recovery,
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
    shown = _task(run.record, known)
    shown |= _scores(run, known)
    shown |= _parts(run, known)
    shown |= _flow(run.record.fitted, tested)
    shown |= _net(run.record)
    shown |= _making(run)
    shown["sections"] = section.made(run)
    shown["missed"] = section.missed(run)
    shown["ranked"] = _ranked(run) if run.rankings else None
    shown["biology"] = biology.findings(run.known)
    shown["recovery"] = recovery.findings(run.known.get("recovery"))
    moved = run.record.task.attribution_words.moved
    shown["faithfulness"] = faithfulness.findings(run.known.get("faithfulness"), known, moved)
    return shown


def _task(record: RunRecord, known: MetricSet) -> dict[str, Any]:
    """The outcome in words, and the metrics that judge its predictions."""
    task = record.task
    shown: dict[str, Any] = {"known": known, "primary": known[known.primary]}
    shown["by_level"] = any(metric.by_level for metric in known)
    shown["names"] = {metric.name: metric.title for metric in known}
    shown["meanings"] = {metric.name: metric.meaning for metric in known}
    shown["lower"] = [metric.name for metric in known if metric.lower_is_better]
    shown["brief"] = task.brief
    shown["report_words"] = task.report_words
    shown["guess"] = task.baseline_meaning.removeprefix("always ")
    return shown


def _scores(run: Run, known: MetricSet) -> dict[str, Any]:
    """The scores of all models, and how they compare."""
    metrics = run.metrics
    drawn = (known.primary, known.secondary)
    interval = run.record.protocol.get("interval")
    noted_parents = run.record.fitted.get("derived_from")
    shown: dict[str, Any] = {"sizes": formatting.sizes(metrics)}
    shown["verdict"] = scores.verdict(metrics)
    shown["tally"] = scores.tally(metrics)
    shown["parents"] = noted_parents or scores.derived_from(metrics)
    shown["baselines"] = scores.baselines(metrics)
    shown["variants"] = scores.variants(metrics)
    shown["forest"] = _forest(run)
    shown["far"] = any(scores.is_unbounded(known[name]) for name in drawn)
    shown["compared"], shown["pairs"] = scores.comparisons(metrics)
    shown["missing"] = missing_scores(metrics, known)
    shown["adjusted"] = sum(pair.p_adjusted is not None for pair in metrics.comparisons)
    shown["basis"] = formatting.BASIS.get(interval, formatting.BASIS["corrected"])
    return shown


def _parts(run: Run, known: MetricSet) -> dict[str, Any]:
    """Ablation of the graphs, contributions of modalities, subgroups, and checks for leakage."""
    metrics, evaluation = run.metrics, run.evaluation
    shown: dict[str, Any] = {"hide_below": formatting.HIDE_BELOW}
    shown["graphs"] = graph_ablation.ablations(metrics)
    shown["graph_metrics"] = graph_ablation.compared_in(metrics)
    shown["worth"] = modality_contributions.contributions(metrics, evaluation)
    shown["groups"] = subgroups.subgroup_tables(evaluation.subgroups, known)
    shown["leaks"] = leakage.leak_checks(run)
    return shown


def _net(record: RunRecord) -> dict[str, Any]:
    """The final net: its learned weights, and how long it trained."""
    fitted = record.fitted
    start = record.recipe.get("net", {}).get("start", "linear")
    shown: dict[str, Any] = {"mix": fitted.get("mix", {})}
    shown["gate_headings"] = list(learned_weights.gate_headings(fitted).values())
    shown["gates"] = learned_weights.gates(fitted)
    shown["epochs"] = learned_weights.epochs(fitted, start == "linear")
    return shown


def _making(run: Run) -> dict[str, Any]:
    """How the run was made."""
    record, patients = run.record, run.predictions["patient"]
    shown: dict[str, Any] = {"record": record, "date": record.created[:10]}
    shown["made"] = provenance.made(record)
    shown["recipe"] = provenance.toml_text(record.recipe)
    shown["notices"] = provenance.without_ids(record.notices, patients)
    return shown


def _flow(fitted: Mapping[str, Any], tested: int) -> dict[str, Any]:
    """The cohort in counts; blank where the run did not note them. `tested`: how many were test
    patients in some fold."""
    patients, classes = fitted.get("patients"), fitted.get("classes", {})
    labelled = fitted.get("labelled", sum(classes.values()) or None)
    shown = {"patients": patients, "labelled": labelled, "tested": tested}
    shown["presence"] = _bars(fitted.get("presence", {}), patients)
    shown["classes"] = _bars(classes, labelled)
    shown["coverage"] = fitted.get("coverage", {})
    return shown


def _bars(counts: Mapping[str, int], total: int | None) -> list[tuple[str, int, int]]:
    """Name, count and share in whole per cents of `total`; no share is given where the count is
    hidden."""
    total = total or max(counts.values(), default=1)
    bars = []
    for name, count in counts.items():
        share = 0
        if count >= formatting.HIDE_BELOW:
            share = round(100 * count / max(total, 1))
        bars.append((name, count, share))
    return bars


def _forest(run: Run) -> Markup | None:
    """The scores of all models in the primary and the secondary metric."""
    known = metrics_of(run.metrics.kind)
    first = known[known.primary]
    second = known[known.secondary]
    title = f"{first.title} and {second.in_sentence} by model, dots with 95 % intervals"
    return scores.forest(run.metrics, (first, second), "forest", title)


def _ranked(run: Run) -> dict[str, Any]:
    """Rankings as shown: figures and tables of genes, features and edges, shares of modalities,
    features by class."""
    tables = {name: table for name, table in run.rankings.items() if not table.empty}
    kinds, over = [], _stability(run)["over"]
    for name, what in _RANKED.items():
        if name in tables:
            kinds.append(_kind(tables[name], name, what, over))
    methods = {table["method"].iloc[0] for table in tables.values()}
    method = ", ".join(sorted(methods - {""}))
    shares, by_class, groups, group_count = [], {}, [], 0
    if "groups" in tables:
        groups, group_count = column_groups.group_rows(tables["groups"]), len(tables["groups"])
    if "modalities" in tables:
        shares = rankings.shares(tables["modalities"])
    if "nodes_by_class" in tables:
        classes = run.record.task.ranked_apart
        by_class = rankings.by_class(tables["nodes_by_class"], classes)
    shown = {"method": method, "kinds": kinds, "shares": shares, "by_class": by_class}
    shown |= {"groups": groups, "group_count": group_count, "ablated": ABLATED}
    shown |= _stability(run)
    return shown | {"alone": run.record.task.attribution_words.alone}


def _stability(run: Run) -> dict[str, Any]:
    """The verdict on the first items and the models that it is by; without resamples, what ranges
    are over."""
    table = run.known.get("stability")
    if table is None or table.empty:
        return {"over": "the folds", "verdict": "", "figures": ""}
    found = {"verdict": verdict(table), "figures": figures(table)}
    return {"over": "resamples", **found}


def _kind(table: pd.DataFrame, name: str, what: str, over: str) -> dict[str, Any]:
    """One ranking: its figure (`None` where nothing scores), its table and its stability."""
    dots = rankings.dots(table)
    title = f"Rank of the first {len(dots)} {what}, dots with ranges over {over}"
    shown = {"name": name, "what": what, "total": len(table), "figure": None}
    if dots:
        shown["figure"] = Markup(page_plots.ranks(dots, name, title))
    shown["rows"] = rankings.markers(table)
    shown["stability"] = rankings.stability(table, what)
    return shown

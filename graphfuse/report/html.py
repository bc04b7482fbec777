"""The report of a run: one HTML file that opens offline, made from the files of the run directory
and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from graphfuse.files.written import undamaged, whole
from graphfuse.report import (
    figures,
    groups,
    leaks,
    ledger,
    markers,
    modalities,
    scores,
    section,
    words,
)
from graphfuse.report.files import Run, read_run
from graphfuse.report.template import template
from graphfuse.task.registry import metrics_of


def write_report(folder: Path) -> Path:
    """Writes `report.html` in a run directory from that directory's files alone, whole or not at
    all; returns its path.

    The same files give the same bytes. No patient's id is in it. Raises `InputError` where the
    folder is no run directory.
    """
    folder = Path(folder)
    with undamaged(folder):
        run = read_run(folder)
    text = page(run)
    with whole(folder / "report.html") as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    return folder / "report.html"


def page(run: Run) -> str:
    """The report of a run as HTML."""
    return template("report.html.jinja").render(**_told(run))


def _told(run: Run) -> dict[str, Any]:
    """Everything the template shows."""
    record, metrics = run.record, run.metrics
    known = metrics_of(metrics.kind)
    compared, pairs = scores.comparisons(metrics)
    return {
        "record": record,
        "known": known,
        "sizes": words.sizes(metrics),
        "primary": known[known.primary],
        "brief": record.task.brief,
        "report_words": record.task.report_words,
        "guess": record.task.baseline_meaning.removeprefix("always "),
        "by_level": any(metric.by_level for metric in known),
        "date": record.created[:10],
        "verdict": scores.verdict(metrics),
        "tally": scores.tally(metrics),
        "parents": record.fitted.get("derived_from") or scores.derived_from(metrics),
        "names": {metric.name: metric.title for metric in known},
        "meanings": {metric.name: metric.meaning for metric in known},
        "lower": [metric.name for metric in known if metric.lower_is_better],
        "ladder": scores.ladder(metrics),
        "variants": scores.variants(metrics),
        "forest": _forest(run),
        "far": any(scores.is_unbounded(known[name]) for name in (known.primary, known.secondary)),
        "compared": compared,
        "pairs": pairs,
        "basis": words.BASIS.get(record.protocol.get("interval"), words.BASIS["corrected"]),
        "hide_below": words.HIDE_BELOW,
        "graphs": ledger.told(metrics),
        "graph_metrics": ledger.compared_in(metrics),
        "worth": modalities.told(metrics, run.evaluation),
        "groups": groups.told(run.evaluation.subgroups, known),
        "leaks": leaks.told(run),
        **_flow(record.fitted, run.predictions["patient"].nunique()),
        "sections": section.made(run),
        "missed": section.missed(run),
        "doors": list(markers.doors(record.fitted).values()),
        "gates": markers.gates(record.fitted),
        "mix": record.fitted.get("mix", {}),
        "epochs": markers.epochs(record.fitted),
        "ranked": _ranked(run) if run.rankings else None,
        "made": markers.made(record),
        "recipe": markers.toml_text(record.recipe),
        "notices": markers.without_ids(record.notices, run.predictions["patient"]),
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
    return [
        (n, c, round(100 * c / max(total, 1)) if c >= words.HIDE_BELOW else 0)
        for n, c in counts.items()
    ]


def _forest(run: Run) -> Markup | None:
    known = metrics_of(run.metrics.kind)
    first, second = known[known.primary], known[known.secondary]
    title = f"{first.title} and {second.in_sentence} by model, dots with 95 % intervals"
    return scores.forest(run.metrics, (first, second), "forest", title)


def _ranked(run: Run) -> dict[str, Any]:
    """Rankings as shown: figures and tables of genes, features and edges, shares of modalities,
    features by class."""
    found = {name: table for name, table in run.rankings.items() if not table.empty}
    kinds = [
        _kind(found[name], name, what) for name, what in
        (("genes", "genes"), ("nodes", "features"), ("edges",
        "gene-network edges")) if name in found
    ]  # fmt: skip
    methods = {table["method"].iloc[0] for table in found.values()} - {""}
    return {
        "method": ", ".join(sorted(methods)),
        "kinds": kinds,
        "shares": markers.shares(found["modalities"]) if "modalities" in found else [],
        "by_class": markers.by_class(found["nodes_by_class"], run.record.task.ranked_apart)
        if "nodes_by_class" in found
        else {},
    }


def _kind(table: pd.DataFrame, name: str, what: str) -> dict[str, Any]:
    """One ranking: its figure (`None` where nothing scores), table and steadiness."""
    dots = markers.dots(table)
    title = f"Rank of the first {len(dots)} {what}, dots with intervals over the fold models"
    return {
        "name": name,
        "what": what,
        "total": len(table),
        "figure": Markup(figures.ranks(dots, name, title)) if dots else None,
        "rows": markers.markers(table),
        "steadiness": markers.steadiness(table, what),
    }
